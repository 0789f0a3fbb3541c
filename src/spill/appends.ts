import { SpillError } from '../ports/spill.js';

/** A record as a store writes it. */
export interface Sized {
	/** What it counts for in `maxBytes`. */
	readonly bytes: number;
}

/** One call of `append`. */
export interface Append<R extends Sized> {
	readonly rows: readonly R[];
	readonly bytes: number;
	readonly resolve: () => void;
	readonly reject: (cause: unknown) => void;
}

/** How appends reach a store. */
export interface AppendsOptions<R extends Sized> {
	/** Names the store in messages, such as `postgres`. */
	readonly name: string;
	/** A group has no more than this, unless a single call has. */
	readonly groupRecords: number;
	readonly groupBytes: number;
	/** Settles each append of a group. A rejection is that of all of them. */
	readonly write: (group: readonly Append<R>[]) => Promise<void>;
	/** A fresh error in the words of the port. */
	readonly failure: (cause: unknown) => Error;
}

/** What may wait in memory for the group before it. */
const WAITING_BYTES = 64 * 1024 * 1024;

/**
 * Appends in the order of their calls. Those that arrive while a group is under way are written together as the next
 * one, since the price of a durable write hardly depends on its size.
 */
export class Appends<R extends Sized> {
	readonly #options: AppendsOptions<R>;
	#waiting: Append<R>[] = [];
	#waitingBytes = 0;
	#writing: Promise<void> | undefined;

	constructor(options: AppendsOptions<R>) {
		this.#options = options;
	}

	/** @param signal takes back what is not being written yet, and ends the wait for what is. */
	add(rows: readonly R[], signal: AbortSignal | undefined): Promise<void> {
		const bytes = rows.reduce((sum, row) => sum + row.bytes, 0);
		if (this.#waitingBytes > 0 && this.#waitingBytes + bytes > WAITING_BYTES) {
			const text = `${this.#waitingBytes} bytes wait for the server and ${bytes} more would exceed ${WAITING_BYTES}`;
			return Promise.reject(
				new SpillError(`the ${this.#options.name} spill is behind: ${text}`, { code: 'SPILL_BUSY' }),
			);
		}
		return new Promise((resolve, reject) => {
			const abort = () => {
				if (this.#waiting.includes(append)) {
					this.#waiting = this.#waiting.filter((other) => other !== append);
					this.#waitingBytes -= bytes;
				}
				append.reject(signal?.reason);
			};
			const append: Append<R> = {
				rows,
				bytes,
				resolve: () => {
					signal?.removeEventListener('abort', abort);
					resolve();
				},
				reject: (cause) => {
					signal?.removeEventListener('abort', abort);
					reject(signal?.aborted ? signal.reason : this.#options.failure(cause));
				},
			};
			signal?.addEventListener('abort', abort, { once: true });
			this.#waiting.push(append);
			this.#waitingBytes += bytes;
			this.#writing ??= this.#drain();
		});
	}

	/** Resolves when nothing is waiting and nothing under way. */
	async settled(): Promise<void> {
		await this.#writing;
	}

	async #drain(): Promise<void> {
		// Calls of the same tick go together.
		await Promise.resolve();
		while (this.#waiting.length > 0) {
			const group = this.#take();
			try {
				await this.#options.write(group);
			} catch (cause) {
				for (const append of group) append.reject(cause);
			}
		}
		// In the same turn as the last look at what is waiting, so that nothing can begin to wait in between.
		this.#writing = undefined;
	}

	#take(): readonly Append<R>[] {
		const { groupRecords, groupBytes } = this.#options;
		let records = 0;
		let bytes = 0;
		let count = 0;
		for (const append of this.#waiting) {
			records += append.rows.length;
			bytes += append.bytes;
			if (count > 0 && (records > groupRecords || bytes > groupBytes)) break;
			this.#waitingBytes -= append.bytes;
			count++;
		}
		return this.#waiting.splice(0, count);
	}
}
