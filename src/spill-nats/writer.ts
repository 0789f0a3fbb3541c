import { SpillError } from '../ports/spill.js';
import { systemClock, within } from '../ports/time.js';
import { apiCode, failure, isFenced, isUnheard } from './failure.js';
import { connectionLost, onLoss } from './link.js';
import type { Options } from './options.js';
import { locked, TIMEOUT_MS } from './owner.js';

/** Writes to the stream as its only owner: each message says which one it expects before it. */
export class Writer {
	readonly #onLost: () => void;
	readonly #options: Options;
	readonly #publish: ReturnType<Options['manager']['jetstream']>;
	readonly #unfollow: () => void;
	#last: number;
	#lost = false;
	/** Ends the wait for the write under way. */
	#interrupt: (error: SpillError) => void = () => {};

	/**
	 * @param last the number of the last message of the stream.
	 * @param onLost called once, when the stream is not ours any more or nobody knows.
	 */
	constructor(options: Options, last: number, onLost: () => void) {
		this.#onLost = onLost;
		this.#options = options;
		this.#publish = options.manager.jetstream();
		this.#last = last;
		this.#unfollow = onLoss(options.connection, () => {
			this.lose();
			this.#interrupt(connectionLost());
		});
	}

	get lost(): boolean {
		return this.#lost;
	}

	/**
	 * @returns the number of the message.
	 * @throws SpillError. Unless the server refused the message, the stream is lost: the message may yet arrive.
	 */
	async write(subject: string, data: Uint8Array): Promise<number> {
		const { stream } = this.#options;
		if (this.#lost) throw connectionLost();
		const expect = { lastSequence: this.#last, streamName: stream };
		let seq: number;
		try {
			const publishing = this.#publish.publish(subject, data, { timeout: TIMEOUT_MS, expect });
			const interrupted = new Promise<never>((_, reject) => {
				this.#interrupt = reject;
			});
			({ seq } = await within(systemClock, TIMEOUT_MS, 'a write', Promise.race([publishing, interrupted])));
		} catch (error) {
			if (isFenced(error)) {
				this.lose();
				throw locked(stream, error);
			}
			if (apiCode(error) === undefined) this.lose();
			if (isUnheard(error)) throw gone(stream, error);
			throw failure(error);
		}
		if (seq !== this.#last + 1) {
			this.lose();
			throw locked(stream);
		}
		this.#last = seq;
		return seq;
	}

	lose(): void {
		if (this.#lost) return;
		this.#lost = true;
		this.#unfollow();
		this.#onLost();
	}
}

const gone = (stream: string, cause: unknown) =>
	new SpillError(
		`nobody takes messages for the stream ${stream} of the nats spill: it was deleted, or JetStream is off`,
		{
			code: 'SPILL_CONNECTION',
			cause,
		},
	);

/** Asks something of the server, in bounded time. @throws SpillError */
export async function bounded<T>(what: string, work: () => Promise<T>): Promise<T> {
	try {
		return await within(systemClock, TIMEOUT_MS, what, work());
	} catch (error) {
		throw failure(error);
	}
}
