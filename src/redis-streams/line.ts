import { systemClock, within } from '../ports/time.js';
import { type Argument, openSession, type RedisClient, type Session } from './session.js';

/** What a server says that is alive and will not do it; the connection is as good as before. */
const REFUSAL = /^(?!READONLY|LOADING|MASTERDOWN|UNBLOCKED)[A-Z]{3,} /;

/** A connection of our own: made when it is needed, and anew after one that failed or did not answer in time. */
export class Line {
	readonly #client: RedisClient;
	readonly #timeoutMs: number;
	#session: Promise<Session> | undefined;
	#made = 0;

	constructor(client: RedisClient, timeoutMs: number) {
		this.#client = client;
		this.#timeoutMs = timeoutMs;
	}

	/** Connects if need be. @returns which connection it is: 1 for the first one, and so on. */
	async open(): Promise<number> {
		if (this.#session === undefined) {
			this.#made++;
			this.#session = openSession(this.#client);
		}
		const session = this.#session;
		const made = this.#made;
		await this.#bounded('connect', 0, session, session);
		return made;
	}

	/**
	 * Sends a command. Rejects when the server refuses, cannot be reached, or has not answered in time.
	 *
	 * @param options  `waitMs`: how long the server itself waits before it answers. `bytes`: texts of the answer as Buffers.
	 */
	async send(args: readonly Argument[], { waitMs = 0, bytes = false } = {}): Promise<unknown> {
		await this.open();
		const session = this.#session as Promise<Session>;
		const { send } = await session;
		return this.#bounded(`do ${args[0]}`, waitMs, session, send(args, bytes));
	}

	/** Ends the connection. What comes later makes another one. */
	end(): void {
		this.#drop(this.#session);
	}

	async #bounded<T>(what: string, waitMs: number, session: Promise<Session>, work: Promise<T>): Promise<T> {
		try {
			return await within(systemClock, this.#timeoutMs + waitMs, `redis, to ${what},`, work);
		} catch (error) {
			if (!(error instanceof Error && REFUSAL.test(error.message))) this.#drop(session);
			throw error;
		}
	}

	#drop(session: Promise<Session> | undefined): void {
		if (this.#session === session) this.#session = undefined;
		// One that could not be made has nothing to end, and whoever waited for it has heard why.
		session?.then(
			({ end }) => end(),
			() => {},
		);
	}
}
