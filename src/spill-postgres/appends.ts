import { SpillError } from '../ports/spill.js';
import { failure } from './failure.js';
import type { Row } from './rows.js';

/** One call of `append`. */
export interface Append {
	readonly rows: readonly Row[];
	readonly bytes: number;
	readonly resolve: () => void;
	readonly reject: (cause: unknown) => void;
}

/** What is written by one statement, unless a single call has more. */
const GROUP_RECORDS = 5_000;
const GROUP_BYTES = 8 * 1024 * 1024;
/** What may wait in memory for the statement before it. */
const WAITING_BYTES = 64 * 1024 * 1024;

/**
 * Appends in the order of their calls. Those that arrive while a statement is under way are written together by the next
 * one, since the price of a commit hardly depends on its size.
 */
export class Appends {
	readonly #write: (group: readonly Append[]) => Promise<void>;
	#waiting: Append[] = [];
	#waitingBytes = 0;
	#writing: Promise<void> | undefined;

	/** @param write settles each append of a group. A rejection is that of all of them. */
	constructor(write: (group: readonly Append[]) => Promise<void>) {
		this.#write = write;
	}

	/** @param signal takes back what is not being written yet, and ends the wait for what is. */
	add(rows: readonly Row[], signal: AbortSignal | undefined): Promise<void> {
		const bytes = rows.reduce((sum, row) => sum + row.bytes, 0);
		if (this.#waitingBytes > 0 && this.#waitingBytes + bytes > WAITING_BYTES) {
			const text = `${this.#waitingBytes} bytes wait for the server and ${bytes} more would exceed ${WAITING_BYTES}`;
			return Promise.reject(new SpillError(`the postgres spill is behind: ${text}`, { code: 'SPILL_BUSY' }));
		}
		return new Promise((resolve, reject) => {
			const abort = () => {
				if (this.#waiting.includes(append)) {
					this.#waiting = this.#waiting.filter((other) => other !== append);
					this.#waitingBytes -= bytes;
				}
				append.reject(signal?.reason);
			};
			const append: Append = {
				rows,
				bytes,
				resolve: () => {
					signal?.removeEventListener('abort', abort);
					resolve();
				},
				reject: (cause) => {
					signal?.removeEventListener('abort', abort);
					reject(signal?.aborted ? signal.reason : failure(cause));
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
				await this.#write(group);
			} catch (cause) {
				for (const append of group) append.reject(cause);
			}
		}
		// In the same turn as the last look at what is waiting, so that nothing can begin to wait in between.
		this.#writing = undefined;
	}

	#take(): readonly Append[] {
		let records = 0;
		let bytes = 0;
		let count = 0;
		for (const append of this.#waiting) {
			records += append.rows.length;
			bytes += append.bytes;
			if (count > 0 && (records > GROUP_RECORDS || bytes > GROUP_BYTES)) break;
			this.#waitingBytes -= append.bytes;
			count++;
		}
		return this.#waiting.splice(0, count);
	}
}

/** Cuts what a single call may have too much of into statements. */
export function* statements(rows: readonly Row[]): Generator<readonly Row[]> {
	let from = 0;
	let bytes = 0;
	for (const [i, row] of rows.entries()) {
		if (i > from && (i - from >= GROUP_RECORDS || bytes + row.bytes > GROUP_BYTES)) {
			yield rows.slice(from, i);
			from = i;
			bytes = 0;
		}
		bytes += row.bytes;
	}
	if (from < rows.length) yield rows.slice(from);
}
