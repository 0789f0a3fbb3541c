import { readFile } from 'node:fs/promises';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { ConfigError, SpillError } from '../../src/index.js';
import { type RedisClient, type RedisSpillOptions, redisSpill } from '../../src/spill-redis/index.js';
import { describeWith, startRedis, until } from '../support/services.js';
import { connect, redisPlace, uniqueName } from './places.js';

// Servers are started and killed, and leases have to end.
vi.setConfig({ testTimeout: 60_000 });

const nobody = () => Promise.reject(new Error('nobody is there'));
const client: RedisClient = { eval: nobody, xrangeBuffer: nobody, info: nobody, config: nobody };
const MIB = 1024 * 1024;

describe('the options of redisSpill', () => {
	it('are refused all at once', () => {
		const wrong = { client: {}, name: 'a{b}', maxBytes: 1_000, partitions: 0, durability: 'replicated' };
		const options = { ...wrong, leaseMs: 99, timeoutMs: 0.5, maxPendingBytes: 0 } as unknown as RedisSpillOptions;
		expect(() => redisSpill(options)).toThrow(ConfigError);
		expect(() => redisSpill(options)).toThrow(
			[
				'invalid redisSpill (8 problems):',
				'client: an object must be a client of ioredis: it has no eval or xrangeBuffer',
				'name: "a{b}" must be 1 to 200 characters without { and }',
				'maxBytes: 1000 must be a number above 16448',
				'partitions: 0 must be a whole number from 1 to 64',
				'durability: "replicated" must be "os-crash" or "process"',
				'leaseMs: 99 must be a whole number from 100 to 3600000',
				'timeoutMs: 0.5 must be a whole number from 1 to 600000',
				'maxPendingBytes: 0 must be above 0',
			].join('\n'),
		);
	});

	it('name what the capacity leaves to a record', () => {
		expect(() => redisSpill({ client, name: 'a', maxBytes: 20_000, maxRecordBytes: 4_000 })).toThrow(
			'maxRecordBytes: 4000 must be a whole number from 1 to 3552',
		);
	});

	it.each([
		[20_000, 3_552],
		[100 * MIB, MIB],
	])('with a capacity of %i keep payloads of up to %i bytes', (maxBytes, maxRecordBytes) => {
		expect(redisSpill({ client, name: 'a', maxBytes }).capabilities).toEqual({
			durability: 'os-crash',
			partitions: 8,
			maxRecordBytes,
			dedupesById: false,
		});
	});
});

const open = (client: RedisClient, options: Partial<RedisSpillOptions> = {}) =>
	redisSpill({ client, name: 'orders', maxBytes: MIB, ...options })
		.open()
		.then(
			() => undefined,
			(error: unknown) => error,
		);

const REFUSED = 'the redis spill "orders" could lose what it keeps: ';
const SERVERS: readonly [string, readonly string[], string][] = [
	[
		'that keeps no log',
		['--appendonly', 'no', '--appendfsync', 'everysec'],
		'appendonly is "no"; durability: "os-crash" needs "yes", or declare durability: "process"; ' +
			'appendfsync is "everysec"; durability: "os-crash" needs "always", or declare durability: "process"',
	],
	[
		'that syncs its log every second',
		['--appendonly', 'yes', '--appendfsync', 'everysec'],
		'appendfsync is "everysec"; durability: "os-crash" needs "always", or declare durability: "process"',
	],
	[
		'that does not sync while it rewrites its log',
		['--appendonly', 'yes', '--appendfsync', 'always', '--no-appendfsync-on-rewrite', 'yes'],
		'no-appendfsync-on-rewrite is "yes"; durability: "os-crash" needs "no", or declare durability: "process"',
	],
	[
		'that evicts',
		['--appendonly', 'yes', '--appendfsync', 'always', '--maxmemory-policy', 'allkeys-lru'],
		'maxmemory-policy is "allkeys-lru", which may evict what was kept; it must be "noeviction"',
	],
];

describe.each(SERVERS)('a server %s', async (_, args, problem) => {
	await describeWith(
		() => startRedis(args),
		'redisSpill',
		({ url }) => {
			const client = connect(url);
			afterAll(() => client.quit());

			it('is refused, with the setting and what to do', async () => {
				const error = await open(client);
				expect(error).toBeInstanceOf(SpillError);
				expect(error).toMatchObject({ code: 'SPILL_DURABILITY', message: `${REFUSED}${problem}` });
				expect(await client.keys('*')).toEqual([]);
			});

			it('is taken where less is declared, unless it evicts', async () => {
				const error = await open(client, { durability: 'process' });
				if (problem.startsWith('maxmemory-policy')) expect(error).toMatchObject({ code: 'SPILL_DURABILITY' });
				else expect(error).toBeUndefined();
				await client.flushall();
			});
		},
	);
});

await describeWith(
	() => startRedis(['--appendonly', 'yes', '--appendfsync', 'always', '--maxmemory-policy', 'volatile-lru']),
	'redisSpill on a server of the test',
	(server) => {
		const client = connect(server.url);
		afterAll(() => client.quit());

		it('takes a server that evicts keys with a time to live: its own have none', async () => {
			const { store: made, name, destroy } = redisPlace(client, { maxBytes: MIB });
			const store = await made();
			await store.open();
			await store.append([{ id: '1', key: 'a', payload: new Uint8Array(1), enqueuedAtMs: 1 }]);
			const ours = await client.keys(`brownout:{${name}}:*`);
			expect(ours.length).toBe(2);
			for (const key of ours) expect(await client.ttl(key)).toBe(-1);
			await store.close();
			await destroy();
		});

		it('says what to do where the settings cannot be checked', async () => {
			await client.call('ACL', ['SETUSER', 'limited', 'on', '>secret', '~*', '+@all', '-config']);
			const limited = connect(server.url.replace('//', '//limited:secret@'));
			const error = await open(limited);
			expect(error).toMatchObject({
				code: 'SPILL_DURABILITY',
				message: expect.stringMatching(
					/^the redis spill "orders" could lose what it keeps: its settings cannot be checked \(NOPERM .*\): permit the user CONFIG GET, or declare durability: "process", which leaves them to you$/,
				),
			});
			const store = redisSpill({ client: limited, name: 'orders', maxBytes: MIB, durability: 'process' });
			await store.open();
			await store.close();
			await client.del('brownout:{orders}:meta');
			limited.disconnect();
		});

		/** A user with the rights of the page, and no others. */
		const asDocumented = async () => {
			const page = await readFile(new URL('../../docs/spill-redis.md', import.meta.url), 'utf8');
			const rights = /ACL SETUSER spill on >secret (.*)/.exec(page)?.[1]?.split(' ') ?? [];
			await client.call('ACL', ['SETUSER', 'spill', 'on', '>secret', ...rights]);
			return connect(server.url.replace('//', '//spill:secret@'));
		};

		it('notices with these rights that its place is gone or another has it, and has it again', async () => {
			const limited = await asDocumented();
			const { store: made, name } = redisPlace(limited, { maxBytes: MIB, leaseMs: 300 });
			const store = await made();
			await store.open();
			const append = () => store.append([{ id: '1', key: '', payload: new Uint8Array(1), enqueuedAtMs: 1 }]);
			const again = async () => {
				await expect(append()).rejects.toMatchObject({ code: 'SPILL_LOCK_LOST' });
				await until('it has its place again', () =>
					append().then(
						() => true,
						() => false,
					),
				);
			};
			await append();
			await client.flushall();
			await again();
			expect(await store.stats()).toMatchObject({ records: 1, damage: { missingRecords: 1 } });
			await client.hset(`brownout:{${name}}:meta`, 'owner', 'another', 'until', Date.now() + 300);
			await again();
			expect(await store.stats()).toMatchObject({ records: 2 });
			await store.close();
			limited.disconnect();
			await client.flushall();
		});

		it('needs no more rights than its page says', async () => {
			const limited = await asDocumented();
			const { store: made, destroy } = redisPlace(limited, { maxBytes: MIB });
			const store = await made();
			await store.open();
			await store.append([{ id: '1', key: '', payload: new Uint8Array(1), enqueuedAtMs: 1 }]);
			expect((await store.stats()).records).toBe(1);
			for (let partition = 0; partition < 8; partition++)
				for (const { cursor } of await store.read({ partition, maxRecords: 9 })) await store.ack(partition, cursor);
			expect((await store.stats()).records).toBe(0);
			await store.close();
			await expect(limited.get('brownout:other')).rejects.toThrow('NOPERM');
			await expect(destroy()).rejects.toThrow('NOPERM');
			limited.disconnect();
			await client.del(...(await client.keys('brownout:*')));
		});

		it('stops appending when the server stops keeping what it is given, and goes on when it keeps it again', async () => {
			const place = redisPlace(client, { maxBytes: MIB, leaseMs: 150 });
			const store = await place.store();
			await store.open();
			const append = () =>
				store.append([{ id: '1', key: 'a', payload: new Uint8Array(1), enqueuedAtMs: 1 }]).then(
					() => 'kept',
					(error: unknown) => (error as SpillError).message,
				);
			expect(await append()).toBe('kept');
			await client.config('SET', 'appendfsync', 'everysec');
			await until('appends are refused', async () => (await append()) !== 'kept');
			expect(await append()).toBe(
				`the redis spill "${place.name}" could lose what it keeps: appendfsync is "everysec"; durability: "os-crash" needs "always", or declare durability: "process"`,
			);
			await client.config('SET', 'appendfsync', 'always');
			await until('appends are kept', async () => (await append()) === 'kept');
			await store.close();
			await place.destroy();
		});

		it('refuses another number of partitions while records wait, and takes it afterwards', async () => {
			const name = uniqueName();
			const at = (partitions: number) => redisSpill({ client, name, maxBytes: MIB, partitions });
			const four = at(4);
			await four.open();
			await four.append([{ id: '1', key: 'a', payload: new Uint8Array(1), enqueuedAtMs: 1 }]);
			await four.close();
			await expect(at(2).open()).rejects.toMatchObject({
				code: 'SPILL_FORMAT',
				message: `the redis spill "${name}" holds records in 4 partitions: open it with partitions: 4 until it is drained, not 2`,
			});
			const again = at(4);
			await again.open();
			for (const partition of [0, 1, 2, 3])
				for (const { cursor } of await again.read({ partition, maxRecords: 9 })) await again.ack(partition, cursor);
			await again.close();
			const two = at(2);
			await two.open();
			await two.append([{ id: '2', key: 'a', payload: new Uint8Array(1), enqueuedAtMs: 1 }]);
			expect((await two.stats()).records).toBe(1);
			await two.close();
			await client.del(`brownout:{${name}}:meta`, ...[0, 1, 2, 3].map((n) => `brownout:{${name}}:${n}`));
		});

		it('refuses a layout that it does not know', async () => {
			const name = uniqueName();
			await client.hset(`brownout:{${name}}:meta`, 'version', '9');
			expect(await open(client, { name })).toMatchObject({
				code: 'SPILL_FORMAT',
				message: `the redis spill "${name}" was written in layout 9, this is layout 1`,
			});
			await client.del(`brownout:{${name}}:meta`);
		});

		it('refuses partitions and cursors that are none of its own', async () => {
			const place = redisPlace(client, { maxBytes: MIB });
			const store = await place.store();
			await store.open();
			await expect(store.read({ partition: 8, maxRecords: 1 })).rejects.toMatchObject({
				code: 'SPILL_PARTITION',
				message: `the redis spill "${place.name}" has no partition 8: they are 0 to 7`,
			});
			await expect(store.ack(0, '$')).rejects.toMatchObject({
				code: 'SPILL_CURSOR',
				message: `"$" is no cursor of the redis spill "${place.name}"`,
			});
			await store.close();
			await place.destroy();
		});

		it('refuses a replica, where nothing can be written', async () => {
			const { port } = new URL(server.url);
			const replica = await startRedis(['--replicaof', '127.0.0.1', port]);
			const there = connect(replica.url);
			expect(await open(there)).toMatchObject({
				code: 'SPILL_SERVER',
				message: 'the redis spill "orders" cannot use this server: its role is "slave", and only a master takes writes',
			});
			there.disconnect();
			await replica.stop();
		});

		it('refuses a cluster, where the answer about settings need not come from the node that keeps', async () => {
			const node = await startRedis(['--cluster-enabled', 'yes']);
			const there = connect(node.url);
			expect(await open(there)).toMatchObject({
				code: 'SPILL_SERVER',
				message:
					'the redis spill "orders" cannot use this server: it is part of a cluster, where the node that answers need not be the one that keeps',
			});
			there.disconnect();
			await node.stop();
		});
	},
);
