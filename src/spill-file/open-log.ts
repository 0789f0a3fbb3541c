import { dirname, join, resolve } from 'node:path';
import { SpillError, type SpillRecord } from '../ports/spill.js';
import { CursorFile } from './cursor-file.js';
import { type FileSystem, syncDirectory } from './file-system.js';
import type { Hold } from './hold.js';
import { lockDirectory } from './lock.js';
import type { Settings } from './options.js';
import type { Host } from './owner.js';
import { remove } from './owner-file.js';
import { Partition } from './partition.js';
import { Quarantine } from './quarantine.js';
import { recordsFrom } from './read-through.js';
import { measure } from './record.js';
import { type Recovered, recover } from './recover.js';
import { READ_AHEAD_BYTES } from './scan.js';
import { cursorFileName, parseSegmentName, partitionOf } from './segment-file.js';
import { Space } from './space.js';
import { Writer } from './writer.js';

/** A directory that is ours, with its partitions at work. */
export interface OpenLog {
	readonly hold: Hold;
	readonly partitions: readonly Partition[];
	readonly quarantine: Quarantine;
	/** What can not be given back, with that of the logs which were lost before this one. */
	losses(): Losses;
	/** Settles everything and gives the directory back, once. */
	close(): Promise<void>;
}

/** Counts of what can not be given back. */
export interface Losses {
	readonly truncatedBytes: number;
	readonly corrupt: number;
	readonly missing: number;
	readonly agedOut: number;
}

/** What the outside world is to a log. */
export interface World {
	readonly files: FileSystem;
	readonly host: Host;
	/** Epoch ms. */
	readonly now: () => number;
	/** See {@link WriterOptions.lookEveryMs}. */
	readonly lookEveryMs: number;
}

/** What the readers of all partitions may hold, each in the middle of its log. Divided by 256 partitions it is 128 KiB. */
const READ_AHEAD_TOTAL_BYTES = 32 * 1024 * 1024;

/**
 * Locks a directory and recovers what is in it. On an error nothing stays open or locked.
 *
 * @param lost  the log that this one takes the place of, because its directory was taken away from us.
 */
export async function openLog(settings: Settings, world: World, lost?: OpenLog): Promise<OpenLog> {
	const { files, host, now } = world;
	const { directory } = settings;
	await makeDirectory(files, directory);
	const hold = await lockDirectory(files, directory, host, now());
	const partitions: Partition[] = [];
	const close = closing(partitions, hold);
	try {
		const names = await files.readdir(directory);
		const quarantine = new Quarantine(files, directory, settings.maxBytes);
		await quarantine.load(names);
		refuseOrphans(names, settings);
		for (let i = 0; i < settings.partitions; i++) {
			partitions.push(await openPartition(settings, { ...world, hold }, names, i, quarantine));
		}
		for (const name of names) {
			// Of a partition that there is no more: the cursor files tell how many there are, when nothing waits that does.
			if ((partitionOf(name) ?? 0) >= settings.partitions) await remove(files, join(directory, name));
		}
		await syncDirectory(files, directory);
		const before = lost && lossesBefore(lost, partitions);
		return { hold, partitions, quarantine, close, losses: () => lossesOf(partitions, before) };
	} catch (error) {
		await close();
		throw error;
	}
}

function closing(partitions: readonly Partition[], hold: Hold): () => Promise<void> {
	const close = async () => {
		try {
			const closed = await Promise.allSettled(partitions.map((partition) => partition.close()));
			for (const one of closed) if (one.status === 'rejected') throw one.reason;
		} finally {
			await hold.release();
		}
	};
	let closed: Promise<void> | undefined;
	return () => {
		closed ??= close();
		return closed;
	};
}

const NO_LOSSES: Losses = { truncatedBytes: 0, corrupt: 0, missing: 0, agedOut: 0 };

function lossesOf(partitions: readonly Partition[], before: Losses = NO_LOSSES): Losses {
	return partitions.reduce(
		({ truncatedBytes, corrupt, missing, agedOut }, { log }) => ({
			truncatedBytes: truncatedBytes + log.truncatedBytes,
			corrupt: corrupt + log.corrupt,
			missing: missing + log.missing,
			agedOut: agedOut + log.agedOut,
		}),
		before,
	);
}

/** What a lost log told, and what waited in it and neither waits here nor is known to be missing here. */
function lossesBefore(lost: OpenLog, partitions: readonly Partition[]): Losses {
	const before = lost.losses();
	const vanished = partitions.reduce((sum, { log }, i) => {
		const waited = lost.partitions[i]?.log.waiting ?? 0;
		return sum + Math.max(0, waited - log.waiting - log.missing);
	}, 0);
	return { ...before, missing: before.missing + vanished };
}

/** The new directories are entries of their parents, which have to be synced like any other. */
async function makeDirectory(files: FileSystem, directory: string): Promise<void> {
	const first = await files.mkdir(directory);
	if (first === undefined) return;
	const stop = dirname(resolve(first));
	for (let path = dirname(resolve(directory)); ; path = dirname(path)) {
		await syncDirectory(files, path);
		if (path === stop || path === dirname(path)) return;
	}
}

async function openPartition(
	settings: Settings,
	{ files, now, hold, lookEveryMs }: World & { readonly hold: Hold },
	names: readonly string[],
	index: number,
	quarantine: Quarantine,
): Promise<Partition> {
	const { directory, partitions, segmentBytes, durability, syncEveryMs, minFreeBytes, maxBytes } = settings;
	const own = names.filter((name) => parseSegmentName(name)?.partition === index);
	const { cursor, found, damaged } = await CursorFile.open(files, join(directory, cursorFileName(index)), index);
	try {
		const recovered = await recover(files, directory, {
			partition: index,
			files: own,
			progress: found,
			uncertain: damaged,
		});
		refuseOtherPartitions(recovered, settings);
		const { log } = recovered;
		const sync = durability === 'fsync' ? 'always' : durability === 'interval' ? syncEveryMs : 'never';
		const writerTo = (least: number) =>
			new Writer({
				...{ files, directory, hold, log, partitions, segmentBytes, sync, now, lookEveryMs },
				space: new Space(files, directory, least),
			});
		// Recovery writes what there was already, so it may use the space that is left to others.
		await mend(files, directory, recovered, quarantine, () => writerTo(0));
		const writer = writerTo(minFreeBytes);
		const partition = new Partition(
			{
				files,
				directory,
				hold,
				log,
				cursor,
				writer,
				retireBytes: Math.min(segmentBytes, 1024 * 1024, maxBytes / (8 * partitions)),
				readAhead: Math.min(READ_AHEAD_BYTES, Math.floor(READ_AHEAD_TOTAL_BYTES / partitions)),
				quarantine: (segment) => quarantine.take(segment),
			},
			found?.acked ?? 0,
		);
		partition.dropOlderThan(now() - settings.maxAgeMs);
		await partition.persist();
		return partition;
	} catch (error) {
		await cursor.close();
		throw error;
	}
}

/** Cuts off what was never acknowledged, so that nobody takes it for damage later. */
async function mend(
	files: FileSystem,
	directory: string,
	{ log, torn, empty }: Recovered,
	quarantine: Quarantine,
	makeWriter: () => Writer,
): Promise<void> {
	if (empty !== undefined) {
		const { segment, lost } = empty;
		log.segments.pop();
		if (lost) await quarantine.take(segment);
		else {
			log.truncatedBytes += segment.end + segment.waste;
			await files.unlink(join(directory, segment.file));
		}
	} else if (torn !== undefined) {
		// Written to a segment of their own first: it begins where the torn part does, and so takes its place at once.
		if (torn.salvage) await rewrite(await recordsFrom(files, directory, torn.segment, torn.segment.end), makeWriter());
		const file = await files.open(join(directory, torn.segment.file), 'update');
		try {
			await file.truncate(torn.segment.end);
			await file.datasync();
		} finally {
			await file.close();
		}
		log.truncatedBytes += torn.bytes;
		torn.segment.waste = 0;
	}
}

async function rewrite(records: readonly SpillRecord[], writer: Writer): Promise<void> {
	try {
		await writer.append(records.map((record) => measure(record, Number.POSITIVE_INFINITY)));
		await writer.settle();
	} finally {
		await writer.retire();
	}
}

/** Where a key's records are depends on the number of partitions, so it stays while there are any. */
function refuseOtherPartitions({ partitions: written }: Recovered, { directory, partitions }: Settings): void {
	for (const count of written) if (count !== partitions) throw otherPartitions(directory, count, partitions);
}

function refuseOrphans(names: readonly string[], { directory, partitions }: Settings): void {
	for (const name of names) {
		const { partition = 0 } = parseSegmentName(name) ?? {};
		if (partition >= partitions) throw otherPartitions(directory, `more than ${partition}`, partitions);
	}
}

function otherPartitions(directory: string, written: number | string, partitions: number): SpillError {
	return new SpillError(
		`${directory} holds records of ${written} partitions, and partitions is ${partitions}: ` +
			'drain it with the old number before changing that',
		{ code: 'SPILL_PARTITIONS' },
	);
}
