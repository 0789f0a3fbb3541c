import { join } from 'node:path';
import { SpillError } from '../ports/spill.js';
import type { Progress } from './cursor-file.js';
import { type FileSystem, readFully } from './file-system.js';
import { Log, type Segment } from './log.js';
import { readThrough, type Through } from './read-through.js';
import {
	FORMAT_VERSION,
	parseSegmentHeader,
	parseSegmentName,
	SEGMENT_HEADER_BYTES,
	type SegmentName,
} from './segment-file.js';

/** What a directory holds of one partition, and what its cursor file says. */
export interface Found {
	readonly partition: number;
	/** Names of its files, in any order. */
	readonly files: readonly string[];
	readonly progress: Progress | undefined;
	/** `progress` may be older than what was once true. */
	readonly uncertain: boolean;
}

/** A log as it was left, and what is behind the last sound record of its last segment. */
export interface Recovered {
	readonly log: Log;
	/** How many partitions the headers name: those of the segments that still have records waiting. */
	readonly partitions: ReadonlySet<number>;
	/** Segments whose header is damaged, which costs nothing: the name says the same. */
	readonly damagedHeaders: readonly string[];
	/** The torn end of the last segment, which was never acknowledged. There may be whole records in it, too. */
	readonly torn: { readonly segment: Segment; readonly bytes: number; readonly salvage: boolean } | undefined;
	/** The last segment, where it has no record at all. */
	readonly empty: { readonly segment: Segment; readonly lost: boolean } | undefined;
}

/**
 * Reads what there is of a partition, and changes nothing. Only the last segment is read through: what is damaged in the
 * others is found when they are read, and how many records they hold follows from where the next one begins.
 *
 * @throws SpillError `SPILL_VERSION` when a sound header names a later version of the format.
 */
export async function recover(files: FileSystem, directory: string, found: Found): Promise<Recovered> {
	const log = new Log(found.partition);
	const counts = new Map<Segment, number>();
	const damagedHeaders: string[] = [];
	for (const { name, file } of inOrder(found.files)) {
		const { segment, partitions } = await look(files, directory, name, file);
		log.segments.push(segment);
		log.nextNumber = name.number + 1;
		if (partitions !== undefined) counts.set(segment, partitions);
		else if (segment.end >= SEGMENT_HEADER_BYTES) damagedHeaders.push(file);
	}
	const { acked = 0, last = 0 } = found.progress ?? {};
	const first = log.segments[0]?.name.first ?? 0;
	// Without the newest cursor, that older segments are gone is no news: they were acknowledged.
	log.ackUpTo(found.uncertain || found.progress === undefined ? Math.max(acked, first - 1) : acked);

	const tail = log.segments.at(-1);
	let torn: Recovered['torn'];
	let empty: Recovered['empty'];
	if (tail !== undefined) {
		const size = tail.end;
		const sound = soundPart(log, tail, last, await readThrough(files, directory, tail));
		const lost = last > sound.last && size > sound.end;
		if (sound.last < tail.name.first && !sound.salvage) empty = { segment: tail, lost };
		// Bytes of records that are known to have been there are evidence; a torn write is rubbish.
		else if (size > sound.end && !lost) torn = { segment: tail, bytes: size - sound.end, salvage: sound.salvage };
		tail.end = sound.end;
		tail.waste = size - sound.end;
		log.last = Math.max(sound.last, last);
		if (last > sound.last) log.noteGap(sound.last + 1, last, lost);
	}
	if (log.segments.length === 0 && last > log.acked) {
		// All files are gone. It is said once: from now on they count as done with.
		log.last = last;
		log.noteGap(log.acked + 1, last, false);
		log.ackUpTo(last);
	}
	log.last = Math.max(log.last, log.acked);
	const waiting = [...counts].filter(([segment]) => log.lastOf(log.segments.indexOf(segment)) > log.acked);
	return { log, torn, empty, damagedHeaders, partitions: new Set(waiting.map(([, count]) => count)) };
}

function inOrder(files: readonly string[]): { readonly name: SegmentName; readonly file: string }[] {
	return files
		.flatMap((file) => {
			const name = parseSegmentName(file);
			return name === undefined ? [] : [{ name, file }];
		})
		.sort((a, b) => a.name.number - b.name.number);
}

async function look(files: FileSystem, directory: string, name: SegmentName, path: string) {
	const file = await files.open(join(directory, path), 'read');
	try {
		const { size, mtimeMs } = await file.stat();
		const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES);
		const got = await readFully(file, bytes, SEGMENT_HEADER_BYTES, 0);
		const header = parseSegmentHeader(bytes.subarray(0, got));
		if (header !== undefined && header.version > FORMAT_VERSION) {
			throw new SpillError(
				`${join(directory, path)} has version ${header.version} of the format, this package reads up to ${FORMAT_VERSION}`,
				{ code: 'SPILL_VERSION' },
			);
		}
		const segment: Segment = { name, file: path, end: size, waste: 0, writtenAtMs: mtimeMs, damaged: false };
		return { segment, partitions: header?.partitions };
	} finally {
		await file.close();
	}
}

/**
 * How far the last segment counts. A hole in what was durable is damage. One in the very last write is what a loss of power
 * leaves of it, for a disk may write the end before the middle: nobody was promised these records, so nothing is missing;
 * those behind the hole are salvaged.
 */
function soundPart(log: Log, { name }: Segment, known: number, { holes, last, end, durable }: Through) {
	const promised = Math.max(durable - 1, known);
	// So that a hole counts, the log has to reach as far.
	log.last = last;
	for (const { from, to, at, damaged } of holes) {
		const torn = Math.max(from, promised + 1);
		if (torn > from) log.noteGap(from, Math.min(to, torn - 1), damaged);
		if (torn <= to) return { last: torn - 1, end: at, salvage: true };
	}
	return { last: Math.max(last, name.first - 1), end, salvage: false };
}
