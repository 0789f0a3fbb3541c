import { join } from 'node:path';
import type { SpillRecord } from '../ports/spill.js';
import type { FileSystem } from './file-system.js';
import type { Segment } from './log.js';
import { beginAt, readRecord } from './record.js';
import { SegmentScan } from './scan.js';
import { SEGMENT_HEADER_BYTES } from './segment-file.js';

/** A hole between sound records: the sequence numbers that are not there, and the byte behind the record before. */
interface Hole {
	readonly from: number;
	readonly to: number;
	readonly at: number;
	readonly damaged: boolean;
}

/** What reading a segment through has shown. */
export interface Through {
	readonly holes: readonly Hole[];
	/** The last sound record, and the byte behind it. */
	readonly last: number;
	readonly end: number;
	/** Everything below this sequence number was durable once: a later write began there. */
	readonly durable: number;
}

/** Finds every sound record of a segment, and the holes between them. */
export async function readThrough(
	files: FileSystem,
	directory: string,
	{ name, file, end }: Segment,
): Promise<Through> {
	const scan = new SegmentScan(await files.open(join(directory, file), 'read'), name.mark);
	const extent = { end, first: name.first, below: Number.POSITIVE_INFINITY };
	const holes: Hole[] = [];
	let through = { last: name.first - 1, end: Math.min(end, SEGMENT_HEADER_BYTES), durable: name.first };
	let damaged = false;
	try {
		for (;;) {
			const met = scan.step(extent);
			if (met === 'end') return { ...through, holes };
			if (met === 'more') await scan.more(extent);
			else if (met === 'damage') {
				damaged = true;
				await scan.resync(extent);
			} else if (scan.sequence > through.last) {
				const from = through.last + 1;
				if (scan.sequence > from) holes.push({ from, to: scan.sequence - 1, at: through.end, damaged });
				damaged = false;
				const durable = Math.max(through.durable, beginAt(scan.window, scan.start));
				through = { last: scan.sequence, end: scan.at, durable };
			}
		}
	} finally {
		await scan.close();
	}
}

/** The sound records of a segment from a byte on. */
export async function recordsFrom(
	files: FileSystem,
	directory: string,
	{ name, file, waste }: Segment,
	at: number,
): Promise<SpillRecord[]> {
	const scan = new SegmentScan(await files.open(join(directory, file), 'read'), name.mark);
	const extent = { end: at + waste, first: name.first, below: Number.POSITIVE_INFINITY };
	const found: SpillRecord[] = [];
	scan.at = at;
	try {
		for (;;) {
			const met = scan.step(extent);
			if (met === 'end') return found;
			if (met === 'more') await scan.more(extent);
			else if (met === 'damage') await scan.resync(extent);
			else {
				const bytes = Buffer.from(scan.window.subarray(scan.start, scan.stop));
				found.push(readRecord(bytes, 0, bytes.length, name.partition, ''));
			}
		}
	} finally {
		await scan.close();
	}
}
