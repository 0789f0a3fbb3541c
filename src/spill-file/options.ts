import { resolve } from 'node:path';
import { verify } from '../core/errors.js';
import { RECORD_HEADER_BYTES } from './record.js';
import { SEGMENT_HEADER_BYTES } from './segment-file.js';

/** Options of `fileSpill`. */
export interface FileSpillOptions {
	/**
	 * Where the log lives; made if it does not exist. One store at a time, on a local file system: a network share that two
	 * machines mount is not protected. An acknowledged spill is the only copy, so put it on a volume that outlives the container.
	 */
	readonly directory: string;
	/** What the log may take on disk, bytes >= 16 384. An append beyond it is rejected with `SpillFullError`. */
	readonly maxBytes: number;
	/**
	 * What a resolved append survives. Default `'fsync'`.
	 *
	 * - `'fsync'`: a crash of the operating system and a loss of power. Concurrent appends share one sync.
	 * - `'interval'`: a crash of the process; of the operating system except for the last `syncEveryMs`.
	 * - `'os'`: a crash of the process. Nothing is synced but the end of a segment's life in peace (`close`).
	 */
	readonly durability?: 'fsync' | 'interval' | 'os' | undefined;
	/** With durability `'interval'`: how long written records may stay unsynced, ms > 0. Default 1000. */
	readonly syncEveryMs?: number | undefined;
	/**
	 * Space is given back a segment at a time, and one segment is read through at `open`. Bytes >= 4096.
	 * Default: a sixteenth of `maxBytes`, between 4 KiB and 16 MiB.
	 */
	readonly segmentBytes?: number | undefined;
	/** The largest payload, bytes > 0. Default: an eighth of `maxBytes`, at most 16 MiB. */
	readonly maxRecordBytes?: number | undefined;
	/**
	 * Segments that were last written longer ago than this are dropped whole, their waiting records counted in
	 * `damage.missingRecords` and `agedOutRecords`. Looked at by `open`, by `stats`, and by an append that finds no room. A
	 * record lives at least this long, and longer while its segment is still written. ms > 0. Default: kept for ever.
	 * To give up single records at a time of their own use `expiresAfterMs` of the shedder instead.
	 */
	readonly maxAgeMs?: number | undefined;
	/**
	 * Free space that appends leave to others on the file system, bytes >= 0. Default 64 MiB; 0 does not look. A file system
	 * without a few kB cannot be opened after a crash, and so not drained, before there is room for the lock again.
	 */
	readonly minFreeBytes?: number | undefined;
	/**
	 * How many logs the keys are spread over, 1..256: a failing record holds up its partition only, and each partition is
	 * synced for itself. Can be changed while the store is empty. Replay takes some 2 MiB of memory for each. Default 1.
	 */
	readonly partitions?: number | undefined;
	/** Appends that wait to be written may hold so much memory together, bytes > 0. Default 32 MiB. */
	readonly maxPendingBytes?: number | undefined;
}

/** The options with every default in place. */
export interface Settings {
	readonly directory: string;
	readonly maxBytes: number;
	readonly durability: 'fsync' | 'interval' | 'os';
	readonly syncEveryMs: number;
	readonly segmentBytes: number;
	readonly maxRecordBytes: number;
	readonly maxAgeMs: number;
	readonly minFreeBytes: number;
	readonly partitions: number;
	readonly maxPendingBytes: number;
}

const MIB = 1024 * 1024;

/** @throws ConfigError with every wrong option. */
export function settingsOf(options: FileSpillOptions): Settings {
	const { directory, maxBytes } = options;
	const {
		durability = 'fsync',
		syncEveryMs = 1000,
		segmentBytes = Math.min(16 * MIB, Math.max(4096, Math.floor(maxBytes / 16))),
		maxRecordBytes = Math.min(16 * MIB, Math.floor(maxBytes / 8)),
		maxAgeMs = Number.POSITIVE_INFINITY,
		minFreeBytes = 64 * MIB,
		partitions = 1,
		maxPendingBytes = 32 * MIB,
	} = options;
	const overhead = SEGMENT_HEADER_BYTES + RECORD_HEADER_BYTES;
	verify('fileSpill', (must) => {
		must(typeof directory === 'string' && directory !== '', 'directory', directory, 'a path');
		const wholeBytes = (path: string, value: number, least: number) =>
			must(Number.isSafeInteger(value) && value >= least, path, value, `a whole number of at least ${least}`);
		wholeBytes('maxBytes', maxBytes, 16_384);
		// Their defaults and limits follow from it.
		const sized = Number.isSafeInteger(maxBytes) && maxBytes >= 16_384;
		if (sized) {
			wholeBytes('segmentBytes', segmentBytes, 4096);
			must(segmentBytes <= maxBytes, 'segmentBytes', segmentBytes, `at most maxBytes, ${maxBytes}`);
			must(segmentBytes <= 1024 * MIB, 'segmentBytes', segmentBytes, 'at most 1073741824: a segment is read at open');
			wholeBytes('maxRecordBytes', maxRecordBytes, 1);
			must(
				maxRecordBytes + overhead <= maxBytes && maxRecordBytes <= 1024 * MIB,
				'maxRecordBytes',
				maxRecordBytes,
				`at most maxBytes - ${overhead}, and at most 1073741824`,
			);
		}
		must(['fsync', 'interval', 'os'].includes(durability), 'durability', durability, '"fsync", "interval" or "os"');
		must(syncEveryMs > 0 && syncEveryMs < 2 ** 31, 'syncEveryMs', syncEveryMs, 'above 0 and below 2147483648');
		must(
			options.syncEveryMs === undefined || durability === 'interval',
			'syncEveryMs',
			syncEveryMs,
			'left out unless durability is "interval"',
		);
		must(maxAgeMs > 0, 'maxAgeMs', maxAgeMs, 'above 0');
		wholeBytes('minFreeBytes', minFreeBytes, 0);
		must(
			Number.isInteger(partitions) && partitions >= 1 && partitions <= 256,
			'partitions',
			partitions,
			'a whole number of 1 to 256',
		);
		wholeBytes('maxPendingBytes', maxPendingBytes, 1);
	});
	return {
		// What the service changes to later is not where the log is.
		directory: resolve(directory),
		maxBytes,
		durability,
		syncEveryMs,
		segmentBytes,
		maxRecordBytes,
		maxAgeMs,
		minFreeBytes,
		partitions,
		maxPendingBytes,
	};
}
