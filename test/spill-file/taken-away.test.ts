import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { nodeFileSystem } from '../../src/spill-file/file-system.js';
import { type FileSpillOptions, fileSpill, readSpill } from '../../src/spill-file/index.js';
import { settingsOf } from '../../src/spill-file/options.js';
import { thisHost } from '../../src/spill-file/owner.js';
import { FileSpillStore } from '../../src/spill-file/store.js';
import { Disk } from './support/disk.js';
import { DIRECTORY, idsOf, records, storeOn, temporaryDirectory, waiting } from './support/store.js';

const LOST = { name: 'SpillError', code: 'SPILL_LOCK_LOST' };

/** An open store on a real directory, with some records of which the first is acknowledged. */
async function opened(options: Partial<FileSpillOptions> = {}) {
	const directory = join(temporaryDirectory(), 'spill');
	const settings = settingsOf({ directory, maxBytes: 1_000_000, minFreeBytes: 0, ...options });
	// It looks beside each sync, so that no test has to wait.
	const world = { files: nodeFileSystem, host: thisHost, now: Date.now, lookEveryMs: 0 };
	const store = new FileSpillStore(settings, world);
	await store.open();
	await store.append(records(5));
	const [first] = await waiting(store);
	await store.ack(0, first?.cursor ?? '');
	return { directory, store };
}

const segments = (directory: string) => readdirSync(directory).filter((name) => name.endsWith('.log'));

describe.skipIf(process.platform === 'win32')('a cursor file that is removed while it is open', () => {
	it('is made anew by a close, so that nothing acknowledged comes again', async () => {
		const { directory, store } = await opened();
		rmSync(join(directory, '000.cursor'));
		const [next] = await waiting(store);
		await store.ack(0, next?.cursor ?? '');
		await store.close();
		await store.open();
		expect(idsOf(await waiting(store))).toEqual([2, 3, 4]);
		await store.close();
	});

	it('is made anew before a segment is removed', async () => {
		const { directory, store } = await opened({ segmentBytes: 4096 });
		await store.append(records(200, 5));
		rmSync(join(directory, '000.cursor'));
		const found = await waiting(store);
		await store.ack(0, found[150]?.cursor ?? '');
		expect((await readSpill(directory)).partitions).toMatchObject([{ acked: 152 }]);
		await store.close();
	});
});

describe.skipIf(process.platform === 'win32')('a directory that is removed while it is open', () => {
	it('is noticed by an append a few milliseconds later at the latest', async () => {
		const directory = join(temporaryDirectory(), 'spill');
		const store = fileSpill({ directory, maxBytes: 1_000_000, minFreeBytes: 0 });
		await store.open();
		await store.append(records(1));
		rmSync(directory, { recursive: true });
		const until = performance.now() + 10;
		let resolved = 0;
		const append = async (): Promise<unknown> => {
			const late = performance.now() > until;
			const error = await store.append(records(1)).catch((reason: unknown) => reason);
			if (error !== undefined || late) return error;
			resolved++;
			return append();
		};
		expect(await append()).toMatchObject(LOST);
		expect((await store.stats()).damage.missingRecords).toBe(1 + resolved);
		await store.close();
	});

	it.each([
		['removed', (directory: string) => rmSync(directory, { recursive: true })],
		[
			'removed and made again',
			(directory: string) => {
				rmSync(directory, { recursive: true });
				mkdirSync(directory);
			},
		],
		['renamed', (directory: string) => renameSync(directory, `${directory}-old`)],
	])('takes no record into it when it was %s, and goes on in a new one', async (_, take) => {
		const { directory, store } = await opened();
		take(directory);
		await expect(store.append(records(2, 5))).rejects.toMatchObject(LOST);
		await store.append(records(3, 7));
		expect(idsOf(await waiting(store))).toEqual([7, 8, 9]);
		// The four that waited are told, and not the one that was acknowledged.
		expect(await store.stats()).toMatchObject({ records: 3, damage: { missingRecords: 4, corruptRecords: 0 } });
		await store.append(records(1, 10));
		await store.close();
		const next = fileSpill({ directory, maxBytes: 1_000_000, minFreeBytes: 0 });
		await next.open();
		expect(idsOf(await waiting(next))).toEqual([7, 8, 9, 10]);
		await next.close();
	});

	it.each(['interval', 'os'] as const)('is looked for now and then with durability %s', async (durability) => {
		const { directory, store } = await opened({ durability });
		rmSync(directory, { recursive: true });
		const passed = performance.now() + 250;
		const clock = vi.spyOn(performance, 'now').mockImplementation(() => passed);
		try {
			await expect(store.append(records(1, 5))).rejects.toMatchObject(LOST);
			await store.append(records(2, 6));
			rmSync(directory, { recursive: true });
			// Not yet; what is promised meanwhile is counted with the rest.
			await store.append(records(1, 8));
			expect(await store.stats()).toMatchObject({ records: 0, damage: { missingRecords: 7 } });
		} finally {
			clock.mockRestore();
		}
		await store.close();
	});

	it('is noticed by a store that asks for the free space first', async () => {
		const { directory, store } = await opened({ minFreeBytes: 1, segmentBytes: 4096 });
		rmSync(directory, { recursive: true });
		// Too large for the segment, so that a file has to be made.
		await expect(store.append(records(1, 5, { bytes: 5000 }))).rejects.toMatchObject(LOST);
		await store.append(records(1, 6, { bytes: 5000 }));
		await store.close();
	});

	it('is noticed by figures and by readers as well, which go on', async () => {
		const { directory, store } = await opened();
		rmSync(directory, { recursive: true });
		expect(await store.stats()).toMatchObject({ records: 0, bytes: 0, damage: { missingRecords: 4 } });
		expect(existsSync(join(directory, 'lock'))).toBe(true);
		await store.append(records(2, 5));
		const [first] = await waiting(store);
		rmSync(directory, { recursive: true });
		await store.ack(0, first?.cursor ?? '');
		expect(await store.stats()).toMatchObject({ records: 0, damage: { missingRecords: 5 } });
		await store.append(records(1, 7));
		expect(idsOf(await waiting(store))).toEqual([7]);
		await store.close();
	});

	it('says so when it is closed, and can be opened again', async () => {
		const { directory, store } = await opened();
		rmSync(directory, { recursive: true });
		await expect(store.close()).rejects.toMatchObject(LOST);
		await store.open();
		await store.append(records(1));
		await store.close();
	});

	it('and replaced with a copy of itself takes records into a new segment', async () => {
		const { directory, store } = await opened();
		cpSync(directory, `${directory}-copy`, { recursive: true, filter: (path) => !path.includes('lock.sock') });
		rmSync(directory, { recursive: true });
		renameSync(`${directory}-copy`, directory);
		await expect(store.append(records(1, 5))).rejects.toMatchObject({
			code: 'SPILL_WRITE',
			message: expect.stringMatching(/\.log was removed while it was written$/),
		});
		await store.append(records(1, 6));
		expect(segments(directory).length).toBe(2);
		await store.close();
	});

	it('never costs more than what was under way: whatever is synced after its removal is found, and the rest is counted', async () => {
		const life = async (at: number) => {
			const disk = new Disk();
			const store = storeOn(disk, { segmentBytes: 4096, minFreeBytes: 0 });
			await store.open();
			let synced = 0;
			disk.fault = ({ name, path, n }) => {
				if (name === 'datasync' && path.endsWith('.log')) synced = n;
				if (n === at) disk.removeDirectory(DIRECTORY);
				return undefined;
			};
			const kept = new Map<number, number>();
			const begun = disk.calls;
			for (let n = 0; n < 20; n++) {
				try {
					await store.append(records(1, n, { bytes: 600 }));
					kept.set(n, synced);
				} catch (error) {
					expect(error).toMatchObject(LOST);
				}
			}
			const calls = disk.calls;
			disk.fault = () => undefined;
			const { damage } = await store.stats();
			const found = idsOf(await waiting(store));
			expect(damage.missingRecords, `at ${at}`).toBe(kept.size - found.length);
			for (const [id, syncedAt] of kept) if (syncedAt >= at) expect(found, `at ${at}`).toContain(id);
			await store.close();
			expect(disk.openFiles, `at ${at}`).toBe(0);
			return { begun, calls, kept };
		};
		const { begun, calls, kept } = await life(Number.POSITIVE_INFINITY);
		expect(kept.size).toBe(20);
		for (let at = begun; at < calls; at++) await life(at);
	});
});

describe('a lock that is removed while its owner is at work', () => {
	// Each look at the clock is 2 ms later: on a disk in memory somebody else opens sooner than that.
	beforeEach(() => {
		let nowMs = performance.now();
		vi.spyOn(performance, 'now').mockImplementation(() => (nowMs += 2));
	});
	afterEach(() => {
		vi.restoreAllMocks();
	});

	it('keeps the former owner from writing beside the new one, whatever it is asked', async () => {
		const disk = new Disk();
		let now = 1_700_000_000_000;
		const first = storeOn(disk, {}, { now: () => now });
		await first.open();
		await first.append(records(5));
		const found = await waiting(first);
		await disk.unlink(join(DIRECTORY, 'lock'));
		const second = storeOn(disk);
		await second.open();
		await second.append(records(2, 5));
		const before = new Map(disk.paths.map((path) => [path, disk.contentOf(path)]));
		await expect(first.append(records(1, 100))).rejects.toMatchObject({
			...LOST,
			message: expect.stringMatching(
				/^\/var\/spill is not ours any more: its lock was removed, and now it belongs to process \d+ /,
			),
		});
		for (const work of [
			() => first.append(records(1, 101)),
			() => first.ack(0, found[3]?.cursor ?? ''),
			() => waiting(first),
			() => first.stats(),
		]) {
			await expect(work()).rejects.toMatchObject(LOST);
		}
		expect(new Map(disk.paths.map((path) => [path, disk.contentOf(path)]))).toEqual(before);
		expect(idsOf(await waiting(second))).toEqual([0, 1, 2, 3, 4, 5, 6]);
		// It has to be released before anybody else may have it, and the first one does not try all the time.
		await second.ack(0, (await waiting(second))[1]?.cursor ?? '');
		await second.close();
		await expect(first.append(records(1, 102))).rejects.toMatchObject(LOST);
		now += 1_000;
		await first.append(records(1, 7));
		expect(idsOf(await waiting(first))).toEqual([2, 3, 4, 5, 6, 7]);
		expect(await first.stats()).toMatchObject({ records: 6, damage: { missingRecords: 0 } });
		await first.close();
		expect(disk.openFiles).toBe(0);
	});

	it('says to whom the directory belongs when nothing can be had again', async () => {
		const disk = new Disk();
		const first = storeOn(disk);
		await first.open();
		await disk.unlink(join(DIRECTORY, 'lock'));
		const second = storeOn(disk);
		await second.open();
		await expect(first.stats()).rejects.toMatchObject({
			...LOST,
			message: expect.stringMatching(
				/^the lock of \/var\/spill was lost, and it cannot be had again: \/var\/spill is in use by process \d+ /,
			),
		});
		await expect(first.close()).rejects.toMatchObject(LOST);
		await second.append(records(1));
		await second.close();
		expect(disk.openFiles).toBe(0);
	});

	it('is taken anew when nobody else has it, with everything that waited', async () => {
		const disk = new Disk();
		const store = storeOn(disk, { partitions: 2 });
		await store.open();
		await store.append([...records(3), ...records(3, 3, { key: 'other' })]);
		await disk.unlink(join(DIRECTORY, 'lock'));
		const outcomes = await Promise.allSettled([
			store.append(records(1, 6)),
			store.append(records(1, 7, { key: 'other' })),
		]);
		expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
		await Promise.all([store.append(records(1, 8)), store.append(records(1, 9, { key: 'other' }))]);
		const found = [...(await waiting(store, 0)), ...(await waiting(store, 1))];
		// What was refused may be there all the same: it was written to a file that is still there.
		const ids = idsOf(found).filter((id) => id !== 6 && id !== 7);
		expect(ids.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 8, 9]);
		expect((await store.stats()).damage.missingRecords).toBe(0);
		await store.close();
		expect(disk.openFiles).toBe(0);
	});

	it('is not lost when it was only touched or restored', async () => {
		const disk = new Disk();
		const store = storeOn(disk);
		await store.open();
		await store.append(records(1));
		const lock = join(DIRECTORY, 'lock');
		const content = disk.contentOf(lock);
		await disk.unlink(lock);
		await disk.open(lock, 'create');
		disk.overwrite(lock, content);
		await store.append(records(1, 1));
		await store.close();
	});

	it('is settled when the store is closed while it takes the directory anew', async () => {
		const disk = new Disk();
		const store = storeOn(disk);
		await store.open();
		await disk.unlink(join(DIRECTORY, 'lock'));
		const stats = store.stats();
		const closed = store.close();
		await Promise.allSettled([stats, closed]);
		await expect(store.stats()).rejects.toMatchObject({ code: 'SPILL_CLOSED' });
		expect(disk.paths.some((path) => path.includes('lock'))).toBe(false);
		expect(disk.openFiles).toBe(0);
		await store.open();
		await store.close();
	});
});

describe('a segment that is removed while the log is open', () => {
	/** Three segments of 6, 6 and 3 records. */
	async function threeSegments() {
		const disk = new Disk();
		const store = storeOn(disk, { segmentBytes: 4096, minFreeBytes: 0 });
		await store.open();
		for (let n = 0; n < 15; n += 3) await store.append(records(3, n, { bytes: 600 }));
		const logs = disk.paths.filter((path) => path.endsWith('.log'));
		expect(logs.length).toBe(3);
		return { disk, store, logs };
	}

	it.each([
		['the first', 0, [6, 7, 8, 9, 10, 11, 12, 13, 14]],
		['one in the middle', 1, [0, 1, 2, 3, 4, 5, 12, 13, 14]],
		['the last', 2, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]],
	])('costs its records and no others: %s', async (_, which, left) => {
		const { disk, store, logs } = await threeSegments();
		await store.stats();
		await disk.unlink(logs[which] ?? '');
		for (const maxRecords of [4, 100]) {
			expect(idsOf(await waiting(store, 0, maxRecords))).toEqual(left);
			expect(await store.stats()).toMatchObject({
				records: left.length,
				oldestEnqueuedAtMs: 1_700_000_000_000 + (left[0] as number),
				damage: { missingRecords: 15 - left.length, corruptRecords: 0 },
			});
		}
		if (which === 2)
			await expect(store.append(records(1, 15, { bytes: 600 }))).rejects.toMatchObject({ code: 'SPILL_WRITE' });
		await store.append(records(1, 16, { bytes: 600 }));
		const found = await waiting(store);
		expect(idsOf(found)).toEqual([...left, 16]);
		await store.ack(0, found.at(-1)?.cursor ?? '');
		expect(await store.stats()).toMatchObject({ records: 0, damage: { missingRecords: 15 - left.length } });
		await store.close();
		expect(disk.openFiles).toBe(0);
		expect(disk.paths).toEqual([join(DIRECTORY, '000.cursor')]);
	});

	it('is counted at once where it is the one that is written', async () => {
		const { disk, store, logs } = await threeSegments();
		await disk.unlink(logs[2] ?? '');
		await expect(store.append(records(1, 15, { bytes: 600 }))).rejects.toMatchObject({ code: 'SPILL_WRITE' });
		expect(await store.stats()).toMatchObject({ records: 12, damage: { missingRecords: 3 } });
		await store.close();
	});

	it('does not keep figures from being told when all of them are gone', async () => {
		const { disk, store, logs } = await threeSegments();
		for (const log of logs) await disk.unlink(log);
		await store.stats();
		expect(await store.stats()).toMatchObject({ records: 0, oldestEnqueuedAtMs: null, damage: { missingRecords: 15 } });
		expect(await waiting(store)).toEqual([]);
		await store.close();
	});
});
