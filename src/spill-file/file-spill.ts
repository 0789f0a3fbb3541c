import { nodeFileSystem } from './file-system.js';
import { type FileSpillOptions, settingsOf } from './options.js';
import { thisHost } from './owner.js';
import { FileSpillStore } from './store.js';
import type { FileSpill } from './types.js';

/** At each sync it would cost a tenth of one and more. */
const LOOK_EVERY_MS = 10;

/**
 * A durable spill store in a directory: a segmented append-only log, with nothing native and no server.
 *
 * - Durability: see {@link FileSpillOptions.durability}. `capabilities.durability` is `'os-crash'` for `'fsync'` and
 *   `'process'` for the others, which here means that a resolved append survives the death of the process.
 * - `damage`: `missingRecords` counts every sequence number that cannot be given back, for whatever reason, once;
 *   `corruptRecords` counts the places among them where unreadable bytes were found. Both grow as damage is met by reading.
 *   `truncatedBytes` is the torn end of a write that was never acknowledged.
 * - `SpillError` codes: `SPILL_FULL` (a `SpillFullError`), `SPILL_LOCKED`, `SPILL_LOCK_LOST` (the directory or its lock was
 *   removed while it was open), `SPILL_CLOSED`, `SPILL_RECORD_TOO_LARGE`, `SPILL_CODEC` (a
 *   payload that is no `Uint8Array`), `SPILL_BUSY` (more than `maxPendingBytes` wait), `SPILL_WRITE`, `SPILL_READ`, `SPILL_ACK`, `SPILL_OPEN`,
 *   `SPILL_PARTITIONS`, `SPILL_VERSION`.
 *
 * @throws ConfigError with every wrong option.
 * @see docs/spill-format.md
 */
export function fileSpill(options: FileSpillOptions): FileSpill {
	const world = { files: nodeFileSystem, host: thisHost, now: Date.now, lookEveryMs: LOOK_EVERY_MS };
	return new FileSpillStore(settingsOf(options), world);
}
