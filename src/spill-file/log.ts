import type { Extent } from './scan.js';
import type { SegmentName } from './segment-file.js';

/** A segment file as far as it is durable. */
export interface Segment {
	readonly name: SegmentName;
	/** Of the file, without the directory. */
	readonly file: string;
	/** Bytes that count: everything up to here was written before its appends resolved. */
	end: number;
	/** Bytes behind `end` that take space. */
	waste: number;
	/** Epoch ms of its last write. */
	writtenAtMs: number;
	/** Something in it could not be read. */
	damaged: boolean;
}

interface Gap {
	readonly from: number;
	readonly to: number;
}

/** Where reading begins: a sequence number, and the byte where it should be, if that is known. */
export interface Position {
	readonly sequence: number;
	readonly at: number | undefined;
}

/**
 * What is known of one partition: its segments, how far it is acknowledged, and what is missing. Sequence numbers begin
 * at 1 and have no holes but the gaps noted here, so counting records means subtracting.
 */
export class Log {
	readonly partition: number;
	/** In order. Removed from here as soon as nothing in them is waiting. */
	readonly segments: Segment[] = [];
	/** Everything up to here is acknowledged. */
	acked = 0;
	/** The byte behind the last acknowledged record, in the segment that holds the next one. */
	ackedAt: number | undefined;
	/** The last durable sequence number. */
	last = 0;
	/** The number of the next segment file. */
	nextNumber = 1;
	/** Places that held something unreadable. */
	corrupt = 0;
	/** Sequence numbers that cannot be given back. */
	missing = 0;
	/** Of these, the ones that were dropped for their age. */
	agedOut = 0;
	truncatedBytes = 0;
	/** In order, and none that is acknowledged. */
	#gaps: Gap[] = [];

	constructor(partition: number) {
		this.partition = partition;
	}

	/** Records that wait to be acknowledged. */
	get waiting(): number {
		return this.#gaps.reduce(
			(count, { from, to }) => count - (to - Math.max(from, this.acked + 1) + 1),
			this.last - this.acked,
		);
	}

	/** Bytes on disk. */
	get bytes(): number {
		return this.segments.reduce((sum, { end, waste }) => sum + end + waste, 0);
	}

	/** The last sequence number that belongs to a segment. */
	lastOf(index: number): number {
		const next = this.segments[index + 1];
		return next === undefined ? this.last : next.name.first - 1;
	}

	extentOf(index: number): Extent {
		const { end = 0, name } = this.segments[index] ?? {};
		return { end, first: name?.first ?? 0, below: this.lastOf(index) + 1 };
	}

	/** The segment that a sequence number belongs to, or the first one behind it; -1 = none. */
	indexOf(sequence: number): number {
		return this.segments.findIndex((_, i) => this.lastOf(i) >= sequence);
	}

	/** What is asked for is not there. Counted once, however often it is read. */
	noteGap(from: number, to: number, corrupt: boolean): void {
		let start = Math.max(from, this.acked + 1);
		const found: Gap[] = [];
		for (const gap of this.#gaps) {
			if (gap.to < start || gap.from > to) continue;
			if (gap.from > start) found.push({ from: start, to: gap.from - 1 });
			start = gap.to + 1;
		}
		if (start <= to) found.push({ from: start, to });
		if (found.length === 0) return;
		this.missing += found.reduce((sum, gap) => sum + gap.to - gap.from + 1, 0);
		if (corrupt) this.corrupt++;
		for (let i = this.indexOf(from); i >= 0 && i < this.segments.length; i++) {
			const segment = this.segments[i] as Segment;
			if (segment.name.first > to) break;
			segment.damaged = true;
		}
		this.#gaps = [...this.#gaps, ...found].sort((a, b) => a.from - b.from);
	}

	/** The file of a segment is gone. */
	lose(segment: Segment): void {
		const index = this.segments.indexOf(segment);
		if (index < 0) return;
		this.noteGap(segment.name.first, this.lastOf(index), false);
		this.segments.splice(index, 1);
	}

	/** Moves the acknowledged position forward. */
	ackUpTo(sequence: number, at?: number): void {
		if (sequence <= this.acked) return;
		this.acked = sequence;
		this.ackedAt = at;
		if (this.#gaps.length > 0) this.#gaps = this.#gaps.filter(({ to }) => to > sequence);
	}

	/** Takes out the segments of which nothing is waiting. @param writing  not this one. */
	takeDrained(writing: Segment | undefined): Segment[] {
		let count = 0;
		while (count < this.segments.length && this.lastOf(count) <= this.acked && this.segments[count] !== writing)
			count++;
		return count > 0 ? this.segments.splice(0, count) : [];
	}
}

/** `<sequence>.<byte behind the record>.<mark>`: the byte saves a search, the mark tells whose sequence number it is. */
export function cursorMaker(mark: number): (sequence: number, stop: number) => string {
	const end = `.${mark}`;
	return (sequence, stop) => `${sequence}.${stop}${end}`;
}

const CURSOR = /^(\d{1,15})\.(\d{1,15})\.(\d{1,10})$/;

/**
 * The position behind a cursor. The first unacknowledged record for a cursor that is absent, stale, or none of this log's.
 */
export function positionAfter(log: Log, cursor: string | undefined): Position {
	const found = cursor === undefined ? undefined : locate(log, cursor);
	return found && found.sequence > log.acked
		? { sequence: found.sequence + 1, at: found.at }
		: { sequence: log.acked + 1, at: log.ackedAt };
}

/** What a cursor points at, if it is one of this log and what it points at is not acknowledged yet. */
export function locate(log: Log, cursor: string): Position | undefined {
	const [, sequence = Number.NaN, at, mark] = (CURSOR.exec(cursor) ?? []).map(Number);
	if (!(sequence > log.acked && sequence <= log.last)) return undefined;
	const index = log.indexOf(sequence);
	return log.segments[index]?.name.mark === mark ? { sequence, at } : undefined;
}
