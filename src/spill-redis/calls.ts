import { SpillError } from '../ports/spill.js';
import { spillError } from './errors.js';

/** What a spill needs of a client: `ioredis` 5 and 6 have it. */
export interface RedisClient {
	/**
	 * Sends a command, in the order of the calls, and resolves with its reply, in which strings are Buffers. Rejects with the
	 * error of the server or of the connection.
	 */
	callBuffer(command: string, args: (string | Buffer | number)[]): Promise<unknown>;
}

/** How a call is made. */
export interface CallOptions {
	/** What is called, for messages: `append`. */
	readonly what: string;
	readonly signal?: AbortSignal | undefined;
	/** What it keeps in memory until the client has settled it. Default 0. */
	readonly bytes?: number;
}

/** Calls of a client, each bounded in time. */
export class Calls {
	#pendingBytes = 0;
	readonly #underWay = new Set<Promise<unknown>>();

	constructor(
		private readonly client: RedisClient,
		private readonly timeoutMs: number,
	) {}

	/**
	 * Sends a command now.
	 *
	 * @throws SpillError; the reason of the signal. Either may come before the server has answered, which it still may do.
	 */
	send(
		command: string,
		args: (string | Buffer | number)[],
		{ what, signal, bytes = 0 }: CallOptions,
	): Promise<unknown> {
		if (signal?.aborted) return Promise.reject(signal.reason);
		let reply: Promise<unknown>;
		try {
			reply = this.client.callBuffer(command, args);
		} catch (error) {
			return Promise.reject(spillError(what, error));
		}
		// Counted until the client lets go of it, not until we give it up.
		this.#pendingBytes += bytes;
		const settled = () => {
			this.#pendingBytes -= bytes;
		};
		reply.then(settled, settled);
		const answer = this.#bounded(what, reply, signal);
		this.#underWay.add(answer);
		const over = () => this.#underWay.delete(answer);
		answer.then(over, over);
		return answer;
	}

	/** What the client has not settled yet: it queues what it cannot send. */
	get pendingBytes(): number {
		return this.#pendingBytes;
	}

	/** Resolves when nothing is under way any more, at the latest after `timeoutMs`. */
	async settled(): Promise<void> {
		await Promise.allSettled(this.#underWay);
	}

	#bounded(what: string, reply: Promise<unknown>, signal: AbortSignal | undefined): Promise<unknown> {
		const { timeoutMs } = this;
		return new Promise((resolve, reject) => {
			const end = () => {
				clearTimeout(timer);
				signal?.removeEventListener('abort', giveUp);
			};
			const giveUp = () => {
				end();
				reject(signal?.reason);
			};
			const timer = setTimeout(() => {
				end();
				const message = `redis has not answered the ${what} within ${timeoutMs} ms`;
				reject(new SpillError(message, { code: 'SPILL_CONNECTION' }));
			}, timeoutMs);
			signal?.addEventListener('abort', giveUp);
			reply.then(
				(value) => {
					end();
					resolve(value);
				},
				(error: unknown) => {
					end();
					reject(spillError(what, error));
				},
			);
		});
	}
}

/** A reply of a script: words, the first of which says what happened. */
export function words(reply: unknown): readonly [string, ...string[]] {
	const [first = '', ...others] = (reply as readonly (Buffer | string)[]).map(String);
	return [first, ...others];
}
