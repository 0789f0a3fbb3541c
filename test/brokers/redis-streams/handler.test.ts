import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { ConfigError, createLoadShedder, defineLadder } from '../../../src/index.js';
import {
	type BatchHandler,
	type RedisStreamsIntakeOptions,
	redisStreamsHandler,
	redisStreamsIntake,
	type StreamMessage,
} from '../../../src/redis-streams/index.js';
import { describeWith, redis, startRedis, until } from '../../support/services.js';
import { clientOf, LIBRARIES, type Library, place, texts } from './place.js';

const ladder = defineLadder({
	priorities: { protected: 'critical', sheddable: ['normal'] },
	signals: { load: { recoverBelow: 0.5 } },
	levels: [{ name: 'NORMAL' }, { name: 'REJECT', enterAt: { load: 1 }, shed: { normal: 'reject' } }],
	cooldownMs: 1,
});

/** A shedder that rejects what is not `m0` while `load` is 1. */
function shedding() {
	const load = { now: 0 };
	const shedder = createLoadShedder({
		ladder,
		signals: { load: () => load.now },
		priorityOf: (text: string) => (text === 'm0' ? ('critical' as const) : ('normal' as const)),
	});
	return { shedder, load };
}

const decode = ({ fields }: StreamMessage) => fields.text as string;

async function consumed(url: string, library: Library) {
	const here = await place(url, library);
	const { client, stream, group } = here;
	const errors: unknown[] = [];
	return {
		...here,
		errors,
		/** Another consumer of the group. */
		intake: (options: Partial<RedisStreamsIntakeOptions> = {}) =>
			redisStreamsIntake({ client, stream, group, consumer: 'one', maxMessages: 20, blockMs: 200, ...options }),
		options: { onError: (error: unknown) => errors.push(error) },
	};
}

/** A handler that writes down what comes and acknowledges it. */
function taking(): { readonly seen: string[]; readonly handler: BatchHandler<StreamMessage> } {
	const seen: string[] = [];
	return {
		seen,
		handler(messages) {
			for (const message of messages) {
				seen.push(decode(message));
				message.ack();
			}
		},
	};
}

for (const library of LIBRARIES) {
	await describeWith(redis, `a consumer of Redis Streams with ${library}`, ({ url }) => {
		it('leaves what is rejected pending: it comes again later, and not hot', async () => {
			const { intake, options, publish, left, errors, destroy } = await consumed(url, library);
			const { shedder, load } = shedding();
			load.now = 1;
			await shedder.check();
			const handled: string[] = [];
			const consuming = intake({ retryMs: 300 }).consume(
				redisStreamsHandler(shedder, { decode, handle: (text) => handled.push(text) }),
				options,
			);
			const startedMs = performance.now();
			await publish(texts(10));
			await until('the protected one is handled', () => handled.length === 1);
			await until('the others were rejected twice', () => shedder.stats().rejected >= 18);
			await until('the protected one is acknowledged', async () => (await left()) === 9);
			const { rejected } = shedder.stats();
			expect(rejected).toBeLessThanOrEqual(9 * (1 + (performance.now() - startedMs) / 300));
			load.now = 0;
			await until('the load is over', async () => (await shedder.check()) !== null);
			await until('all are acknowledged', async () => handled.length === 10 && (await left()) === 0);
			expect(new Set(handled)).toEqual(new Set(texts(10)));
			await consuming.stop();
			await shedder.stop();
			expect(errors).toEqual([]);
			await destroy();
		}, 30_000);

		it('retries a page of what is rejected at a time, takes what is new meanwhile, and all of it afterwards', async () => {
			const { intake, options, publish, left, errors, destroy } = await consumed(url, library);
			const { shedder, load } = shedding();
			load.now = 1;
			await shedder.check();
			const handled: string[] = [];
			const consuming = intake({ retryMs: 200 }).consume(
				redisStreamsHandler(shedder, { decode, handle: (text) => handled.push(text) }),
				options,
			);
			await publish(texts(500, 1));
			await until('all were rejected', () => shedder.stats().rejected >= 500);
			const startedMs = performance.now();
			await publish(['m0']);
			await until('the protected one is handled', () => handled.length === 1);
			await until('some were rejected again', () => shedder.stats().rejected >= 600);
			// Two pages of 20 may be under way when the first one is rejected.
			const again = shedder.stats().rejected - 500;
			expect(again).toBeLessThanOrEqual(40 * (2 + (performance.now() - startedMs) / 200) + 100);
			load.now = 0;
			await until('the load is over', async () => (await shedder.check()) !== null);
			await until('all are acknowledged', async () => handled.length === 501 && (await left()) === 0);
			await consuming.stop();
			await shedder.stop();
			expect(errors).toEqual([]);
			await destroy();
		}, 30_000);

		it('brings what a handler failed for again, and says what it threw', async () => {
			const { intake, options, errors, publish, left, destroy } = await consumed(url, library);
			const { shedder } = shedding();
			let failures = 0;
			const handled: string[] = [];
			const handle = async (text: string) => {
				if (text === 'm3' && failures++ === 0) throw new Error('not this time');
				handled.push(text);
			};
			const consuming = intake({ retryMs: 100 }).consume(redisStreamsHandler(shedder, { decode, handle }), options);
			await publish(texts(8));
			await until('all are acknowledged', async () => handled.length === 8 && (await left()) === 0);
			expect(handled.at(-1)).toBe('m3');
			expect(errors.map(String)).toEqual(['Error: not this time']);
			await consuming.stop();
			await shedder.stop();
			await destroy();
		}, 30_000);

		it('keeps what is here for longer than claimAfterMs from the others of its group', async () => {
			const { intake, options, publish, errors, left, destroy } = await consumed(url, library);
			const { shedder } = shedding();
			const seen: string[] = [];
			const handle = async (text: string) => {
				seen.push(text);
				await sleep(150);
			};
			const lease = { claimAfterMs: 600, retryMs: 500 };
			const consuming = intake(lease).consume(redisStreamsHandler(shedder, { decode, handle }), options);
			await publish(texts(20));
			await until('it has them', () => seen.length > 0);
			const other = taking();
			const others = intake({ ...lease, consumer: 'two' }).consume(other.handler, options);
			await until('all are acknowledged', async () => (await left()) === 0);
			await consuming.stop();
			await others.stop();
			expect(other.seen).toEqual([]);
			expect(seen).toEqual(texts(20));
			await shedder.stop();
			expect(errors).toEqual([]);
			await destroy();
		}, 30_000);

		it('takes what a dead consumer left, once it has not been heard of for claimAfterMs', async () => {
			const { intake, options, publish, take, left, errors, admin, stream, destroy } = await consumed(url, library);
			await publish(texts(50));
			const dead = await take(30, 'dead');
			// Two of them are not there any more, which nobody can handle.
			await admin.xdel(stream, dead[3] as string, dead[4] as string);
			const { seen, handler } = taking();
			const consuming = intake({ claimAfterMs: 500, retryMs: 500 }).consume(handler, options);
			await until('it has what is new', () => seen.length >= 20);
			await until('all are acknowledged', async () => seen.length === 48 && (await left()) === 0);
			await until('nothing is pending', async () => ((await admin.xpending(stream, 'group')) as [number])[0] === 0);
			expect(new Set(seen)).toEqual(new Set(texts(50).filter((_, at) => at !== 3 && at !== 4)));
			expect(errors).toEqual([]);
			await consuming.stop();
			await destroy();
		}, 30_000);

		it('begins with what a consumer of its name had, in order', async () => {
			const { intake, options, publish, take, left, destroy } = await consumed(url, library);
			await publish(texts(60));
			await take(45, 'one');
			const { seen, handler } = taking();
			const consuming = intake({ claimAfterMs: 60_000 }).consume(handler, options);
			await until('all are acknowledged', async () => (await left()) === 0);
			expect(seen).toEqual(texts(60));
			await consuming.stop();
			await destroy();
		}, 30_000);

		it('gives back at its end what it has not begun, to others at once and in order', async () => {
			const { intake, options, publish, left, errors, destroy } = await consumed(url, library);
			const { shedder } = shedding();
			const handled: string[] = [];
			let go = () => {};
			const held = new Promise<void>((resolve) => {
				go = resolve;
			});
			const handle = async (text: string) => {
				handled.push(text);
				if (text === 'm2') await held;
			};
			const lease = { claimAfterMs: 20_000 };
			const consuming = intake(lease).consume(redisStreamsHandler(shedder, { decode, handle }), options);
			await publish(texts(20));
			await until('it is in the middle', () => handled.length === 3);
			const stopped = consuming.stop();
			go();
			await stopped;
			expect(handled).toEqual(['m0', 'm1', 'm2']);
			expect(await left()).toBe(17);
			const startedMs = performance.now();
			const other = taking();
			const others = intake({ ...lease, consumer: 'two' }).consume(other.handler, options);
			await until('the other has them', () => other.seen.length === 17);
			expect(performance.now() - startedMs).toBeLessThan(15_000);
			expect(other.seen).toEqual(texts(17, 3));
			await others.stop();
			expect(errors).toEqual([]);
			await shedder.stop();
			await destroy();
		}, 30_000);

		it('leaves pending what its handler neither acknowledges nor hands back', async () => {
			const { intake, options, publish, left, destroy } = await consumed(url, library);
			let calls = 0;
			const seen: string[] = [];
			const consuming = intake({ retryMs: 100 }).consume((messages) => {
				for (const message of messages) {
					seen.push(decode(message));
					if (calls++ > 0) message.ack();
				}
			}, options);
			await publish(texts(3));
			await until('all are acknowledged', async () => (await left()) === 0);
			expect(seen.filter((text) => text === 'm0').length).toBe(2);
			await consuming.stop();
			await destroy();
		}, 30_000);

		it('delivers bytes as they are', async () => {
			const { client, stream, group, admin, options, left, destroy } = await consumed(url, library);
			const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
			await admin.xadd(stream, '*', 'body', bytes, '__proto__', 'x');
			const seen: StreamMessage<Buffer>[] = [];
			const intake = redisStreamsIntake({ client, stream, group, consumer: 'one', blockMs: 200, values: 'bytes' });
			const consuming = intake.consume((messages) => {
				for (const message of messages) {
					seen.push(message);
					message.ack();
				}
			}, options);
			await until('it is acknowledged', async () => seen.length > 0 && (await left()) === 0);
			expect(seen[0]?.fields.body?.equals(bytes)).toBe(true);
			expect(Object.keys(seen[0]?.fields ?? {})).toEqual(['body', '__proto__']);
			expect(seen[0]?.id).toMatch(/^\d+-\d+$/);
			await consuming.stop();
			await destroy();
		}, 30_000);

		it('says that its group is not there, and goes on once it is', async () => {
			const { intake, options, errors, publish, admin, stream, group, destroy } = await consumed(url, library);
			await admin.xgroup('DESTROY', stream, group);
			const { seen, handler } = taking();
			const consuming = intake().consume(handler, options);
			await until('it is told twice', () => errors.length >= 2);
			expect(String(errors[0])).toContain('NOGROUP');
			await admin.xgroup('CREATE', stream, group, '0');
			await publish(texts(2));
			await until('they are handled', () => seen.length === 2);
			await consuming.stop();
			await destroy();
		}, 30_000);
	});
}

await describeWith(
	() => startRedis(['--appendonly', 'yes']),
	'a consumer whose server is taken away',
	(server) => {
		it.each(LIBRARIES)(
			'with %s acknowledges what it handled when it is back, and handles nothing twice',
			async (library) => {
				const client = clientOf(server.url, library, 'brownout-test');
				const admin = new Redis(server.url, { retryStrategy: () => 50 });
				// Told by the rejected commands as well.
				admin.on('error', () => {});
				const stream = `orders-${library}`;
				await admin.xgroup('CREATE', stream, 'group', '0', 'MKSTREAM');
				for (const text of texts(10)) await admin.xadd(stream, '*', 'text', text);
				const errors: unknown[] = [];
				const seen: string[] = [];
				const intake = redisStreamsIntake({ client, stream, group: 'group', consumer: 'one', blockMs: 200 });
				const consuming = intake.consume(
					async (messages) => {
						await server.kill();
						for (const message of messages) {
							seen.push(decode(message));
							message.ack();
						}
					},
					{ onError: (error) => errors.push(error) },
				);
				await until('it cannot tell', () => errors.length > 0);
				await server.restart();
				const pending = async () => ((await admin.xpending(stream, 'group')) as [number])[0];
				await until('all are acknowledged', async () => (await pending()) === 0);
				expect(seen).toEqual(texts(10));
				await consuming.stop();
				admin.disconnect();
			},
			40_000,
		);
	},
);

describe('what cannot work', () => {
	const right = { client: new Redis({ lazyConnect: true }), stream: 's', group: 'g', consumer: 'c' };

	it.each([
		[{ client: undefined as never }, 'client: undefined must be a client of ioredis or redis'],
		[{ consumer: '' }, 'consumer: "" must be the name of this consumer'],
		[{ maxMessages: 0 }, 'maxMessages: 0 must be a whole number from 1 to 10000'],
		[{ blockMs: 0 }, 'blockMs: 0 must be a whole number from 1 to 60000'],
		[{ claimAfterMs: 99 }, 'claimAfterMs: 99 must be a whole number from 100 to 86400000'],
		[{ claimAfterMs: 500, retryMs: 501 }, 'retryMs: 501 must be a whole number from 1 to 500'],
		[{ values: 'json' as never }, 'values: "json" must be "text" or "bytes"'],
	])('is refused: an intake with %j', (wrong, message) => {
		expect(() => redisStreamsIntake({ ...right, ...wrong })).toThrow(ConfigError);
		expect(() => redisStreamsIntake({ ...right, ...wrong })).toThrow(message);
	});

	it('is refused: a handler without its functions', () => {
		const { shedder } = shedding();
		expect(() => redisStreamsHandler(shedder, {} as never)).toThrow(
			'decode: undefined must be a function\nhandle: undefined must be a function',
		);
	});
});
