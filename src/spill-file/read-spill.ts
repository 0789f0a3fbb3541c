import { join } from 'node:path';
import { type Damage, SpillError, type Spilled } from '../ports/spill.js';
import { CursorFile } from './cursor-file.js';
import { asSpillError, codeOf } from './errors.js';
import { type FileSystem, nodeFileSystem } from './file-system.js';
import { ownerOf } from './lock.js';
import { type Owner, thisHost } from './owner.js';
import { QUARANTINE_SUFFIX } from './quarantine.js';
import { Reader } from './reader.js';
import { type Recovered, recover } from './recover.js';
import { cursorFileName, parseSegmentName, partitionOf } from './segment-file.js';

/** Who holds the directory of a spill. */
export type SpillOwner = Pick<Owner, 'pid' | 'host' | 'sinceMs' | 'bootId' | 'startTicks'> & {
	/** Whether that process lives; the lock of one that died is taken over by the next. */
	readonly alive: boolean;
};

/** One partition of a spill as it is on disk. */
export interface SpillPartition {
	readonly partition: number;
	/** Everything up to this sequence number is acknowledged. */
	readonly acked: number;
	/** Records that wait. */
	readonly records: number;
	readonly segments: readonly { readonly file: string; readonly bytes: number; readonly first: number }[];
	/** Bytes behind the last whole record: being written now, or torn by a crash. The next owner cuts these off. */
	readonly unfinishedBytes: number;
	/** Segment files with a damaged header, which costs no record. */
	readonly damagedHeaders: readonly string[];
}

/** A spill as it was found. */
export interface SpillView {
	readonly owner: SpillOwner | null;
	readonly partitions: readonly SpillPartition[];
	/** How many partitions the records that wait were spread over; `null` where none says it. */
	readonly writtenPartitions: number | null;
	/** Damage found so far. Complete once all {@link records} were read. */
	readonly damage: Damage;
	/** The records that wait, partition by partition, in order. Memory stays bounded. */
	records(): AsyncIterable<Spilled>;
}

const BATCH = 1000;
/** An owner removes files while we look, a busy one with small segments nearly each time; so often we look before it is called broken. */
const ATTEMPTS_MAX = 200;

/**
 * Looks at the spill in a directory, beside a running owner if there is one: takes no lock and writes nothing. What the owner
 * appends, acknowledges and removes meanwhile may be seen or not.
 *
 * @throws SpillError `SPILL_READ` when the directory cannot be read or is no spill, `SPILL_VERSION` for a later format.
 */
export async function readSpill(directory: string): Promise<SpillView> {
	try {
		return await readSpillOn(nodeFileSystem, directory);
	} catch (error) {
		throw unreadable(directory, error);
	}
}

/** {@link readSpill} on any file system. */
export async function readSpillOn(files: FileSystem, directory: string): Promise<SpillView> {
	const names = await files.readdir(directory);
	const numbers = [...new Set(names.flatMap((name) => partitionOf(name) ?? []))].sort((a, b) => a - b);
	if (numbers.length === 0) throw new SpillError(`${directory} holds no spill`, { code: 'SPILL_READ' });
	const held = await ownerOf(files, directory, thisHost);
	const found = new Map<number, Recovered>();
	for (const number of numbers) found.set(number, await look(files, directory, number));
	const logs = () => [...found.values()].map(({ log }) => log);
	return {
		owner: held ? { ...ownerFacts(held.owner), alive: held.alive } : null,
		partitions: [...found].map(([partition, recovered]) => factsOf(partition, recovered)),
		writtenPartitions: [...found.values()].flatMap((one) => [...one.partitions])[0] ?? null,
		get damage() {
			return {
				truncatedBytes: 0,
				corruptRecords: logs().reduce((sum, { corrupt }) => sum + corrupt, 0),
				missingRecords: logs().reduce((sum, { missing }) => sum + missing, 0),
				quarantined: names.filter((name) => name.endsWith(QUARANTINE_SUFFIX)).sort(),
			};
		},
		async *records() {
			for (const [partition] of found) {
				let after: string | undefined;
				for (let attempt = 0; ; attempt++) {
					try {
						for await (const record of recordsOf(files, directory, found.get(partition), after)) {
							after = record.cursor;
							attempt = 0;
							yield record;
						}
						break;
					} catch (error) {
						if (codeOf(error) !== 'ENOENT' || attempt === ATTEMPTS_MAX) throw unreadable(directory, error);
						// The owner has removed the segment, because it was acknowledged.
						found.set(partition, await look(files, directory, partition));
					}
				}
			}
		},
	};
}

async function* recordsOf(
	files: FileSystem,
	directory: string,
	recovered: Recovered | undefined,
	from: string | undefined,
): AsyncGenerator<Spilled> {
	if (recovered === undefined) return;
	const reader = new Reader(files, directory, recovered.log);
	try {
		for (let after = from; ; ) {
			const some = await reader.read(after, { maxRecords: BATCH, maxBytes: BATCH * 4096 });
			if (some.length === 0) return;
			yield* some;
			after = some.at(-1)?.cursor;
		}
	} finally {
		await reader.close();
	}
}

async function look(files: FileSystem, directory: string, partition: number): Promise<Recovered> {
	for (let attempt = 0; ; attempt++) {
		try {
			const cursor = join(directory, cursorFileName(partition));
			const before = await peek(files, cursor, partition);
			const names = await files.readdir(directory);
			// Segments are removed after the cursor has passed them: the one read after the list accounts for what is not in it,
			// while only the one read before it tells what the list must reach.
			const after = await peek(files, cursor, partition);
			const acked = after?.found?.acked;
			return await recover(files, directory, {
				partition,
				files: names.filter((name) => parseSegmentName(name)?.partition === partition),
				progress: acked === undefined ? undefined : { acked, last: Math.max(acked, before?.found?.last ?? 0) },
				uncertain: after === undefined || after.damaged,
			});
		} catch (error) {
			if (codeOf(error) !== 'ENOENT' || attempt === ATTEMPTS_MAX) throw unreadable(directory, error);
		}
	}
}

const unreadable = (directory: string, error: unknown) => asSpillError(`cannot read ${directory}`, error, 'SPILL_READ');

async function peek(files: FileSystem, path: string, partition: number) {
	try {
		return await CursorFile.peek(files, path, partition);
	} catch (error) {
		if (codeOf(error) === 'ENOENT') return undefined;
		throw error;
	}
}

function ownerFacts({ pid, host, sinceMs, bootId, startTicks }: Owner) {
	return { pid, host, sinceMs, bootId, startTicks };
}

function factsOf(partition: number, { log, torn, empty, damagedHeaders }: Recovered): SpillPartition {
	const { acked, waiting: records, segments } = log;
	return {
		partition,
		acked,
		records,
		segments: segments.map(({ file, end, waste, name: { first } }) => ({ file, bytes: end + waste, first })),
		unfinishedBytes: torn?.bytes ?? (empty && !empty.lost ? empty.segment.waste : 0),
		damagedHeaders,
	};
}
