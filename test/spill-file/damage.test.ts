import { describe, expect, it } from 'vitest';
import type { Damage, Spilled, SpillRecord } from '../../src/index.js';
import { same } from '../support/property.js';
import { Disk } from './support/disk.js';
import { DIRECTORY, idsOf, record, records, storeOn, waiting } from './support/store.js';

/** Every byte with `CRASH_ROUNDS`; else every third, which meets each byte of a record in one record or another. */
const STEP = process.env.CRASH_ROUNDS === undefined ? 3 : 1;
/** Small segments, so that there are two, of 9 batches of 5 records. */
const OPTIONS = { segmentBytes: 4096, minFreeBytes: 0 };
const SHAPE = { bytes: 60 };
const ALL = records(45, 0, SHAPE);
const ACKED = 7;
/** How many there were at the last acknowledgement, which wrote that down. */
const KNOWN = 40;

/** A disk with a log, of which the first records are acknowledged. */
async function written(how: 'closed' | 'crashed'): Promise<Disk> {
	const disk = new Disk();
	const store = storeOn(disk, OPTIONS);
	await store.open();
	for (let n = 0; n < KNOWN; n += 5) await store.append(ALL.slice(n, n + 5));
	const found = await waiting(store);
	await store.ack(0, found[ACKED - 1]?.cursor ?? '');
	await store.append(ALL.slice(KNOWN));
	const crashed = disk.clone();
	await store.close();
	return how === 'closed' ? disk : crashed;
}

/** Opens what is left, reads everything twice, drains it. */
async function recovered(disk: Disk): Promise<{ readonly lost: number[]; readonly damage: Damage; records: number }> {
	const store = storeOn(disk, OPTIONS, { boot: 2 });
	await store.open();
	const found = await waiting(store);
	assureAsAppended(found);
	const { damage, records: count } = await store.stats();
	// The same again, without counting anything twice.
	same(idsOf(await waiting(store, 0, 17)), idsOf(found));
	const again = await store.stats();
	same([again.damage, again.records, count], [damage, found.length, found.length]);
	// It works on, and drains.
	await store.append([record(1000)]);
	const rest = await waiting(store);
	same(idsOf(rest).at(-1), 1000);
	await store.ack(0, rest.at(-1)?.cursor ?? '');
	same((await store.stats()).records, 0);
	await store.close();
	same(disk.openFiles, 0);
	const ids = new Set(idsOf(found));
	const lost = ALL.map((_, n) => n).filter((n) => n >= ACKED && !ids.has(n));
	return { lost, damage, records: count };
}

/** Never a wrong one: each is what was appended, in order. */
function assureAsAppended(found: readonly Spilled[]): void {
	let last = -1;
	for (const one of found) {
		const [n = -1] = idsOf([one]);
		const { id, key, enqueuedAtMs, payload } = ALL[n] as SpillRecord;
		if (n <= last || id !== one.id || key !== one.key || enqueuedAtMs !== one.enqueuedAtMs) {
			throw new Error(`${JSON.stringify(one)} after ${last}`);
		}
		if (Buffer.compare(payload, one.payload) !== 0) throw new Error(`the payload of ${id} is wrong`);
		last = n;
	}
}

const logs = (disk: Disk) => disk.paths.filter((path) => path.endsWith('.log'));

describe('a damaged log', { timeout: 60_000 }, () => {
	it('loses exactly the record that a flipped bit hits, and counts it, wherever the bit is', async () => {
		const disk = await written('closed');
		let hits = 0;
		for (const path of logs(disk)) {
			for (let at = 0; at < disk.contentOf(path).length; at += STEP) {
				const copy = disk.clone();
				const data = Buffer.from(copy.contentOf(path));
				data[at] = (data[at] as number) ^ (1 << (at % 8));
				copy.overwrite(path, data);
				const { lost, damage } = await recovered(copy);
				expect(lost.length, `${path} ${at}`).toBeLessThanOrEqual(1);
				expect(damage.missingRecords, `${path} ${at}`).toBe(lost.length);
				expect(damage.corruptRecords, `${path} ${at}`).toBe(lost.length);
				expect(damage.truncatedBytes, `${path} ${at}`).toBe(0);
				hits += lost.length;
			}
		}
		// All but the headers, and what was acknowledged.
		expect(hits).toBeGreaterThan(((ALL.length - ACKED) * SHAPE.bytes) / STEP);
	});

	it('never gives a wrong record nor refuses to start for a flipped bit after a crash', async () => {
		const disk = await written('crashed');
		for (const path of disk.paths) {
			for (let at = 0; at < disk.contentOf(path).length; at += STEP) {
				// The rest of a page of the cursor file is empty.
				if (path.endsWith('.cursor') && at % 4096 > 40) continue;
				const copy = disk.clone();
				const data = Buffer.from(copy.contentOf(path));
				data[at] = (data[at] as number) ^ (1 << (at % 8));
				copy.overwrite(path, data);
				const { lost, damage } = await recovered(copy);
				expect(lost.length, `${path} ${at}`).toBeLessThanOrEqual(1);
				// Nobody can tell a bit that flipped in the very last write from a write that was torn.
				if ((lost[0] ?? 0) >= KNOWN) {
					expect(damage.missingRecords, `${path} ${at}`).toBe(0);
					expect(damage.truncatedBytes, `${path} ${at}`).toBeGreaterThan(0);
				} else expect(damage.missingRecords, `${path} ${at}`).toBe(lost.length);
			}
		}
	});

	it('keeps everything before a tail that was cut off at any byte, and counts the rest', async () => {
		for (const how of ['closed', 'crashed'] as const) {
			const disk = await written(how);
			const path = logs(disk).at(-1) as string;
			const { length } = disk.contentOf(path);
			for (let size = 0; size < length; size += STEP) {
				const copy = disk.clone();
				copy.overwrite(path, copy.contentOf(path).subarray(0, size));
				const { lost, damage } = await recovered(copy);
				expect(lost, `${how} ${size}`).toEqual(ALL.map((_, n) => n).slice(ALL.length - lost.length));
				// After a crash nobody can tell a torn write from one that was acknowledged.
				const known = how === 'closed' ? lost : lost.filter((n) => n < KNOWN);
				expect(damage.missingRecords, `${how} ${size}`).toBe(known.length);
			}
		}
	});

	it('counts the records of a file that is gone', async () => {
		const disk = await written('closed');
		for (const path of logs(disk)) {
			const copy = disk.clone();
			await copy.unlink(path);
			const { lost, damage } = await recovered(copy);
			expect(lost.length).toBeGreaterThan(0);
			expect(damage.missingRecords).toBe(lost.length);
		}
		const copy = disk.clone();
		for (const path of logs(disk)) await copy.unlink(path);
		const { lost, damage } = await recovered(copy);
		expect(lost.length).toBe(ALL.length - ACKED);
		expect(damage.missingRecords).toBe(lost.length);
	});

	it('begins anew at the oldest segment when the cursor is gone or rubbish', async () => {
		const disk = await written('closed');
		const path = disk.paths.find((one) => one.endsWith('.cursor')) as string;
		for (const content of [Buffer.alloc(0), Buffer.alloc(9000, 0xff), Buffer.from('nonsense')]) {
			const copy = disk.clone();
			copy.overwrite(path, content);
			const { lost, damage } = await recovered(copy);
			expect(lost).toEqual([]);
			expect(damage.missingRecords).toBe(0);
		}
	});

	it('is read past rubbish that looks like a record, also one that was copied from the log itself', async () => {
		const disk = await written('closed');
		const store = storeOn(disk, OPTIONS, { boot: 2 });
		await store.open();
		// A payload with whole records of an older segment, and of its own one.
		await store.append([{ ...record(100), payload: disk.contentOf(logs(disk)[0] as string).subarray(0, 1000) }]);
		await store.append([{ ...record(101), payload: disk.contentOf(logs(disk).at(-1) as string).subarray(0, 1200) }]);
		await store.append([record(102)]);
		await store.close();
		const path = logs(disk).at(-1) as string;
		const clean = Buffer.from(disk.contentOf(path));
		for (let at = 32; at < clean.length; at += 7) {
			const data = Buffer.from(clean);
			data[at] = (data[at] as number) ^ 0x40;
			const copy = disk.clone();
			copy.overwrite(path, data);
			const again = storeOn(copy, OPTIONS, { boot: 3 });
			await again.open();
			const ids = idsOf(await waiting(again)).filter((n) => n >= 100);
			expect(new Set(ids).size).toBe(ids.length);
			expect(ids.length).toBe(2);
			expect((await again.stats()).damage).toMatchObject({ missingRecords: 1, corruptRecords: 1 });
			await again.close();
		}
	});

	it('sets a damaged segment aside once it is drained, and the latest few only', async () => {
		const disk = new Disk();
		const options = { ...OPTIONS, maxBytes: 200_000 };
		const store = storeOn(disk, options);
		await store.open();
		await store.append(records(120, 0, { bytes: 250 }));
		await store.close();
		for (const path of logs(disk)) {
			const data = Buffer.from(disk.contentOf(path));
			data[300] = (data[300] as number) ^ 1;
			disk.overwrite(path, data);
		}
		const again = storeOn(disk, options, { boot: 2 });
		await again.open();
		const found = await waiting(again);
		const { damage } = await again.stats();
		expect(damage.missingRecords).toBe(120 - found.length);
		expect(damage.quarantined).toEqual([]);
		await again.ack(0, found.at(-1)?.cursor ?? '');
		const { damage: after, bytes } = await again.stats();
		expect(after.quarantined.length).toBe(4);
		expect(after.quarantined.every((name) => name.endsWith('.log.damaged'))).toBe(true);
		expect(bytes).toBeLessThanOrEqual(200_000 / 8);
		await again.close();
		expect(disk.paths.filter((path) => path.includes('.log'))).toEqual(
			after.quarantined.map((name) => `${DIRECTORY}/${name}`),
		);
	});

	it('goes on when a person has removed what was set aside, or was about to be', async () => {
		const disk = new Disk();
		const options = { ...OPTIONS, maxBytes: 200_000 };
		const store = storeOn(disk, options);
		await store.open();
		await store.append(records(120, 0, { bytes: 250 }));
		await store.close();
		for (const path of logs(disk)) {
			const data = Buffer.from(disk.contentOf(path));
			data[300] = (data[300] as number) ^ 1;
			disk.overwrite(path, data);
		}
		const again = storeOn(disk, options, { boot: 2 });
		await again.open();
		const found = await waiting(again);
		// Half of it fills the places for damaged segments.
		await again.ack(0, found[Math.floor(found.length / 2)]?.cursor ?? '');
		const { quarantined } = (await again.stats()).damage;
		expect(quarantined.length).toBe(4);
		for (const name of quarantined) await disk.unlink(`${DIRECTORY}/${name}`);
		const [waits] = logs(disk);
		await disk.unlink(waits ?? '');
		await again.ack(0, found.at(-1)?.cursor ?? '');
		expect((await again.stats()).records).toBe(0);
		await again.append([record(1000)]);
		expect(idsOf(await waiting(again))).toEqual([1000]);
		await again.close();
	});
});
