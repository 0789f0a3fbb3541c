import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src/index.js';
import { redisStreamsAge, redisStreamsLag } from '../../../src/redis-streams/index.js';
import { COUNTED_MAX, type GroupFacts, unreadOf } from '../../../src/redis-streams/unread.js';
import { describeWith, redis, startRedis, until } from '../../support/services.js';
import { clientOf, LIBRARIES, type Library, place, texts } from './place.js';

for (const library of LIBRARIES) {
	await describeWith(redis, `redisStreamsLag with ${library}`, ({ url }) => {
		async function consumed() {
			const here = await place(url, library);
			const { client, stream, group, admin } = here;
			const lag = redisStreamsLag({ client, stream, group });
			return {
				...here,
				lag,
				/** What Redis itself says: its lag, null when it does not know. */
				said: async () => {
					const groups = (await admin.xinfo('GROUPS', stream)) as unknown[][];
					const facts = groups[0] as unknown[];
					return facts[facts.indexOf('lag') + 1];
				},
				/** Adds so many entries within the server. */
				add: (count: number) =>
					admin.eval('for i = 1, ARGV[1] do redis.call("XADD", KEYS[1], "*", "text", i) end', 1, stream, count),
				async destroy() {
					await lag.close?.();
					await here.destroy();
				},
			};
		}

		it('counts what was not delivered and what is pending, for whichever consumer', async () => {
			const { lag, publish, take, ack, left, destroy } = await consumed();
			expect(lag.fallsWhilePaused).toBe(false);
			expect(await lag.read()).toBe(0);
			await publish(texts(100));
			expect(await lag.read()).toBe(100);
			const one = await take(20, 'one');
			await take(30, 'two');
			expect(await lag.read()).toBe(100);
			await ack(...one.slice(5));
			expect(await lag.read()).toBe(85);
			expect(await left()).toBe(85);
			await destroy();
		});

		it('counts what is new after deletions of which Redis makes no lag', async () => {
			const { lag, publish, take, said, admin, stream, left, destroy } = await consumed();
			await publish(texts(100));
			const taken = await take(10);
			const ids = (await admin.xrange(stream, '-', '+')).map(([id]) => id);
			await admin.xdel(stream, ids[50] as string, taken[3] as string);
			expect(await said()).toBeNull();
			expect(await lag.read()).toBe(98);
			expect(await left()).toBe(98);
			await destroy();
		});

		it('counts what is new where each message is deleted once it is handled', async () => {
			const { lag, add, take, ack, admin, stream, left, destroy } = await consumed();
			await add(5_000);
			const taken = await take(40);
			await ack(...taken);
			await admin.xdel(stream, ...taken.slice(0, 39));
			expect(await lag.read()).toBe(4_960);
			await admin.xdel(stream, ...taken);
			expect(await lag.read()).toBe(4_960);
			expect(await left()).toBe(4_960);
			await destroy();
		});

		it('counts what is new when Redis has no lag because the last that was delivered is deleted', async () => {
			const { lag, add, take, ack, said, admin, stream, left, destroy } = await consumed();
			await add(5_000);
			const taken = await take(40);
			await ack(...taken);
			await admin.xdel(stream, taken.at(-1) as string);
			expect(await said()).toBeNull();
			expect(await lag.read()).toBe(4_960);
			expect(await left()).toBe(4_960);
			await destroy();
		});

		it('counts after the group was set to an id, which Redis cannot place', async () => {
			const { lag, publish, said, admin, stream, group, destroy } = await consumed();
			await publish(texts(100));
			const ids = (await admin.xrange(stream, '-', '+')).map(([id]) => id);
			await admin.xgroup('SETID', stream, group, ids[39] as string);
			expect(await said()).toBeNull();
			expect(await lag.read()).toBe(60);
			await admin.xgroup('SETID', stream, group, '0');
			expect(await lag.read()).toBe(100);
			await admin.xgroup('SETID', stream, group, '$');
			expect(await lag.read()).toBe(0);
			await destroy();
		});

		it('is unknown when the group was set to an id far from the end', async () => {
			const { lag, add, take, said, admin, stream, group, destroy } = await consumed();
			await add(3_000);
			const [, [middle]] = (await admin.xrange(stream, '-', '+', 'COUNT', 1_000)).slice(-2) as [unknown, [string]];
			await admin.xgroup('SETID', stream, group, middle);
			expect(await said()).toBeNull();
			expect(await lag.read()).toBeNaN();
			await take(1_001);
			expect(await lag.read()).toBe(999 + 1_001);
			await destroy();
		});

		it('does not count what was trimmed: 100 000 added, 500 read, trimmed to 1 000', async () => {
			const { lag, add, take, ack, said, admin, stream, left, destroy } = await consumed();
			await add(100_000);
			const early = await take(500);
			await ack(...early.slice(0, 490));
			await admin.xtrim(stream, 'MAXLEN', '=', 1_000);
			expect(await said()).toBe(99_500);
			// The ten that are pending were trimmed as well.
			expect(await lag.read()).toBe(1_000);
			expect(await left()).toBe(1_000);
			const late = await take(1_000);
			await ack(...late);
			// By its own figure Redis still has 98 500 messages for the group.
			expect(await said()).toBe(98_500);
			expect(await lag.read()).toBe(0);
			expect(await left()).toBe(0);
			await add(150_000);
			expect(await said()).toBe(248_500);
			expect(await lag.read()).toBe(150_000);
			await destroy();
		}, 30_000);

		it('is unknown, and says why, when there is no such group or stream', async () => {
			const { client, stream, destroy } = await consumed();
			const group = redisStreamsLag({ client, stream, group: 'nobody' });
			await expect(group.read()).rejects.toThrow('NOGROUP there is no consumer group "nobody"');
			await group.close?.();
			const nothing = redisStreamsLag({ client, stream: `${stream}:nothing`, group: 'group' });
			await expect(nothing.read()).rejects.toThrow('no such key');
			await nothing.close?.();
			await destroy();
		});

		it('connects again after its connection was cut, and when it is read after a close', async () => {
			const { lag, publish, cut, destroy } = await consumed();
			await publish(texts(3));
			expect(await lag.read()).toBe(3);
			await cut();
			await until('it is read again', async () => (await lag.read()) === 3);
			await lag.close?.();
			expect(await lag.read()).toBe(3);
			await destroy();
		});
	});
}

await describeWith(redis, 'redisStreamsLag of a client of ioredis', ({ url }) => {
	it('is not held up by a read that waits on the connection of the client', async () => {
		const { stream, group, destroy } = await place(url);
		const client = new Redis(url);
		const lag = redisStreamsLag({ client, stream, group });
		const waiting = client.xreadgroup('GROUP', group, 'c', 'COUNT', 1, 'BLOCK', 4_000, 'STREAMS', stream, '>');
		const startedMs = performance.now();
		expect(await lag.read()).toBe(0);
		expect(performance.now() - startedMs).toBeLessThan(3_500);
		await lag.close?.();
		client.disconnect();
		await waiting.catch(() => {});
		await destroy();
	});

	it('takes its prefix of keys, and pipelines of its own making', async () => {
		const { stream, group, publish, destroy } = await place(url);
		const [prefix, rest] = [stream.slice(0, 5), stream.slice(5)];
		const client = new Redis(url, { keyPrefix: prefix, enableAutoPipelining: true, lazyConnect: true });
		const lag = redisStreamsLag({ client, stream: rest, group });
		await publish(texts(2));
		expect(await lag.read()).toBe(2);
		await lag.close?.();
		await destroy();
	});
});

await describeWith(startRedis, 'redisStreamsLag without its server', (server) => {
	it.each(LIBRARIES)(
		'is unknown with %s, and comes back by itself',
		async (library) => {
			const client = clientOf(server.url, library, 'brownout-test');
			const lag = redisStreamsLag({ client, stream: 'orders', group: 'group', timeoutMs: 2_000 });
			await server.kill();
			await expect(lag.read()).rejects.toThrow();
			await expect(lag.read()).rejects.toThrow();
			await server.restart();
			const admin = new Redis(server.url);
			await admin.xgroup('CREATE', 'orders', 'group', '0', 'MKSTREAM');
			expect(await lag.read()).toBe(0);
			await lag.close?.();
			admin.disconnect();
		},
		30_000,
	);
});

for (const library of LIBRARIES) {
	await describeWith(redis, `redisStreamsAge with ${library}`, ({ url }) => {
		it('tells how long the oldest message that is not acknowledged has waited, by the clock of the server', async () => {
			const { client, stream, group, admin, publish, take, ack, destroy } = await place(url, library as Library);
			const age = redisStreamsAge({ client, stream, group });
			expect(age.fallsWhilePaused).toBe(false);
			expect(await age.read()).toBe(0);
			await publish(texts(1));
			await sleep(1_000);
			await publish(texts(1, 1));
			expect(await age.read()).toBeGreaterThanOrEqual(1_000);
			const [first, second] = (await take(2)) as [string, string];
			await ack(second);
			expect(await age.read()).toBeGreaterThanOrEqual(1_000);
			const startedMs = performance.now();
			await publish(texts(1, 2));
			// Pending, and gone.
			await admin.xdel(stream, first);
			expect(await age.read()).toBeLessThanOrEqual(performance.now() - startedMs + 1);
			await ack(...(await take(1)));
			expect(await age.read()).toBe(0);
			await age.close?.();
			await destroy();
		});
	});
}

describe('the lag from what a server knows', () => {
	const facts: GroupFacts = {
		length: 50_000,
		pending: 0,
		counted: COUNTED_MAX,
		lag: 20_000,
		added: 50_000,
		read: 30_000,
		lastDelivered: '5-3',
		first: '1-0',
	};

	it.each([
		['the figure of the server', {}, 20_000],
		['what is pending too', { pending: 7 }, 20_007],
		['no more than there is', { pending: 7, length: 15_000 }, 15_000],
		['all there is, when the first entry is new to the group', { first: '5-4', length: 42_000 }, 42_000],
		['and not when it is the last that was delivered', { first: '5-3', length: 42_000 }, 20_000],
		['the counters, when the server has no figure', { lag: Number.NaN, read: 29_000 }, 21_000],
		['what was counted', { counted: 999, lag: 98_500 }, 999],
		['at least what was counted', { lag: 3 }, 1_000],
		[
			'of sequences beyond 53 bits',
			{ lastDelivered: '5-18446744073709551614', first: '5-18446744073709551615' },
			50_000,
		],
	])('is %s', (_, known, lag) => expect(unreadOf()({ ...facts, ...known })).toBe(lag));

	it('is unknown when there is neither a figure nor a counter, as with Redis 6', () => {
		const unknown = { lag: Number.NaN, read: Number.NaN, added: Number.NaN };
		expect(unreadOf()({ ...facts, ...unknown })).toBeNaN();
		expect(unreadOf()({ ...facts, ...unknown, counted: 12 })).toBe(12);
	});

	it('is corrected by how wrong the server was when it was last counted, until the group is set back', () => {
		const lag = unreadOf();
		const later = { ...facts, length: 500_000, lag: 99_000 };
		expect(lag({ ...facts, counted: 0, lag: 98_500, length: 500_000 })).toBe(0);
		expect(lag(later)).toBe(COUNTED_MAX);
		expect(lag({ ...later, lag: 198_500 })).toBe(100_000);
		expect(lag({ ...later, lag: 198_500, read: 0 })).toBe(198_500);
	});
});

describe('what cannot work', () => {
	it.each([
		[{ client: {} as never }, 'client: an object must be a client of ioredis or redis'],
		[{ stream: '' }, 'stream: "" must be the key of a stream'],
		[{ group: 5 as never }, 'group: 5 must be the name of a consumer group'],
		[{ timeoutMs: 0 }, 'timeoutMs: 0 must be a whole number from 1 to 600000'],
	])('is refused: %j', (wrong, message) => {
		const right = { client: new Redis({ lazyConnect: true }), stream: 's', group: 'g' };
		for (const signal of [redisStreamsLag, redisStreamsAge]) {
			expect(() => signal({ ...right, ...wrong })).toThrow(ConfigError);
			expect(() => signal({ ...right, ...wrong })).toThrow(message);
		}
	});
});
