import type { SpillStats, SpillStore } from '../ports/spill.js';

/** Figures of a file spill. */
export interface FileSpillStats extends SpillStats {
	readonly records: number;
	/** On disk, whole segments: those that hold waiting records, the one being written, and those set aside. */
	readonly bytes: number;
	readonly capacityBytes: number;
	/** Dropped because of `maxAgeMs`. Part of `damage.missingRecords`. */
	readonly agedOutRecords: number;
}

/** A spill store in files. */
export interface FileSpill extends SpillStore {
	stats(): Promise<FileSpillStats>;
}
