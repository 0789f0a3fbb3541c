import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Spilled, SpillRecord, SpillStore } from '../../../src/index.js';
import type { FileSpillOptions } from '../../../src/spill-file/index.js';
import { settingsOf } from '../../../src/spill-file/options.js';
import { type Host, thisHost } from '../../../src/spill-file/owner.js';
import { FileSpillStore } from '../../../src/spill-file/store.js';
import type { Disk } from './disk.js';

export const DIRECTORY = '/var/spill';

/** The host on which a process of the test runs; another boot is another host to what was left by the one before. */
export const hostOf = (boot: number): Host => ({
	...thisHost,
	bootId: async () => `boot-${boot}`,
	listen: async () => undefined,
});

/** A store on a disk in memory. */
export function storeOn(
	disk: Disk,
	options: Partial<FileSpillOptions> = {},
	{ boot = 1, now = Date.now }: { readonly boot?: number; readonly now?: () => number } = {},
): FileSpillStore {
	const settings = settingsOf({ directory: DIRECTORY, maxBytes: 1_000_000, ...options });
	return new FileSpillStore(settings, { files: disk, host: hostOf(boot), now, lookEveryMs: 0 });
}

/** A directory that is removed after the test. */
export function temporaryDirectory(): string {
	const path = mkdtempSync(join(tmpdir(), 'spill-'));
	onTestFinished(() => rmSync(path, { recursive: true, force: true }));
	return path;
}

export function record(n: number, { key = 'key', bytes = 20 }: { key?: string; bytes?: number } = {}): SpillRecord {
	const payload = Uint8Array.from({ length: bytes }, (_, at) => (n * 31 + at) % 256);
	return { id: `id-${n}`, key, payload, enqueuedAtMs: 1_700_000_000_000 + n };
}

export const records = (count: number, from = 0, shape?: Parameters<typeof record>[1]): SpillRecord[] =>
	Array.from({ length: count }, (_, i) => record(from + i, shape));

/** Everything that waits in a partition. */
export async function waiting(store: SpillStore, partition = 0, maxRecords = 100): Promise<Spilled[]> {
	const found: Spilled[] = [];
	for (;;) {
		const some = await store.read({ partition, after: found.at(-1)?.cursor, maxRecords });
		if (some.length === 0) return found;
		found.push(...some);
	}
}

export const idsOf = (found: readonly SpillRecord[]): number[] => found.map(({ id }) => Number(id.slice(3)));
