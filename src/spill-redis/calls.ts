import { SpillError } from '../ports/spill.js';
import { spillError } from './errors.js';

/** What may be sent: a text, bytes, a number. */
export type Argument = string | Buffer | number;

/**
 * What a spill needs of a client: `ioredis` 5 and 6 have it. Each function sends its command, in the order of the calls, and
 * rejects with the error of the server or of the connection.
 *
 * These are commands with names of their own, since `call` and `callBuffer` of ioredis fail under `enableAutoPipelining`.
 */
export interface RedisClient {
	/** `EVAL`; strings of the reply are texts. */
	eval(script: string, keys: number, ...keysAndArguments: Argument[]): Promise<unknown>;
	/** `XRANGE`: entries, each its id and a list of names and values, all Buffers. */
	xrangeBuffer(key: string, from: string, to: string, count: 'COUNT', most: number): Promise<unknown>;
	/** `INFO`: lines of `name:value`. */
	info(): Promise<string>;
	/** `CONFIG GET` of one setting: its name and its value. */
	config(get: 'GET', setting: string): Promise<unknown>;
}

/** How a call is made. */
export interface CallOptions {
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
	 * Sends a command now. `what` names it in messages: `append`.
	 *
	 * @throws SpillError; the reason of the signal. Either may come before the server has answered, which it still may do.
	 */
	send<T>(
		what: string,
		call: (client: RedisClient) => Promise<T>,
		{ signal, bytes = 0 }: CallOptions = {},
	): Promise<T> {
		if (signal?.aborted) return Promise.reject(signal.reason);
		let reply: Promise<T>;
		try {
			reply = call(this.client);
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

	/** Runs a script. @returns its words, the first of which says what happened. */
	async script(
		what: string,
		source: string,
		args: readonly [keys: number, ...Argument[]],
		options?: CallOptions,
	): Promise<readonly [string, ...string[]]> {
		const reply = await this.send(what, (client) => client.eval(source, ...args), options);
		const [first = '', ...others] = (reply as readonly (Buffer | string)[]).map(String);
		return [first, ...others];
	}

	/** What the client has not settled yet: it queues what it cannot send. */
	get pendingBytes(): number {
		return this.#pendingBytes;
	}

	/** Resolves when nothing is under way any more, at the latest after `timeoutMs`. */
	async settled(): Promise<void> {
		await Promise.allSettled(this.#underWay);
	}

	#bounded<T>(what: string, reply: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
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
