import { describe, expect, it } from 'vitest';
import { SpillError, SpillFullError } from '../../src/index.js';
import { type Call, Disk, type Fault } from './support/disk.js';
import { idsOf, records, storeOn, waiting } from './support/store.js';

const OPTIONS = { segmentBytes: 4096 };
const SHAPE = { bytes: 300 };

/** A life with every kind of call, in which one may fail. @returns what happened. */
async function life(disk: Disk, fault: (call: Call) => Fault | undefined) {
	const errors: unknown[] = [];
	const kept: number[] = [];
	let acked = -1;
	const attempt = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
		try {
			return await work();
		} catch (error) {
			errors.push(error);
			return undefined;
		}
	};
	const store = storeOn(disk, OPTIONS);
	disk.fault = fault;
	if ((await attempt(() => store.open())) === undefined) await attempt(() => store.open());
	let next = 0;
	for (let round = 0; round < 4; round++) {
		await Promise.all(
			[5, 1, 4].map(async (count) => {
				const batch = records(count, next, SHAPE);
				next += count;
				await attempt(async () => {
					await store.append(batch);
					kept.push(...idsOf(batch));
				});
			}),
		);
		const found = (await attempt(() => waiting(store))) ?? [];
		const upTo = found[Math.floor(found.length / 2)];
		if (upTo !== undefined) {
			// Given away, whether or not that could be written down.
			acked = Math.max(acked, ...idsOf([upTo]));
			await attempt(() => store.ack(0, upTo.cursor));
		}
		await attempt(() => store.stats());
	}
	disk.fault = () => undefined;
	// It recovers by itself: the same store takes records again.
	await attempt(() => store.append(records(1, 1000)));
	await store.append(records(1, 1001));
	const found = idsOf(await waiting(store));
	await attempt(() => store.close());
	await store.close();
	return { errors, kept, acked, found };
}

function assureKept(found: readonly number[], kept: readonly number[], acked: number, where: string): void {
	const ids = new Set(found);
	expect(
		kept.filter((id) => id > acked && !ids.has(id)),
		where,
	).toEqual([]);
	expect(found.at(-1), where).toBe(1001);
	expect(found, where).toEqual(found.toSorted((a, b) => a - b));
}

describe('a system call that fails', { timeout: 60_000 }, () => {
	it.each(['ENOSPC', 'EDQUOT', 'EIO'])('with %s costs no promised record, whichever it is', async (code) => {
		const sound = await life(new Disk(), () => undefined);
		expect(sound.errors).toEqual([]);
		const counting = new Disk();
		await life(counting, () => undefined);
		const names = new Set<string>();
		for (let n = 0; n < counting.calls; n++) {
			const disk = new Disk();
			let failed = '';
			const { errors, kept, acked, found } = await life(disk, (call) => {
				if (call.n !== n) return undefined;
				failed = call.name;
				return { code };
			});
			names.add(failed);
			const where = `${code} in call ${n}, ${failed}`;
			for (const error of errors) expect(error, where).toBeInstanceOf(SpillError);
			// Nobody is told that there is no room when the disk is broken.
			if (code === 'EIO') for (const error of errors) expect(error, where).not.toBeInstanceOf(SpillFullError);
			if (code !== 'EIO' && failed === 'writev' && errors.length > 0 && kept.length < sound.kept.length) {
				expect(errors[0], where).toBeInstanceOf(SpillFullError);
			}
			assureKept(found, kept, acked, where);
			// What the next process finds is the same.
			const after = storeOn(disk, OPTIONS, { boot: 2 });
			await after.open();
			assureKept(idsOf(await waiting(after)), kept, acked, `${where}, reopened`);
			expect((await after.stats()).damage, where).toMatchObject({ missingRecords: 0, corruptRecords: 0 });
			await after.close();
			expect(disk.openFiles, where).toBe(0);
		}
		// The life had all of them.
		for (const name of [
			'writev',
			'write',
			'datasync',
			'open-create',
			'unlink',
			'sync',
			'link',
			'statfs',
			'read',
			'close',
		]) {
			expect([...names]).toContain(name);
		}
	});

	it('by writing less than it was given is called again, however little it writes', async () => {
		const counting = new Disk();
		await life(counting, () => undefined);
		for (let n = 0; n < counting.calls; n++) {
			for (const bytes of [1, 45]) {
				const { errors, kept, acked, found } = await life(new Disk(), (call) =>
					call.n === n && call.name === 'writev' ? { bytes } : undefined,
				);
				expect(errors).toEqual([]);
				assureKept(found, kept, acked, `${bytes} bytes in call ${n}`);
			}
		}
	});

	it('by writing a part and then having no space leaves no part of it behind', async () => {
		for (const bytes of [0, 1, 40, 200, 1000]) {
			const disk = new Disk();
			const store = storeOn(disk, OPTIONS);
			await store.open();
			await store.append(records(3, 0, SHAPE));
			const before = (await store.stats()).bytes;
			let calls = 0;
			disk.fault = ({ name }) => {
				if (name !== 'writev') return undefined;
				return calls++ === 0 && bytes > 0 ? { bytes } : { code: 'ENOSPC' };
			};
			await expect(store.append(records(3, 3, SHAPE))).rejects.toThrow(SpillFullError);
			await expect(store.append(records(3, 6, SHAPE))).rejects.toThrow(SpillFullError);
			expect((await store.stats()).bytes).toBe(before);
			expect(disk.paths.filter((path) => path.endsWith('.log')).length).toBe(1);
			disk.fault = () => undefined;
			await store.append(records(3, 9, SHAPE));
			expect(idsOf(await waiting(store))).toEqual([0, 1, 2, 9, 10, 11]);
			await store.close();
		}
	});

	it('never syncs a file again whose sync has failed', async () => {
		const disk = new Disk();
		const store = storeOn(disk, OPTIONS);
		await store.open();
		await store.append(records(2));
		const synced: string[] = [];
		let failed = '';
		disk.fault = ({ name, path }) => {
			if (name !== 'datasync' || !path.endsWith('.log')) return undefined;
			synced.push(path);
			if (failed !== '') return undefined;
			failed = path;
			return { code: 'EIO' };
		};
		const outcomes = await Promise.allSettled([store.append(records(2, 2)), store.append(records(2, 4))]);
		expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
		await store.append(records(2, 6));
		await store.close();
		expect(synced.filter((path) => path === failed).length).toBe(1);
		const after = storeOn(disk, OPTIONS, { boot: 2 });
		await after.open();
		expect(idsOf(await waiting(after)).filter((id) => id < 2 || id > 5)).toEqual([0, 1, 6, 7]);
		await after.close();
	});

	it('in the background is told by the next append', async () => {
		const disk = new Disk();
		const store = storeOn(disk, { ...OPTIONS, durability: 'interval', syncEveryMs: 1 });
		await store.open();
		const failed = new Promise<void>((resolve) => {
			disk.fault = ({ name }) => {
				if (name !== 'datasync') return undefined;
				setImmediate(resolve);
				return { code: 'EIO' };
			};
		});
		await store.append(records(2));
		await failed;
		disk.fault = () => undefined;
		await expect(store.append(records(2, 2))).rejects.toMatchObject({ code: 'SPILL_WRITE' });
		await store.append(records(2, 4));
		expect(idsOf(await waiting(store))).toEqual([0, 1, 4, 5]);
		await store.close();
	});
});
