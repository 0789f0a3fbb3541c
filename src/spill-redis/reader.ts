import type { Cursor, Damage, Spilled, SpillStore } from '../ports/spill.js';
import type { Calls } from './calls.js';
import type { Keys } from './keys.js';
import { cursorOf, decode, type Entry } from './record.js';

/** What one reply may bring, bytes; a single record may be larger. */
const REPLY_MAX_BYTES = 16 * 1024 * 1024;

type ReadOptions = Parameters<SpillStore['read']>[0];

/** Reads the streams, in replies of a bounded size. */
export class Reader {
	/** The usual size of a record, from what was read last. */
	#usual = 1_024;
	#corrupt = 0;
	/** The last entry of each partition that was counted as corrupt, so that reading it again does not count. */
	readonly #counted = new Map<number, Cursor>();

	constructor(
		private readonly calls: Calls,
		private readonly keys: Keys,
		/** The bytes of the largest record that may wait. */
		private readonly written: { readonly largest: number },
		private readonly account: { readonly missing: number },
	) {}

	get damage(): Damage {
		return {
			truncatedBytes: 0,
			corruptRecords: this.#corrupt,
			missingRecords: this.account.missing,
			quarantined: [],
		};
	}

	async read(options: ReadOptions): Promise<readonly Spilled[]> {
		const { partition, maxRecords, maxBytes = REPLY_MAX_BYTES, signal } = options;
		const found: Spilled[] = [];
		let bytes = 0;
		let after = options.after;
		while (found.length < maxRecords) {
			const count = this.#count(maxRecords - found.length, maxBytes - bytes);
			const from = after === undefined ? '-' : `(${after}`;
			const stream = this.keys.stream(partition);
			const reply = await this.calls.send('read', (client) => client.xrangeBuffer(stream, from, '+', 'COUNT', count), {
				signal,
			});
			const entries = reply as readonly Entry[];
			let sum = 0;
			for (const entry of entries) {
				after = cursorOf(entry);
				const record = decode(entry, partition);
				if (record === undefined) {
					this.#notice(partition, after);
					continue;
				}
				sum += record.payload.byteLength;
				bytes += record.payload.byteLength;
				if (bytes > maxBytes && found.length > 0) return found;
				found.push(record);
				if (bytes >= maxBytes) return found;
			}
			if (entries.length > 0) this.#usual = Math.max(1, sum / entries.length);
			if (entries.length < count) return found;
		}
		return found;
	}

	/** How many entries to ask for: enough for what is left, and no more than a reply may bring if all are the largest. */
	#count(records: number, bytes: number): number {
		const wanted = Math.min(records, Math.ceil(Math.max(0, bytes) / this.#usual));
		const bearable = Math.floor(REPLY_MAX_BYTES / Math.max(1, this.written.largest));
		return Math.max(1, Math.min(wanted, bearable, 1_000));
	}

	/** Counts an entry that this store has not written, once. */
	#notice(partition: number, cursor: Cursor): void {
		const counted = this.#counted.get(partition);
		if (counted !== undefined && !isAfter(cursor, counted)) return;
		this.#counted.set(partition, cursor);
		this.#corrupt++;
	}
}

function isAfter(cursor: Cursor, other: Cursor): boolean {
	const [[ms = 0, n = 0], [otherMs = 0, otherN = 0]] = [cursor, other].map((id) => id.split('-').map(Number)) as [
		number[],
		number[],
	];
	return ms > otherMs || (ms === otherMs && n > otherN);
}
