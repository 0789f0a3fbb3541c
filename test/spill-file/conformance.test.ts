import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fileSpill } from '../../src/spill-file/index.js';
import { type SpillStoreSubject, spillStoreConformance } from '../../src/testing/index.js';
import { Disk } from './support/disk.js';
import { storeOn } from './support/store.js';

function onFiles(options: { durability?: 'fsync' | 'interval' | 'os'; partitions?: number }): SpillStoreSubject {
	return {
		durability: (options.durability ?? 'fsync') === 'fsync' ? 'os-crash' : 'process',
		place({ maxBytes }) {
			const directory = mkdtempSync(join(tmpdir(), 'spill-conformance-'));
			return {
				store: () => fileSpill({ directory, maxBytes, ...options }),
				destroy: () => rmSync(directory, { recursive: true, force: true }),
			};
		},
	};
}

/** A disk in memory, whose power can be cut. */
class Place {
	#disk = new Disk();
	#boot = 0;
	readonly maxBytes: number;

	constructor(maxBytes: number) {
		this.maxBytes = maxBytes;
	}

	store() {
		return storeOn(this.#disk, { maxBytes: this.maxBytes, minFreeBytes: 0 }, { boot: this.#boot });
	}

	destroy(): void {
		expect(this.#disk.openFiles).toBe(0);
	}

	crash(): void {
		this.#boot++;
		this.#disk = this.#disk.powerLoss(() => false);
	}
}

const SUBJECTS: readonly (readonly [string, readonly ReturnType<typeof spillStoreConformance>[number][]])[] = [
	['a file spill', spillStoreConformance(onFiles({}))],
	['a file spill of three partitions', spillStoreConformance({ ...onFiles({ partitions: 3 }), runs: 10 })],
	['a file spill that syncs now and then', spillStoreConformance({ ...onFiles({ durability: 'interval' }), runs: 10 })],
	['a file spill that never syncs', spillStoreConformance({ ...onFiles({ durability: 'os' }), runs: 10 })],
	[
		'a file spill on a disk that loses its power',
		spillStoreConformance({
			durability: 'os-crash',
			place: ({ maxBytes }) => new Place(maxBytes),
			crash: (place) => place.crash(),
			runs: 10,
		}),
	],
];

describe.each(SUBJECTS)('%s', (_, cases) => {
	for (const { name, run, timeoutMs } of cases) it(name, run, timeoutMs);
});
