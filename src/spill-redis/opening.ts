import { SpillError } from '../ports/spill.js';
import { Account } from './account.js';
import type { Calls } from './calls.js';
import { closedError } from './errors.js';
import type { Keys } from './keys.js';
import { Lease } from './lease.js';
import type { Options } from './options.js';
import { Reader } from './reader.js';
import { verifyServer } from './server.js';
import { Writer } from './writer.js';

/** The place from an `open` to the `close` after it: what is known of it, and who works on it. */
export class Opening {
	readonly account = new Account();
	readonly lease: Lease;
	readonly writer: Writer;
	readonly reader: Reader;
	readonly #options: Options;
	readonly #calls: Calls;
	/** The closing of the opening before this one, which gives the place back first. */
	readonly #before: Promise<void> | undefined;
	#taking: Promise<void> | undefined;
	#isOpen = false;
	#isClosed = false;

	constructor(options: Options, calls: Calls, keys: Keys, before: Promise<void> | undefined) {
		const { account } = this;
		this.#options = options;
		this.#calls = calls;
		this.#before = before;
		this.lease = new Lease(options, calls, keys, account);
		this.writer = new Writer(options, calls, keys, this.lease, account);
		this.reader = new Reader(calls, keys, this.writer, account);
	}

	/** The place is ours, or was. */
	get isOpen(): boolean {
		return this.#isOpen;
	}

	/** Makes the place ours, once. The next attempt after one that failed starts anew. */
	take(signal: AbortSignal | undefined): Promise<void> {
		this.#taking ??= this.#take(signal).catch((error: unknown) => {
			this.#taking = undefined;
			throw error;
		});
		return this.#taking;
	}

	async #take(signal: AbortSignal | undefined): Promise<void> {
		// Its failure was told to who closed.
		await this.#before?.catch(() => undefined);
		await verifyServer(this.#calls, this.#options, signal);
		if (this.#isClosed) throw closedError(this.#options.name);
		try {
			await this.lease.take(signal);
		} catch (error) {
			// A place that was taken while we gave up waiting would stay locked until the lease ends.
			const mayBeOurs = signal?.aborted || (error instanceof SpillError && error.code === 'SPILL_CONNECTION');
			// It ends by itself if this fails as well; what matters to the caller is why it failed at first.
			if (mayBeOurs) await this.lease.abandon().catch(() => undefined);
			throw error;
		}
		if (this.#isClosed) throw closedError(this.#options.name);
		this.#isOpen = true;
	}

	/** Settles what is under way, and gives the place back. */
	async close(): Promise<void> {
		this.#isClosed = true;
		if (this.#taking === undefined) return;
		await this.writer.idle();
		// The connection keeps the order: whatever was sent before is done when the place is given back.
		const released = this.lease.release();
		await Promise.allSettled([released, this.#calls.settled()]);
		await released;
	}
}
