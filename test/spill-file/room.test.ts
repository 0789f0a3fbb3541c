import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SpillFullError } from '../../src/index.js';
import { fileSpill } from '../../src/spill-file/index.js';
import { Disk } from './support/disk.js';
import { DIRECTORY, idsOf, record, records, storeOn, waiting } from './support/store.js';

const SHAPE = { bytes: 1000 };

/** Appends until it is refused. @returns the ids that were taken. */
async function fill(store: ReturnType<typeof fileSpill>, from: number): Promise<number[]> {
	const kept: number[] = [];
	for (let n = from; ; n += 10) {
		try {
			await store.append(records(10, n, SHAPE));
		} catch (error) {
			expect(error).toBeInstanceOf(SpillFullError);
			return kept;
		}
		kept.push(...idsOf(records(10, n)));
	}
}

describe('maxBytes', () => {
	it('bounds what is on disk, whatever is appended, acknowledged and appended again', async () => {
		const disk = new Disk();
		const maxBytes = 100_000;
		const store = storeOn(disk, { maxBytes, minFreeBytes: 0 });
		await store.open();
		const onDisk = () =>
			disk.paths.filter((path) => path.endsWith('.log')).reduce((sum, path) => sum + disk.contentOf(path).length, 0);
		let next = 0;
		for (let round = 0; round < 8; round++) {
			const kept = await fill(store, next);
			next += 100_000;
			expect(onDisk()).toBeLessThanOrEqual(maxBytes);
			expect((await store.stats()).bytes).toBe(onDisk());
			const found = await waiting(store);
			expect(idsOf(found).slice(-kept.length)).toEqual(kept);
			await store.ack(0, found[Math.floor(found.length * 0.7)]?.cursor ?? '');
			expect(onDisk()).toBeLessThan(maxBytes * 0.6);
		}
		const found = await waiting(store);
		await store.ack(0, found.at(-1)?.cursor ?? '');
		await store.close();
		expect(disk.paths).toEqual([`${DIRECTORY}/000.cursor`]);
	});

	it('rejects a batch that can never fit, as a whole', async () => {
		const store = storeOn(new Disk(), { maxBytes: 16_384, minFreeBytes: 0 });
		await store.open();
		await expect(store.append(records(20, 0, SHAPE))).rejects.toThrow(
			/^the spill in \/var\/spill is full: 0 of 16384 bytes are taken and the batch needs 2\d{4}$/,
		);
		expect(await waiting(store)).toEqual([]);
		await store.append(records(10, 0, SHAPE));
		await store.close();
	});
});

describe('minFreeBytes', () => {
	it('is left to others, and room that comes back is used', async () => {
		const disk = new Disk();
		const store = storeOn(disk, { minFreeBytes: 10_000 });
		await store.open();
		disk.freeBytes = 12_000;
		await store.append([record(0, SHAPE)]);
		disk.freeBytes = 10_900;
		await expect(store.append([record(1, SHAPE)])).rejects.toThrow(
			'the file system of /var/spill has 10752 bytes free, and minFreeBytes is 10000',
		);
		disk.freeBytes = 20_000;
		await store.append([record(2, SHAPE)]);
		expect(idsOf(await waiting(store))).toEqual([0, 2]);
		expect(disk.paths.filter((path) => path.endsWith('.log')).length).toBe(1);
		await store.close();
	});
});

describe('maxAgeMs', () => {
	it('drops segments that were last written longer ago, and counts what they held', async () => {
		let atMs = Date.now();
		const disk = new Disk();
		const store = storeOn(disk, { segmentBytes: 4096, minFreeBytes: 0, maxAgeMs: 60_000 }, { now: () => atMs });
		await store.open();
		await store.append(records(10, 0, SHAPE));
		const [first] = await waiting(store);
		await store.ack(0, first?.cursor ?? '');
		atMs += 50_000;
		await store.append(records(10, 10, SHAPE));
		atMs += 20_000;
		const stats = await store.stats();
		// The last segment of the first batch went on being written with the second.
		const found = idsOf(await waiting(store));
		expect(found.at(-1)).toBe(19);
		expect(found[0]).toBeGreaterThan(5);
		expect(found[0]).toBeLessThanOrEqual(10);
		const lost = (found[0] as number) - 1;
		expect(stats).toMatchObject({ records: found.length, agedOutRecords: lost });
		expect(stats.damage).toMatchObject({ missingRecords: lost, corruptRecords: 0 });
		atMs += 120_000;
		expect(await store.stats()).toMatchObject({ records: 0, agedOutRecords: 19, oldestEnqueuedAtMs: null });
		await store.append(records(3, 30));
		expect(idsOf(await waiting(store))).toEqual([30, 31, 32]);
		await store.close();
	});

	it('makes room for an append that finds none', async () => {
		let atMs = Date.now();
		const store = storeOn(new Disk(), { maxBytes: 50_000, minFreeBytes: 0, maxAgeMs: 1000 }, { now: () => atMs });
		await store.open();
		const kept = await fill(store, 0);
		atMs += 2000;
		await store.append(records(10, 1000, SHAPE));
		expect(idsOf(await waiting(store)).slice(-10)).toEqual(idsOf(records(10, 1000)));
		expect((await store.stats()).agedOutRecords).toBe(kept.length);
		await store.close();
	});

	it('is looked at when the store is opened', async () => {
		const disk = new Disk();
		const store = storeOn(disk, { minFreeBytes: 0 });
		await store.open();
		await store.append(records(10));
		await store.close();
		const later = { now: () => Date.now() + 100_000 };
		const again = storeOn(disk, { minFreeBytes: 0, maxAgeMs: 60_000 }, later);
		expect(await again.open()).toMatchObject({ missingRecords: 10 });
		expect((await again.stats()).records).toBe(0);
		await again.close();
		expect(disk.paths).toEqual([`${DIRECTORY}/000.cursor`]);
	});
});

describe('maxPendingBytes', () => {
	it('bounds what waits in memory, and lets a single larger batch through', async () => {
		const store = storeOn(new Disk(), { maxPendingBytes: 5000, minFreeBytes: 0 });
		await store.open();
		const large = store.append(records(8, 0, SHAPE));
		await expect(store.append(records(1, 8, SHAPE))).rejects.toMatchObject({ code: 'SPILL_BUSY' });
		await large;
		await store.append(records(1, 9, SHAPE));
		expect(idsOf(await waiting(store))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 9]);
		await store.close();
	});
});

describe('a file system of 1 MiB', () => {
	const mounted = mount();

	it.skipIf(mounted === undefined)('is filled, refuses, and takes records again when there is space', async () => {
		const directory = `${mounted?.path}/spill`;
		try {
			const store = fileSpill({ directory, maxBytes: 10_000_000, segmentBytes: 65_536, minFreeBytes: 0 });
			await store.open();
			let next = 0;
			for (let round = 0; round < 3; round++) {
				// Many at once, of which some are under way when the disk is full: every one is settled.
				const before = idsOf(await waiting(store));
				const outcomes = await Promise.allSettled(
					Array.from({ length: 200 }, (_, i) => store.append(records(10, next + i * 10, SHAPE))),
				);
				const kept = outcomes.flatMap(({ status }, i) =>
					status === 'fulfilled' ? idsOf(records(10, next + i * 10)) : [],
				);
				for (const one of outcomes) if (one.status === 'rejected') expect(one.reason).toBeInstanceOf(SpillFullError);
				expect(kept.length).toBeLessThan(2000);
				next += 10_000;
				// And one after the other, until there is really no room.
				kept.push(...(await fill(store, next)));
				next += 10_000;
				const found = await waiting(store);
				const ids = new Set(idsOf(found));
				expect([...before, ...kept].filter((id) => !ids.has(id))).toEqual([]);
				await store.ack(0, found[Math.floor(found.length * 0.9)]?.cursor ?? '');
			}
			const found = await waiting(store);
			await store.ack(0, found.at(-1)?.cursor ?? '');
			await store.append(records(100, next, SHAPE));
			expect(idsOf(await waiting(store))).toEqual(idsOf(records(100, next)));
			expect(statSync(directory).mode & 0o777).toBe(0o700);
			await store.close();
		} finally {
			mounted?.unmount();
		}
	});
});

/** A small file system of our own, where we may make one (as root). */
function mount(): { readonly path: string; unmount(): void } | undefined {
	const path = `/tmp/spill-tmpfs-${process.pid}`;
	try {
		execFileSync('mkdir', ['-p', path]);
		execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', path], { stdio: 'pipe' });
	} catch (error) {
		console.warn(`SKIPPED: no small file system can be mounted: ${error instanceof Error ? error.message : error}`);
		execFileSync('rm', ['-rf', path]);
		return undefined;
	}
	return {
		path,
		unmount: () => {
			execFileSync('umount', [path]);
			execFileSync('rmdir', [path]);
		},
	};
}
