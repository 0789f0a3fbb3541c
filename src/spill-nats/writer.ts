import { SpillError } from '../ports/spill.js';
import { systemClock, within } from '../ports/time.js';
import { apiCode, failure, isFenced } from './failure.js';
import type { Options } from './options.js';
import { locked, TIMEOUT_MS } from './owner.js';

/** Writes to the stream as its only owner: each message says which one it expects before it. */
export class Writer {
	/** Called once, when the stream is not ours any more or nobody knows. */
	onLost: () => void = () => {};
	readonly #options: Options;
	readonly #publish: ReturnType<Options['manager']['jetstream']>;
	#last: number;
	#lost = false;

	/** @param last the number of the last message of the stream. */
	constructor(options: Options, last: number) {
		this.#options = options;
		this.#publish = options.manager.jetstream();
		this.#last = last;
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
		if (this.#lost) throw new SpillError('the nats spill was lost', { code: 'SPILL_CONNECTION' });
		const expect = { lastSequence: this.#last, streamName: stream };
		let seq: number;
		try {
			const publishing = this.#publish.publish(subject, data, { timeout: TIMEOUT_MS, expect });
			({ seq } = await within(systemClock, TIMEOUT_MS, 'a write', publishing));
		} catch (error) {
			if (isFenced(error)) {
				this.lose();
				throw locked(stream, error);
			}
			if (apiCode(error) === undefined) this.lose();
			throw failure(error);
		}
		if (seq !== this.#last + 1) {
			this.lose();
			throw locked(stream);
		}
		this.#last = seq;
		return seq;
	}

	/** Asks something else of the server, in bounded time. @throws SpillError */
	async call<T>(what: string, work: () => Promise<T>): Promise<T> {
		try {
			return await within(systemClock, TIMEOUT_MS, what, work());
		} catch (error) {
			throw failure(error);
		}
	}

	lose(): void {
		if (this.#lost) return;
		this.#lost = true;
		this.onLost();
	}
}
