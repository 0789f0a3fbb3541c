import { describe, expect, it } from 'vitest';
import { Disk } from './support/disk.js';
import { randomOf } from './support/random.js';
import { idsOf, records, storeOn, waiting } from './support/store.js';

/** `POWER_ROUNDS` and `POWER_SEED` for more of it, and for one again. */
const { POWER_ROUNDS = '60', POWER_SEED = String(Math.trunc(Math.random() * 2 ** 31)) } = process.env;
const OPTIONS = { segmentBytes: 4096, minFreeBytes: 0 };

/** Works on a disk until its power goes, at a random call. @returns the ids that were promised, and those given away. */
async function until(disk: Disk, boot: number, from: number, random: () => number) {
	const store = storeOn(disk, OPTIONS, { boot });
	const kept: number[] = [];
	const acked: number[] = [];
	await store.open();
	const end = disk.calls + Math.floor(random() * 250);
	let found = await waiting(store);
	const recovered = idsOf(found);
	disk.fault = ({ n }) => (n >= end ? { code: 'EIO' } : undefined);
	let next = from;
	while (disk.calls < end) {
		// Without this a store that waits for nothing would turn here for ever.
		await new Promise(setImmediate);
		const appends = Array.from({ length: 1 + Math.floor(random() * 4) }, () => {
			const batch = records(1 + Math.floor(random() * 6), next, { bytes: Math.floor(random() * 700) });
			next += batch.length;
			return store.append(batch).then(
				() => void kept.push(...idsOf(batch)),
				() => undefined,
			);
		});
		if (random() < 0.4) {
			try {
				found = await waiting(store);
				const to = Math.floor(random() * found.length);
				if (found.length > 0) await store.ack(0, found[to]?.cursor ?? '');
				// A position that could not be written down is no promise, but nothing may come back before it in order.
				acked.push(...idsOf(found.slice(0, to + 1)));
			} catch {
				// The power is going.
				acked.push(...idsOf(found));
			}
		}
		await Promise.all(appends);
	}
	return { kept, acked: new Set(acked), recovered, next, store };
}

describe('a loss of power', () => {
	it(`loses no record that was promised, in ${POWER_ROUNDS} rounds`, {
		timeout: 20_000 + Number(POWER_ROUNDS) * 200,
	}, async () => {
		const random = randomOf(Number(POWER_SEED));
		for (let round = 0; round < Number(POWER_ROUNDS); round++) {
			let disk = new Disk();
			let next = 0;
			const promised = new Set<number>();
			const given = new Set<number>();
			// The same directory goes through several losses.
			for (let boot = 0; boot < 4; boot++) {
				const worked = await until(disk, boot, next, random);
				next = worked.next;
				for (const id of worked.kept) promised.add(id);
				for (const id of worked.acked) given.add(id);
				// Nothing, anything or all of what was not synced is there.
				const share = [0, 0.5, 1][Math.floor(random() * 3)] as number;
				disk = disk.powerLoss(() => random() < share);
				await worked.store.close().catch(() => undefined);
			}
			const store = storeOn(disk, OPTIONS, { boot: 9 });
			await store.open();
			const found = idsOf(await waiting(store));
			const where = `seed ${POWER_SEED} round ${round}`;
			const ids = new Set(found);
			expect(
				[...promised].filter((id) => !ids.has(id) && !given.has(id)),
				where,
			).toEqual([]);
			expect(found, where).toEqual(found.toSorted((a, b) => a - b));
			expect(ids.size, where).toBe(found.length);
			expect((await store.stats()).damage, where).toMatchObject({ missingRecords: 0, corruptRecords: 0 });
			await store.close();
		}
	});

	it('salvages what is whole of a write that was torn in the middle', async () => {
		const disk = new Disk();
		const store = storeOn(disk, OPTIONS);
		await store.open();
		await store.append(records(5, 0, { bytes: 300 }));
		// The power goes while the last write is synced: all of it is on the platter but the sector where it begins.
		let torn = disk;
		disk.fault = ({ name, path }) => {
			if (name !== 'datasync' || !path.endsWith('.log')) return undefined;
			torn = disk.powerLoss((_, what) => what !== 1536);
			return { code: 'EIO' };
		};
		await expect(store.append(records(5, 5, { bytes: 100 }))).rejects.toMatchObject({ code: 'SPILL_WRITE' });
		await store.close().catch(() => undefined);
		const after = storeOn(torn, OPTIONS, { boot: 2 });
		const damage = await after.open();
		const found = idsOf(await waiting(after));
		expect(found).toEqual([0, 1, 2, 3, 4, 7, 8, 9]);
		expect(damage.truncatedBytes).toBeGreaterThan(0);
		expect((await after.stats()).damage).toMatchObject({ missingRecords: 0, corruptRecords: 0 });
		// And for good.
		await after.close();
		const again = storeOn(torn, OPTIONS, { boot: 3 });
		expect(await again.open()).toMatchObject({ truncatedBytes: 0, missingRecords: 0 });
		expect(idsOf(await waiting(again))).toEqual(found);
		await again.close();
	});

	it('loses what was not synced when durability is "os", and says how much of it was known', async () => {
		const disk = new Disk();
		const store = storeOn(disk, { ...OPTIONS, durability: 'os' });
		await store.open();
		await store.append(records(20));
		const after = storeOn(
			disk.powerLoss(() => false),
			OPTIONS,
			{ boot: 2 },
		);
		await store.close().catch(() => undefined);
		await after.open();
		expect(await waiting(after)).toEqual([]);
		await after.append(records(1, 50));
		expect(idsOf(await waiting(after))).toEqual([50]);
		await after.close();
	});

	it('keeps what was synced in time when durability is "interval"', async () => {
		const disk = new Disk();
		const store = storeOn(disk, { ...OPTIONS, durability: 'interval', syncEveryMs: 1 });
		await store.open();
		const synced = new Promise<void>((resolve) => {
			disk.fault = ({ name, path }) => {
				// The call itself is carried out once this returns.
				if (name === 'datasync' && path.endsWith('.log')) setImmediate(resolve);
				return undefined;
			};
		});
		await store.append(records(20));
		await synced;
		const after = storeOn(
			disk.powerLoss(() => false),
			OPTIONS,
			{ boot: 2 },
		);
		await store.close().catch(() => undefined);
		await after.open();
		expect(idsOf(await waiting(after))).toEqual(idsOf(records(20)));
		await after.close();
	});
});
