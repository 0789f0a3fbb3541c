import type { Cursor, Spilled } from '../ports/spill.js';

/** What became of a record that came back. All but `replayed` and `deadLettered` were not worth handling any more. */
export type Fate = 'replayed' | 'expired' | 'superseded' | 'duplicate' | 'deadLettered';

/** A record that was read ahead. */
export interface Entry {
	readonly record: Spilled;
	/** Of its key, in the fence. */
	readonly bucket: number;
	/** A later record of the same kind supersedes it; `undefined` = none does. */
	readonly kind: string | undefined;
	attempts: number;
	fate: Fate | undefined;
}

/** What was finished at the front of a window. */
export interface Finished {
	readonly upTo: Cursor;
	readonly entries: readonly Entry[];
}

/**
 * The records of a partition that were read ahead: which may be handled next, and up to where all are finished.
 *
 * Urgent ones go first, then the oldest; but never two of a key at a time or out of order. What is finished out of turn
 * waits to be acknowledged, because an acknowledgement says "up to here".
 */
export class Window {
	readonly #ages: (record: Spilled) => boolean;
	/** Of the payloads that are not acknowledged. */
	bytes = 0;
	/** In the order of the partition: all that is not acknowledged. */
	#entries: Entry[] = [];
	/** In the same order: what is not finished. */
	readonly #open = new Set<Entry>();
	/** By key: the record that is being handled. */
	readonly #busy = new Map<string, Entry>();
	readonly #latest = new Map<string, Entry>();

	/** @param ages  whether a record is not worth handling once a later one of its kind has been read. */
	constructor(ages: (record: Spilled) => boolean) {
		this.#ages = ages;
	}

	/** Read and not acknowledged. */
	get size(): number {
		return this.#entries.length;
	}

	get unfinished(): number {
		return this.#open.size;
	}

	/** Nothing is finished that is not acknowledged. */
	get quiet(): boolean {
		return this.#entries.every(({ fate }) => fate === undefined);
	}

	add(record: Spilled, bucket: number): void {
		const kind = this.#ages(record) ? kindOf(record) : undefined;
		const entry: Entry = { record, bucket, kind, attempts: 0, fate: undefined };
		this.#entries.push(entry);
		this.#open.add(entry);
		this.bytes += record.payload.byteLength;
		if (kind === undefined) return;
		const older = this.#latest.get(kind);
		// One that is being handled is finished first.
		if (older !== undefined && this.#busy.get(record.key) !== older && this.#open.delete(older)) {
			older.fate = 'superseded';
		}
		this.#latest.set(kind, entry);
	}

	/** Takes the next record that may be handled. */
	next(urgent: ((entry: Entry) => boolean) | undefined): Entry | undefined {
		const free = ({ record }: Entry) => !this.#busy.has(record.key);
		// The first one of a key that is free is its oldest, so its order is kept.
		return (urgent && this.#take((entry) => urgent(entry) && free(entry))) ?? this.#take(free);
	}

	#take(fits: (entry: Entry) => boolean): Entry | undefined {
		for (const entry of this.#open) {
			if (fits(entry)) {
				this.#busy.set(entry.record.key, entry);
				return entry;
			}
		}
		return undefined;
	}

	/** It is finished, or stays in its place to be tried again. */
	settle(entry: Entry, fate: Fate | undefined): void {
		const { record, kind } = entry;
		this.#busy.delete(record.key);
		const newer = kind !== undefined && this.#latest.get(kind) !== entry;
		entry.fate = fate ?? (newer ? 'superseded' : undefined);
		if (entry.fate !== undefined) this.#open.delete(entry);
	}

	/** Forgets what is neither finished nor being handled. @returns what is being handled. */
	forget(): readonly Entry[] {
		const handled = [...this.#busy.values()];
		this.#entries = this.#entries.filter((entry) => entry.fate !== undefined || handled.includes(entry));
		this.bytes = this.#entries.reduce((sum, { record }) => sum + record.payload.byteLength, 0);
		this.#open.clear();
		for (const entry of handled) this.#open.add(entry);
		this.#latest.clear();
		return handled;
	}

	/** What is finished at the front, to be acknowledged; `undefined` when nothing is. */
	front(): Finished | undefined {
		const unfinished = this.#entries.findIndex(({ fate }) => fate === undefined);
		const entries = unfinished < 0 ? this.#entries : this.#entries.slice(0, unfinished);
		const last = entries.at(-1);
		return last && { upTo: last.record.cursor, entries: [...entries] };
	}

	/** It was acknowledged. */
	drop({ entries }: Finished): void {
		this.#entries = this.#entries.slice(entries.length);
		for (const entry of entries) {
			const { record, kind } = entry;
			this.bytes -= record.payload.byteLength;
			if (kind !== undefined && this.#latest.get(kind) === entry) this.#latest.delete(kind);
		}
	}
}

/** What a later record supersedes: reference data of a symbol is not replaced by its quotes. */
function kindOf({ key, headers = {} }: Spilled): string {
	return JSON.stringify([headers.handler, headers.priority, key]);
}
