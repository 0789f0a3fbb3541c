import type { Spilled } from '../ports/spill.js';
import { cursorMaker, type Segment } from './log.js';
import { readRecord, sequenceAt } from './record.js';
import type { SegmentScan } from './scan.js';

/** How much a reading may give. */
export interface Limits {
	readonly maxRecords: number;
	/** Of the records as they are stored. One record is given however large it is. */
	readonly maxBytes: number;
}

/**
 * Bytes copied together: few enough to be in the processor's cache still, where checking them has brought them, and to keep
 * little in memory when a single record of them is kept.
 */
const COPIED_BYTES = 64 * 1024;

/** The records of one reading. They are marked one by one and then copied together, while a scan has them in its window. */
export class Harvest {
	readonly records: Spilled[] = [];
	readonly #limits: Limits;
	readonly #starts: number[] = [];
	readonly #stops: number[] = [];
	#count = 0;
	#bytes = 0;

	constructor(limits: Limits) {
		this.#limits = limits;
	}

	/** Whether the record that a scan has just met may be taken too. */
	hasRoomFor({ start, stop }: SegmentScan): boolean {
		const { maxRecords, maxBytes } = this.#limits;
		return this.#count < maxRecords && (this.#count === 0 || this.#bytes + stop - start <= maxBytes);
	}

	/** Takes note of the record that a scan has just met. @returns whether it is time to gather. */
	mark({ start, stop }: SegmentScan): boolean {
		this.#starts.push(start);
		this.#stops.push(stop);
		this.#count++;
		this.#bytes += stop - start;
		return stop - (this.#starts[0] as number) >= COPIED_BYTES;
	}

	/** Takes the marked records out of the scan's window: as a copy, so that nobody can change what is read again. */
	gather({ window, windowAt }: SegmentScan, { name }: Segment): void {
		const from = this.#starts[0];
		const to = this.#stops.at(-1);
		if (from === undefined || to === undefined) return;
		const bytes = Buffer.allocUnsafeSlow(to - from);
		window.copy(bytes, 0, from, to);
		const cursor = cursorMaker(name.mark);
		for (let i = 0; i < this.#starts.length; i++) {
			const start = this.#starts[i] as number;
			const stop = this.#stops[i] as number;
			const after = cursor(sequenceAt(bytes, start - from), windowAt + stop);
			this.records.push(readRecord(bytes, start - from, stop - from, name.partition, after));
		}
		this.#starts.length = 0;
		this.#stops.length = 0;
	}
}
