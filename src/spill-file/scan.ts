import { type OpenFile, readFully } from './file-system.js';
import { claimedBytes, isSound, RECORD_HEADER_BYTES, sequenceAt } from './record.js';
import { SEGMENT_HEADER_BYTES } from './segment-file.js';

/** What `step` met: a record, bytes that are none, a need for more bytes, or the end. */
export type Met = 'record' | 'damage' | 'more' | 'end';

/** Which part of a segment counts. */
export interface Extent {
	/** Bytes of the file that may be read. */
	readonly end: number;
	/** Sequence numbers of this segment: `first` and above, but below `below`, where the next segment begins. */
	readonly first: number;
	readonly below: number;
}

/**
 * Bytes read at once: large enough that a read, which waits for a thread, costs little per record; small enough to be had
 * many times, and looked at without anybody noticing.
 */
export const READ_AHEAD_BYTES = 1024 * 1024;

/**
 * Finds the records of one segment, from a position on, whatever the bytes are. After damage it goes on at the next mark
 * that begins a sound record.
 *
 *     for (;;) switch (scan.step(extent)) { case 'more': await scan.more(extent); ... case 'damage': await scan.resync(extent); }
 *
 * A step is synchronous, so that records that are in memory cost no promise.
 */
export class SegmentScan {
	/** Where the next step looks. */
	at = SEGMENT_HEADER_BYTES;
	/** The record met last: its bytes in `window`, from `start` to `stop`. */
	start = 0;
	stop = 0;
	sequence = 0;
	/** Bytes of the file from `windowAt` on. */
	window: Buffer = Buffer.alloc(0);
	#base = 0;
	#need = 0;
	#buffer: Buffer = Buffer.alloc(0);
	readonly #file: OpenFile;
	readonly #mark: number;
	readonly #markBytes = Buffer.alloc(4);
	readonly #readAhead: number;

	/** @param readAhead  bytes; few for a look at one record. */
	constructor(file: OpenFile, mark: number, readAhead = READ_AHEAD_BYTES) {
		this.#file = file;
		this.#mark = mark;
		this.#markBytes.writeUInt32LE(mark);
		this.#readAhead = readAhead;
	}

	step({ end, first, below }: Extent): Met {
		if (this.at >= end) return 'end';
		if (end - this.at < RECORD_HEADER_BYTES) return 'damage';
		const start = this.at - this.#base;
		const have = start < 0 ? 0 : this.window.length - start;
		if (have < RECORD_HEADER_BYTES) return this.#wants(RECORD_HEADER_BYTES);
		const length = claimedBytes(this.window, start, this.#mark);
		if (length === 0 || this.at + length > end) return 'damage';
		if (have < length) return this.#wants(length);
		if (!isSound(this.window, start, length, this.#mark)) return 'damage';
		const sequence = sequenceAt(this.window, start);
		// Behind a failed write there may be records that were never acknowledged, whose numbers were given out again.
		if (sequence >= below) return 'end';
		if (sequence < first) return 'damage';
		this.start = start;
		this.stop = start + length;
		this.sequence = sequence;
		this.at += length;
		return 'record';
	}

	/** Bytes of the file before the window. */
	get windowAt(): number {
		return this.#base;
	}

	/** The next step meets the last record again. */
	stepBack(): void {
		this.at -= this.stop - this.start;
	}

	#wants(bytes: number): Met {
		this.#need = bytes;
		return 'more';
	}

	/** Brings the bytes that the last step lacked. What `window` held is overwritten. */
	async more({ end }: Extent): Promise<void> {
		await this.#fill(this.at, Math.max(this.#need, this.#readAhead), end);
	}

	/** Moves on to the next place that may begin a record, at least one byte further. */
	async resync({ end }: Extent): Promise<void> {
		let from = this.at + 1;
		for (;;) {
			if (from < this.#base || from + 4 > this.#base + this.window.length) {
				await this.#fill(from, this.#readAhead, end);
				if (this.window.length < 4) break;
			}
			const found = this.window.indexOf(this.#markBytes, from - this.#base);
			if (found >= 0) {
				this.at = this.#base + found;
				return;
			}
			// The mark may lie across the border of the window.
			from = this.#base + this.window.length - 3;
		}
		this.at = end;
	}

	async #fill(from: number, bytes: number, end: number): Promise<void> {
		const wanted = Math.max(0, Math.min(bytes, end - from));
		if (this.#buffer.length < wanted) this.#buffer = Buffer.allocUnsafeSlow(wanted);
		const got = await readFully(this.#file, this.#buffer, wanted, from);
		this.#base = from;
		this.window = this.#buffer.subarray(0, got);
		// The file is shorter than it was: what is gone is found missing when the numbers are compared.
		if (got < Math.min(wanted, this.#need)) this.at = end;
		this.#need = 0;
	}

	close(): Promise<void> {
		return this.#file.close();
	}
}
