import { readdir, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { afterAll, expect, it, vi } from 'vitest';
import { SpillFullError, type SpillRecord, type SpillStore } from '../../src/index.js';
import { partitionOf } from '../../src/spill/partition.js';
import { describeWith, startRedis, until } from '../support/services.js';
import { connect, keys, redisPlace } from './places.js';

// Servers are started and killed, and leases have to end.
vi.setConfig({ testTimeout: 60_000 });

const record = (n: number, bytes = 100): SpillRecord => ({
	id: `id-${n}`,
	key: `key-${n % 5}`,
	payload: new Uint8Array(bytes).fill(n),
	enqueuedAtMs: n,
});
const range = (length: number, from = 0) => Array.from({ length }, (_, n) => n + from);
const outcome = (work: Promise<unknown>) =>
	work.then(
		() => 'kept' as const,
		(error: unknown) => error as Error & { code: string },
	);

async function everything(store: SpillStore) {
	const found = [];
	for (const partition of range(store.capabilities.partitions)) {
		let after: string | undefined;
		for (;;) {
			const some = await store.read({ partition, after, maxRecords: 500 });
			if (some.length === 0) break;
			found.push(...some);
			after = some.at(-1)?.cursor;
		}
	}
	return found;
}

/** The file that a server with a log appends to. */
async function logOf(client: Redis): Promise<string> {
	const [, directory] = (await client.config('GET', 'dir')) as [string, string];
	const files = await readdir(directory, { recursive: true });
	const [name = ''] = files.filter((file) => /(incr|appendonly)\.aof$/.test(file));
	return join(directory, name);
}

const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always'];

await describeWith(
	() => startRedis([...DURABLE, '--maxmemory', '8mb']),
	'redisSpill on a server that runs out of memory',
	({ url }) => {
		const client = connect(url);
		afterAll(() => client.quit());

		it('is full, keeps what it has, can be taken over, drained, and written to again', async () => {
			const place = redisPlace(client, { maxBytes: 1e9 });
			const first = await place.store();
			await first.open();
			const kept: string[] = [];
			let full: unknown;
			for (let n = 0; full === undefined && n < 10_000; n += 20) {
				const batch = range(20, n).map((id) => record(id, 1_000));
				const ended = await outcome(first.append(batch));
				if (ended === 'kept') kept.push(...batch.map(({ id }) => id));
				else full = ended;
			}
			expect(full).toBeInstanceOf(SpillFullError);
			expect(full).toMatchObject({
				message: expect.stringMatching(/^redis refused the append for want of room: OOM command not allowed/),
			});
			expect(kept.length).toBeGreaterThan(100);
			await first.close();

			const store = await place.store();
			await store.open();
			const found = await everything(store);
			expect(found.map(({ id }) => id).sort()).toEqual([...kept].sort());
			const { records, bytes } = await store.stats();
			expect(records).toBe(kept.length);
			expect(bytes).toBeGreaterThan(kept.length * 1_000);
			const last = new Map(found.map(({ partition, cursor }) => [partition, cursor]));
			for (const [partition, cursor] of last) await store.ack(partition, cursor);
			expect(await store.stats()).toMatchObject({ records: 0, bytes: 0, oldestEnqueuedAtMs: null });
			await store.append([record(1)]);
			await store.close();
			await place.destroy();
		});

		it('renews its lease without memory', async () => {
			const place = redisPlace(client, { maxBytes: 1e9, leaseMs: 150 });
			const store = await place.store();
			await store.open();
			await client.config('SET', 'maxmemory', '1');
			const endsAt = async () => Number(await client.hget(keys(place.name)[0] as string, 'until'));
			const first = await endsAt();
			await until('the lease was renewed', async () => (await endsAt()) > first + 150);
			await expect(store.append([record(1)])).rejects.toBeInstanceOf(SpillFullError);
			await client.config('SET', 'maxmemory', '8mb');
			await store.append([record(1)]);
			await store.close();
			await place.destroy();
		});
	},
);

await describeWith(
	() => startRedis(DURABLE),
	'redisSpill on a server that is killed',
	(server) => {
		const client = connect(server.url);
		afterAll(() => client.quit());

		it('gives back every record that was resolved, in the order of its key, round after round', async () => {
			const place = redisPlace(client, { maxBytes: 1e8 });
			const store = await place.store();
			await store.open();
			const kept = new Set<number>();
			const underWay = new Set<number>();
			let next = 0;
			for (const _ of range(4)) {
				let down = false;
				const appends: Promise<unknown>[] = [];
				// As much as a busy consumer has under way when it happens.
				const writing = (async () => {
					while (!down) {
						const batch = range(1 + (next % 7), next).map((n) => record(n));
						next += batch.length;
						appends.push(
							outcome(store.append(batch)).then((ended) => {
								if (ended === 'kept') for (const { enqueuedAtMs } of batch) kept.add(enqueuedAtMs);
							}),
						);
						await new Promise((resolve) => setImmediate(resolve));
					}
				})();
				const before = kept.size;
				await until('some were kept', () => kept.size > before + 50);
				await server.kill('SIGKILL');
				down = true;
				await writing;
				for (const n of range(next)) if (!kept.has(n)) underWay.add(n);
				await server.restart();
				await Promise.all(appends);
			}
			const found = await everything(store);
			const numbers = found.map(({ id }) => Number(id.slice(3)));
			const set = new Set(numbers);
			expect([...kept].filter((n) => !set.has(n))).toEqual([]);
			// The client sends again what was under way. A number tells the server what it has done already, but not what the end of
			// a torn log still brings: see below.
			const once = new Set<number>();
			const twice = numbers.filter((n) => once.size === once.add(n).size);
			expect(twice.filter((n) => !underWay.has(n))).toEqual([]);
			for (const key of range(5)) {
				const mine = [...set].filter((n) => n % 5 === key);
				expect(mine).toEqual([...mine].sort((a, b) => a - b));
			}
			// Nothing that was resolved was taken for lost, either.
			expect((await store.stats()).damage).toMatchObject({ missingRecords: 0, corruptRecords: 0 });
			for (const { payload, id } of found) expect(payload).toEqual(record(Number(id.slice(3))).payload);
			await store.close();
			await place.destroy();
		});

		it('loses nothing that follows a torn end of the log, which the server carries out with it', async () => {
			const place = redisPlace(client, { maxBytes: 1e6, partitions: 1 });
			const store = await place.store();
			await store.open();
			await store.append([record(0)]);
			const log = await logOf(client);
			const { size: from } = await stat(log);
			await store.append(range(10, 1).map((n) => record(n)));
			const { size: to } = await stat(log);
			await server.kill('SIGKILL');
			// As far as a kill in the middle of its write may leave it: the owner would have had no answer.
			await truncate(log, from + Math.floor((to - from) * 0.6));
			await server.restart();
			await store.append(range(5, 20).map((n) => record(n)));
			const ids = async () => (await everything(store)).map(({ id }) => Number(id.slice(3)));
			expect(await ids()).toEqual([0, ...range(5, 20)]);
			await server.kill('SIGKILL');
			await server.restart();
			const [first, ...others] = await ids();
			const torn = others.slice(0, -5);
			expect(first).toBe(0);
			expect(torn).toEqual(range(torn.length, 1));
			// None where a server drops what is torn.
			expect(torn.length).toBeLessThan(10);
			expect(others.slice(-5)).toEqual(range(5, 20));
			const last = (await everything(store)).at(-1);
			await store.ack(0, last?.cursor as string);
			expect(await store.stats()).toMatchObject({ records: 0, bytes: 0, damage: { corruptRecords: 0 } });
			await store.close();
			await place.destroy();
		});

		it('rejects in time while there is no server, bounds what waits for one, and works when it is back', async () => {
			const place = redisPlace(client, { maxBytes: 1e8, timeoutMs: 300, maxPendingBytes: 4_000 });
			const store = await place.store();
			await store.open();
			await store.append([record(1)]);
			await server.kill('SIGKILL');
			const ended = await Promise.all(range(50, 2).map((n) => outcome(store.append([record(n, 1_000)]))));
			const codes = ended.map((one) => (one === 'kept' ? one : one.code));
			expect(codes.slice(0, 3)).toEqual(['SPILL_CONNECTION', 'SPILL_CONNECTION', 'SPILL_CONNECTION']);
			expect(new Set(codes.slice(3))).toEqual(new Set(['SPILL_BUSY']));
			expect((ended[49] as Error).message).toMatch(
				/^\d+ bytes are under way to redis: \d+ more are above maxPendingBytes, 4000$/,
			);
			for (const use of [store.read({ partition: 0, maxRecords: 1 }), store.ack(0, '1-1'), store.stats()])
				expect(await outcome(use)).toMatchObject({ code: 'SPILL_CONNECTION' });
			await server.restart();
			await until('it appends again', async () => (await outcome(store.append([record(100)]))) === 'kept');
			const ids = (await everything(store)).map(({ id }) => id);
			expect(ids).toContain('id-1');
			expect(ids).toContain('id-100');
			await store.close();
			await place.destroy();
		});

		it('closes in time while there is no server, and says what was not done', async () => {
			const place = redisPlace(client, { maxBytes: 1e8, timeoutMs: 300 });
			const store = await place.store();
			await store.open();
			await server.kill('SIGKILL');
			const append = outcome(store.append([record(1)]));
			await expect(store.close()).rejects.toMatchObject({
				code: 'SPILL_CONNECTION',
				message: 'redis has not answered the release of the lease within 300 ms',
			});
			expect(await append).toMatchObject({ message: 'redis has not answered the append within 300 ms' });
			await server.restart();
			await place.destroy();
		});

		it('keeps a batch that takes several scripts in its order, and refuses it whole when it does not fit', async () => {
			const place = redisPlace(client, { maxBytes: 3e6, partitions: 1 });
			const store = await place.store();
			await store.open();
			const batch = range(3_500).map((n) => record(n, 500));
			const beside = [store.append(batch), store.append([record(10_000)])];
			await Promise.all(beside);
			const ids = [...batch.map(({ id }) => id), 'id-10000'];
			expect((await everything(store)).map(({ id }) => id)).toEqual(ids);
			const refused = store.append(range(3_500, 20_000).map((n) => record(n, 500)));
			await expect(refused).rejects.toMatchObject({
				code: 'SPILL_FULL',
				message: expect.stringMatching(
					new RegExp(
						`^the redis spill "${place.name}" is full: \\d+ of 3000000 bytes are taken and the batch needs \\d+$`,
					),
				),
			});
			expect((await everything(store)).length).toBe(3_501);
			await store.close();
			await place.destroy();
		});

		it('counts what others wrote into its streams, gives none of it back, and reads on', async () => {
			const place = redisPlace(client, { maxBytes: 1e6 });
			const store = await place.store();
			await store.open();
			const partition = partitionOf('key-1', 8);
			const stream = keys(place.name)[1 + partition] as string;
			await client.xadd(stream, '*', 'foreign', 'entry');
			await client.xadd(stream, '*', 't', '{"no":"record"}', 'p', 'x', 'c', '1');
			await store.append([record(1)]);
			for (const _ of range(2)) {
				expect((await store.read({ partition, maxRecords: 1 })).map(({ id }) => id)).toEqual(['id-1']);
				expect((await store.stats()).damage).toMatchObject({ corruptRecords: 2, missingRecords: 0 });
			}
			await store.close();
			await place.destroy();
		});
	},
);

await describeWith(startRedis, 'redisSpill on a server that comes back without its last records', (server) => {
	const client = connect(server.url);
	afterAll(() => client.quit());

	it.each([
		['at the next renewal', 300],
		['at the next append', 60_000],
	])('counts them as missing %s, and goes on', async (_, leaseMs) => {
		const place = redisPlace(client, { maxBytes: 1e6, durability: 'process', leaseMs });
		const store = await place.store();
		await store.open();
		await store.append(range(5).map((n) => record(n)));
		await store.append(range(5, 5).map((n) => record(n)));
		// What a promoted replica is as well: an earlier state of the same place.
		await client.save();
		for (const n of range(7, 10)) await store.append([record(n)]);
		await server.kill('SIGKILL');
		await server.restart();
		const missing = async () => (await store.stats()).damage.missingRecords;
		if (leaseMs < 1_000) await until('it is noticed', async () => (await missing()) > 0);
		await store.append(range(3, 20).map((n) => record(n)));
		await store.append([record(30)]);
		expect(await store.stats()).toMatchObject({ records: 14, damage: { missingRecords: 7 } });
		await store.close();
		await place.destroy();
	});
});
