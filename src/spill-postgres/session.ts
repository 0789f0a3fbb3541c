import { randomUUID } from 'node:crypto';
import { Mutex } from 'async-mutex';
import { SpillError } from '../ports/spill.js';
import { systemClock, within } from '../ports/time.js';
import type { PostgresConnection, PostgresResult } from './client.js';
import { failure, isDropped, isFatal, sqlState } from './failure.js';
import { quoted } from './names.js';
import type { Options } from './options.js';

/** Nothing waits longer for the server; then the connection is given up. The shedder waits as long for an append. */
const TIMEOUT_MS = 10_000;
/** A predecessor that has just ended may need a moment to let go. */
const LOCK_WAIT_MS = 1_000;
const LOCK_NOT_AVAILABLE = '55P03';

type Rows = PostgresResult['rows'];

/**
 * The connection that owns the store: it holds an advisory lock, and every statement goes through it, one at a time.
 *
 * The server gives the lock to another only when this connection and the statement on it have ended, so a statement of
 * a former owner can never follow one of its successor: the lock is its own fence.
 */
export class Session {
	/**
	 * Marks the connection of the server. A pooler that lends it to others between statements, such as PgBouncer in
	 * transaction mode, would lend the lock too; statements that change something ask for this mark.
	 */
	readonly token = randomUUID();
	readonly #connection: PostgresConnection;
	readonly #name: string;
	readonly #turns = new Mutex();
	#lost: { readonly cause: unknown } | undefined;

	/** @throws SpillError `SPILL_LOCKED` when another store owns the table. */
	static async open(options: Options): Promise<Session> {
		const connecting = options.pool.connect();
		let connection: PostgresConnection;
		try {
			connection = await within(systemClock, TIMEOUT_MS, 'connecting', connecting);
		} catch (cause) {
			// One that arrives too late goes back to the pool; one that fails later was already told of as too late.
			connecting.then(
				(late) => late.release(),
				() => {},
			);
			throw failure(cause);
		}
		const session = new Session(connection, quoted(options));
		try {
			await session.#own();
			return session;
		} catch (error) {
			await session.close();
			throw error;
		}
	}

	private constructor(connection: PostgresConnection, name: string) {
		this.#connection = connection;
		this.#name = name;
		connection.on('error', this.#lose);
		connection.on('end', this.#lose);
	}

	get lost(): boolean {
		return this.#lost !== undefined;
	}

	/** It was lost because somebody dropped the table, while it was ours. */
	get dropped(): boolean {
		return isDropped(this.#lost?.cause);
	}

	query = async (text: string, values: unknown[] = []): Promise<Rows> => (await this.run(text, values)).rows;

	/** Runs a statement after those before it. @throws SpillError; the connection is given up unless the server refused for another reason than that the table is gone. */
	run(text: string, values: unknown[] = []): Promise<PostgresResult> {
		return this.#turns.runExclusive(async () => {
			if (this.#lost) throw connectionLost(this.#lost.cause);
			try {
				return await within(systemClock, TIMEOUT_MS, 'a statement', this.#connection.query(text, values));
			} catch (error) {
				if (isDropped(error)) {
					// What is known of the table is wrong now; who acquires it next makes it anew.
					this.#lose(error);
					throw failure(error);
				}
				if (isFatal(error)) this.#lose(error);
				throw this.#lost ? connectionLost(error) : failure(error);
			}
		});
	}

	/**
	 * Has every page read by the index, in its order. A table that was filled a moment ago has no statistics: the planner
	 * takes it for small and would read and sort all of what waits for each page.
	 */
	async readInOrder(): Promise<void> {
		await this.query(`SELECT set_config(name, 'off', false) FROM pg_settings WHERE name IN (${PLANS})`);
	}

	/** The connection is not ours any more, whatever it says. */
	abandon(): SpillError {
		const error = new SpillError(
			`the connection of the postgres spill ${this.#name} was lent to others: its lock needs a connection of its own, ` +
				'so connect directly or through a pooler in session mode',
			{ code: 'SPILL_LOCK_LOST' },
		);
		this.#lose(error);
		return error;
	}

	/** Lets go of the table and gives the connection back. Never rejects. */
	async close(): Promise<void> {
		if (this.lost) return;
		try {
			await this.query(`SELECT pg_advisory_unlock(hashtextextended($1, 0)), set_config('${TOKEN}', '', false)`, [
				`brownout ${this.#name}`,
			]);
			await this.query(`SELECT set_config(name, reset_val, false) FROM pg_settings WHERE name IN (${PLANS})`);
		} catch (error) {
			// Closing the connection ends the lock as well.
			this.#lose(error);
		}
		if (this.lost) return;
		this.#lost = { cause: undefined };
		this.#connection.removeListener('error', this.#lose);
		this.#connection.removeListener('end', this.#lose);
		this.#connection.release();
	}

	async #own(): Promise<void> {
		await this.query('BEGIN');
		await this.query(`SET LOCAL lock_timeout = ${LOCK_WAIT_MS}`);
		try {
			await this.query(`SELECT pg_advisory_lock(hashtextextended($1, 0)), set_config('${TOKEN}', $2, false)`, [
				`brownout ${this.#name}`,
				this.token,
			]);
		} catch (error) {
			if (error instanceof SpillError && sqlState(error.cause) === LOCK_NOT_AVAILABLE) {
				await this.query('ROLLBACK');
				throw new SpillError(`the postgres spill ${this.#name} is open elsewhere: it has one owner at a time`, {
					code: 'SPILL_LOCKED',
					cause: error.cause,
				});
			}
			throw error;
		}
		await this.query('COMMIT');
	}

	/** Kept after the connection was given up, because a late error without a listener would end the process. */
	readonly #lose = (cause?: unknown): void => {
		if (this.#lost) return;
		this.#lost = { cause };
		this.#connection.release(true);
	};
}

/** True for a statement that runs on the connection which took the lock. @param parameter the number of the token. */
export const owns = (parameter: number): string => `current_setting('${TOKEN}', true) = $${parameter}`;

const TOKEN = 'brownout.owner';
/** Ways to read a table that give no order. */
const PLANS = `'enable_bitmapscan', 'enable_seqscan'`;

const connectionLost = (cause: unknown) =>
	new SpillError(`the postgres spill lost its connection${cause instanceof Error ? `: ${cause.message}` : ''}`, {
		code: 'SPILL_CONNECTION',
		cause,
	});
