import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { Spilled } from '../../src/index.js';
import { fileSpill, readSpill } from '../../src/spill-file/index.js';
import { readSpillOn } from '../../src/spill-file/read-spill.js';
import { Disk } from './support/disk.js';
import { DIRECTORY, idsOf, record, records, storeOn, temporaryDirectory, waiting } from './support/store.js';

async function all(records: AsyncIterable<Spilled>): Promise<Spilled[]> {
	const found: Spilled[] = [];
	for await (const one of records) found.push(one);
	return found;
}

describe('readSpill', () => {
	it('sees what waits beside a running owner, and changes nothing', async () => {
		const directory = temporaryDirectory();
		const store = fileSpill({ directory, maxBytes: 1_000_000, segmentBytes: 4096, minFreeBytes: 0, partitions: 2 });
		await store.open();
		await store.append(Array.from({ length: 100 }, (_, n) => record(n, { key: `key-${n % 7}`, bytes: 100 })));
		const [third] = (await waiting(store, 1)).slice(2);
		await store.ack(1, third?.cursor ?? '');
		const before = snapshot(directory);
		const view = await readSpill(directory);
		const found = await all(view.records());
		expect(found).toEqual([...(await waiting(store, 0)), ...(await waiting(store, 1))]);
		expect(view.damage).toEqual({ truncatedBytes: 0, corruptRecords: 0, missingRecords: 0, quarantined: [] });
		expect(view.owner).toMatchObject({ pid: process.pid, alive: true });
		expect(view.partitions.map(({ partition }) => partition)).toEqual([0, 1]);
		expect(view.partitions.reduce((sum, part) => sum + part.records, 0)).toBe(found.length);
		expect(view.partitions[1]?.acked).toBe(3);
		expect(snapshot(directory)).toEqual(before);
		await store.append([record(1000)]);
		await store.close();
		expect((await readSpill(directory)).owner).toBeNull();
	});

	it('goes on when the owner removes what it was reading', async () => {
		const disk = new Disk();
		const store = storeOn(disk, { segmentBytes: 4096, minFreeBytes: 0 });
		await store.open();
		await store.append(records(4000, 0, { bytes: 100 }));
		const known = await waiting(store, 0, 1000);
		const view = await readSpillOn(disk, DIRECTORY);
		const found: number[] = [];
		for await (const one of view.records()) {
			found.push(...idsOf([one]));
			if (found.length === 10) await store.ack(0, known[2999]?.cursor ?? '');
		}
		expect(found.slice(0, 10)).toEqual(idsOf(known.slice(0, 10)));
		expect(found.slice(-1000)).toEqual(idsOf(known.slice(-1000)));
		expect(found).toEqual(found.toSorted((a, b) => a - b));
		expect(new Set(found).size).toBe(found.length);
		expect(view.damage.missingRecords).toBe(0);
		await store.close();
		expect(disk.openFiles).toBe(0);
	});

	/** Before each of so many looks at the first segment its owner is done with it and has removed it. */
	const busy = async (disk: Disk, looks: number) => {
		const store = storeOn(disk, { segmentBytes: 4096, minFreeBytes: 0, maxBytes: 10_000_000 });
		await store.open();
		await store.append(records(1000, 0, { bytes: 1000 }));
		const open = disk.open.bind(disk);
		let left = looks;
		let acking = false;
		vi.spyOn(disk, 'open').mockImplementation(async (path, how) => {
			if (path.endsWith('.log') && !acking && left-- > 0) {
				acking = true;
				const some = await store.read({ partition: 0, maxRecords: 3 });
				await store.ack(0, some.at(-1)?.cursor ?? '');
				acking = false;
			}
			return open(path, how);
		});
		return store;
	};

	it('goes on beside an owner that removes a segment at each look', async () => {
		const disk = new Disk();
		const store = await busy(disk, 100);
		const view = await readSpillOn(disk, DIRECTORY);
		expect(idsOf(await all(view.records()))).toEqual(idsOf(records(700, 300)));
		expect(view.damage.missingRecords).toBe(0);
		await store.close();
	});

	it('gives up in its own words where that never ends', async () => {
		const disk = new Disk();
		const store = await busy(disk, 300);
		const { code, message } = await readSpillOn(disk, DIRECTORY).catch((error) => error);
		expect([code, message]).toEqual(['SPILL_READ', expect.stringMatching(/^cannot read \/var\/spill: ENOENT/)]);
		await store.close();
	});

	it('counts damage, and shows a torn end as unfinished', async () => {
		const disk = new Disk();
		const store = storeOn(disk);
		await store.open();
		await store.append(records(10));
		await store.append(records(10, 10));
		const copy = disk.clone();
		await store.close();
		const path = copy.paths.find((one) => one.endsWith('.log')) as string;
		const data = Buffer.from(copy.contentOf(path)).subarray(0, -5);
		data[10] = 0xff;
		data[200] = (data[200] as number) ^ 1;
		copy.overwrite(path, data);
		const view = await readSpillOn(copy, DIRECTORY);
		expect(idsOf(await all(view.records())).length).toBe(18);
		expect(view.damage).toMatchObject({ corruptRecords: 1, missingRecords: 1 });
		expect(view.partitions[0]).toMatchObject({ records: 18, damagedHeaders: [path.split('/').at(-1)] });
		expect(view.partitions[0]?.unfinishedBytes).toBeGreaterThan(50);
		expect(copy.contentOf(path)).toEqual(data);
	});

	it('refuses what is no spill', async () => {
		await expect(readSpill('/nowhere')).rejects.toMatchObject({ code: 'SPILL_READ' });
		await expect(readSpill(temporaryDirectory())).rejects.toThrow('holds no spill');
	});
});

function snapshot(directory: string) {
	return readdirSync(directory)
		.filter((name) => !name.startsWith('lock.sock'))
		.map((name) => [name, statSync(join(directory, name)).mtimeMs, readFileSync(join(directory, name), 'latin1')]);
}
