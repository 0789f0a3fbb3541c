import { afterAll, expect, it, vi } from 'vitest';
import type { SpillRecord } from '../../src/index.js';
import { redisSpill } from '../../src/spill-redis/index.js';
import { describeWith, redis, until } from '../support/services.js';
import { connect, keys, redisPlace, uniqueName } from './places.js';

// Servers are started and killed, and leases have to end.
vi.setConfig({ testTimeout: 60_000 });

const record = (n: number): SpillRecord => ({
	id: `id-${n}`,
	key: 'key',
	payload: Uint8Array.of(n),
	enqueuedAtMs: n,
});

await describeWith(redis, 'the lease of redisSpill', ({ url }) => {
	const client = connect(url);
	afterAll(() => client.quit());
	const options = { maxBytes: 1e6, durability: 'process', partitions: 1, leaseMs: 300 } as const;

	it('is renewed for as long as its owner lives, and names it to others', async () => {
		const place = redisPlace(client, options);
		const owner = await place.store();
		await owner.open();
		const endsAt = async () => Number(await client.hget(keys(place.name)[0] as string, 'until'));
		const first = await endsAt();
		await until('the lease was renewed past its first end', async () => (await endsAt()) > first + options.leaseMs);
		await expect((await place.store()).open()).rejects.toMatchObject({
			code: 'SPILL_LOCKED',
			message: expect.stringMatching(
				new RegExp(
					`^the redis spill "${place.name}" is owned by \\S+ pid ${process.pid} [0-9a-f-]{36}, whose lease ends in \\d{1,3} ms unless it is renewed$`,
				),
			),
		});
		await owner.append([record(1)]);
		await owner.close();
		await place.destroy();
	});

	it('ends with its owner, and an owner that comes back changes nothing any more', async () => {
		const name = uniqueName();
		const cut = connect(url, { retryStrategy: () => null });
		const old = redisSpill({ client: cut, name, ...options });
		await old.open();
		await old.append([record(1), record(2)]);
		const [first] = await old.read({ partition: 0, maxRecords: 1 });
		// From here on the old owner hears nothing, as if its process stood still.
		cut.disconnect();

		const next = redisSpill({ client, name, ...options });
		await expect(next.open()).rejects.toMatchObject({ code: 'SPILL_LOCKED' });
		await until('the lease has ended', () =>
			next.open().then(
				() => true,
				() => false,
			),
		);
		await next.append([record(3)]);

		await cut.connect();
		const refused = {
			code: 'SPILL_LOCK_LOST',
			message: expect.stringMatching(
				new RegExp(
					`^the redis spill "${name}" was taken over by \\S+ pid ${process.pid} \\S+ after the lease had ended$`,
				),
			),
		};
		await expect(old.append([record(9)])).rejects.toMatchObject(refused);
		await expect(old.append([record(9)])).rejects.toMatchObject(refused);
		await expect(old.ack(0, first?.cursor as string)).rejects.toMatchObject(refused);
		await expect(old.read({ partition: 0, maxRecords: 1 })).rejects.toMatchObject(refused);
		await until('it hears who owns the place now', async () => {
			const outcome = await old.append([record(9)]).catch((error: { code: string }) => error);
			return outcome?.code === 'SPILL_LOCKED';
		});
		await next.append([record(4)]);
		const found = await next.read({ partition: 0, maxRecords: 9 });
		expect(found.map(({ id }) => id)).toEqual(['id-1', 'id-2', 'id-3', 'id-4']);
		await next.ack(0, found[1]?.cursor as string);
		await next.close();

		// The place is free again, and who wanted it takes it: what the other one replayed is not missing.
		await until('it owns the place again', () =>
			old.append([record(5)]).then(
				() => true,
				() => false,
			),
		);
		const again = await old.read({ partition: 0, maxRecords: 9 });
		expect(again.map(({ id }) => id)).toEqual(['id-3', 'id-4', 'id-5']);
		expect(await old.stats()).toMatchObject({ records: 3, damage: { missingRecords: 0 } });
		await old.close();
		cut.disconnect();
		await client.del(...keys(name, 1));
	});

	it('is taken again when the place was deleted, and what was in it is missing', async () => {
		const place = redisPlace(client, options);
		const store = await place.store();
		await store.open();
		await store.append([record(1), record(2), record(3)]);
		const [first] = await store.read({ partition: 0, maxRecords: 1 });
		await store.ack(0, first?.cursor as string);
		await place.destroy();
		await expect(store.append([record(4)])).rejects.toMatchObject({
			code: 'SPILL_LOCK_LOST',
			message: `the redis spill "${place.name}" has lost its owner, and perhaps what it kept: its keys were deleted`,
		});
		await until('it owns the place again', () =>
			store.append([record(5)]).then(
				() => true,
				() => false,
			),
		);
		expect(await store.stats()).toMatchObject({ records: 1, damage: { missingRecords: 2, corruptRecords: 0 } });
		await store.close();
		await place.destroy();
	});

	it('is noticed to be lost while nothing is appended', async () => {
		const place = redisPlace(client, options);
		const store = await place.store();
		await store.open();
		await store.append([record(1)]);
		await place.destroy();
		await until('it is noticed', async () => (await store.stats()).damage.missingRecords === 1);
		await store.append([record(2)]);
		await store.close();
		await place.destroy();
	});

	it('is given back when an open is given up under way', async () => {
		const place = redisPlace(client, { ...options, leaseMs: 60_000 });
		for (const turns of [0, 1, 2, 5, 10, 50]) {
			const abort = new AbortController();
			const store = await place.store();
			const opening = store.open({ signal: abort.signal }).then(
				() => 'opened',
				(error: unknown) => error,
			);
			for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
			abort.abort(new Error('too late'));
			if ((await opening) !== 'opened') expect(await opening).toEqual(new Error('too late'));
			await store.close();
		}
		const store = await place.store();
		await store.open();
		await store.close();
		await place.destroy();
	});

	it('keeps no timer once the store is closed', async () => {
		const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
		const place = redisPlace(client, options);
		const before = timers();
		const store = await place.store();
		await Promise.all([store.open(), store.close()].map((work) => work.catch(() => {})));
		const other = await place.store();
		await other.open();
		await other.append([record(1)]);
		await other.close();
		expect(timers()).toBeLessThanOrEqual(before);
		await place.destroy();
	});
});
