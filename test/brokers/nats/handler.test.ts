import { setTimeout as sleep } from 'node:timers/promises';
import type { JsMsg } from '@nats-io/jetstream';
import { describe, expect, it } from 'vitest';
import { ConfigError, createLoadShedder, defineLadder } from '../../../src/index.js';
import { natsHandler, natsIntake } from '../../../src/nats/index.js';
import { describeWith, nats, until } from '../../support/services.js';
import { type PlaceSettings, place, texts } from './place.js';

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

const decode = (message: JsMsg) => message.string();

await describeWith(nats, 'a consumer of JetStream', ({ url }) => {
	async function consumed(settings?: PlaceSettings) {
		const here = await place(url, settings);
		const { connection, consumer } = here;
		const errors: unknown[] = [];
		return {
			...here,
			errors,
			intake: natsIntake({ connection, consumer, maxMessages: 20, expiresMs: 2_000 }),
			options: { onError: (error: unknown) => errors.push(error) },
			/** Messages that the server has not seen acknowledged. */
			left: async () => {
				const { num_pending, num_ack_pending } = await consumer.info();
				return num_pending + num_ack_pending;
			},
		};
	}

	it('hands back what is rejected: the server keeps it, brings it again later, and not hot', async () => {
		const { intake, options, publish, left, errors, destroy } = await consumed();
		const { shedder, load } = shedding();
		load.now = 1;
		await shedder.check();
		const handled: string[] = [];
		const handler = natsHandler(shedder, { decode, handle: (text) => handled.push(text), retryMs: 300 });
		const consuming = intake.consume(handler, options);
		const startedMs = performance.now();
		await publish(texts(10));
		await until('the protected one is handled', () => handled.length === 1);
		await until('the others were rejected twice', () => shedder.stats().rejected >= 18);
		expect(await left()).toBe(9);
		const { rejected } = shedder.stats();
		expect(rejected).toBeLessThanOrEqual(9 * (1 + (performance.now() - startedMs) / 300));
		load.now = 0;
		await until('the load is over', async () => (await shedder.check()) !== null);
		await until('all are handled', () => handled.length === 10);
		await until('all are acknowledged', async () => (await left()) === 0);
		expect(new Set(handled)).toEqual(new Set(texts(10)));
		await consuming.stop();
		await shedder.stop();
		expect(errors).toEqual([]);
		await destroy();
	}, 30_000);

	it('brings what a handler failed for again, and says what it threw', async () => {
		const { intake, options, errors, publish, left, destroy } = await consumed();
		const { shedder } = shedding();
		let failures = 0;
		const handled: string[] = [];
		const handle = async (text: string) => {
			if (text === 'm3' && failures++ === 0) throw new Error('not this time');
			handled.push(text);
		};
		const consuming = intake.consume(natsHandler(shedder, { decode, handle, retryMs: 100 }), options);
		await publish(texts(8));
		await until('all are acknowledged', async () => handled.length === 8 && (await left()) === 0);
		expect(handled.at(-1)).toBe('m3');
		expect(errors.map(String)).toEqual(['Error: not this time']);
		await consuming.stop();
		await shedder.stop();
		await destroy();
	}, 30_000);

	it('keeps what is here for longer than ack_wait, waiting or in the hands of a slow handler', async () => {
		const { intake, options, publish, errors, destroy } = await consumed({ consumer: { ack_wait: 600e6 } });
		const { shedder } = shedding();
		const seen: { readonly text: string; readonly redelivered: boolean }[] = [];
		const handle = async (text: string) => {
			seen.push({ text, redelivered: false });
			await sleep(150);
		};
		const consuming = intake.consume(natsHandler(shedder, { decode, handle }), options);
		await publish(texts(30));
		await until('all are handled', () => seen.length >= 30);
		await consuming.stop();
		expect(seen.map(({ text }) => text)).toEqual(texts(30));
		await shedder.stop();
		expect(errors).toEqual([]);
		await destroy();
	}, 30_000);

	it('gives back at its end what it has not begun, at once and without losing anything', async () => {
		const { intake, options, publish, take, left, errors, destroy } = await consumed();
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
		const consuming = intake.consume(natsHandler(shedder, { decode, handle }), options);
		await publish(texts(20));
		await until('it is in the middle', () => handled.length === 3);
		const stopped = consuming.stop();
		expect(consuming.stop()).toBe(stopped);
		go();
		await stopped;
		expect(handled).toEqual(['m0', 'm1', 'm2']);
		expect(await left()).toBe(17);
		const startedMs = performance.now();
		expect((await take(17)).map(decode).toSorted()).toEqual(texts(17, 3).toSorted());
		// Far below ack_wait, which is a minute here.
		expect(performance.now() - startedMs).toBeLessThan(20_000);
		expect(errors).toEqual([]);
		await shedder.stop();
		await destroy();
	}, 30_000);

	it('consumes once at a time, and again after it was stopped', async () => {
		const { intake, options, publish, destroy } = await consumed();
		const handled: string[] = [];
		const handler = (messages: readonly JsMsg[]) => {
			for (const message of messages) {
				handled.push(message.string());
				message.ack();
			}
		};
		const first = intake.consume(handler, options);
		expect(() => intake.consume(handler, options)).toThrow('natsIntake consumes already: stop that first');
		await first.stop();
		const second = intake.consume(handler, options);
		await publish(texts(3));
		await until('they are handled', () => handled.length === 3);
		await second.stop();
		await destroy();
	}, 30_000);

	it('says what is wrong with a consumer, and goes on once that is mended', async () => {
		const { intake, options, errors, publish, manager, stream, destroy } = await consumed({
			consumer: { max_deliver: 3 },
		});
		const { shedder } = shedding();
		const handled: string[] = [];
		const handler = natsHandler(shedder, { decode, handle: (text) => handled.push(text) });
		const consuming = intake.consume(handler, options);
		await until('it is refused', () => errors.length > 0);
		expect(errors[0]).toBeInstanceOf(ConfigError);
		expect(String(errors[0])).toContain('max_deliver: 3 must be absent while a level rejects');
		await manager.consumers.update(stream, 'consumer', { max_deliver: -1 });
		await publish(texts(1));
		await until('it is handled', () => handled.length === 1);
		await consuming.stop();
		await shedder.stop();
		await destroy();
	}, 30_000);

	it('asks for no more at once, and for no longer, than the consumer allows', async () => {
		const { intake, options, errors, publish, left, destroy } = await consumed({
			consumer: { max_batch: 3, max_expires: 1_500e6 },
		});
		const sizes: number[] = [];
		const handler = (messages: readonly JsMsg[]) => {
			sizes.push(messages.length);
			for (const message of messages) message.ack();
		};
		const consuming = intake.consume(handler, options);
		await publish(texts(30));
		await until('all are acknowledged', async () => (await left()) === 0);
		await consuming.stop();
		expect(errors).toEqual([]);
		expect(Math.max(...sizes)).toBeLessThanOrEqual(6);
		await destroy();
	}, 30_000);

	it('refuses a consumer without explicit acknowledgement', async () => {
		const { intake, options, errors, destroy } = await consumed({ consumer: { ack_policy: 'all' } });
		const consuming = intake.consume(() => expect.fail('nothing comes'), options);
		await until('it is refused', () => errors.length > 0);
		expect(String(errors[0])).toContain('ack_policy: "all" must be \'explicit\'');
		await consuming.stop();
		await destroy();
	}, 30_000);

	it('asks again, slower each time, while its consumer is gone', async () => {
		const { intake, options, errors, publish, manager, stream, destroy } = await consumed();
		const handled: string[] = [];
		const handler = (messages: readonly JsMsg[]) => {
			for (const message of messages) {
				handled.push(message.string());
				message.ack();
			}
		};
		const consuming = intake.consume(handler, options);
		await publish(texts(1));
		await until('one is handled', () => handled.length === 1);
		await manager.consumers.delete(stream, 'consumer');
		const startedMs = performance.now();
		await until('it fails a few times', () => errors.length >= 3);
		expect(performance.now() - startedMs).toBeGreaterThan(100);
		await manager.consumers.add(stream, { durable_name: 'consumer', ack_policy: 'explicit', deliver_policy: 'new' });
		await until('it goes on', async () => {
			await publish(['again']);
			return handled.includes('again');
		});
		await consuming.stop();
		await destroy();
	}, 40_000);

	it('ends, and says so, when its connection is closed', async () => {
		const { intake, options, errors, connection, destroy } = await consumed();
		const consuming = intake.consume(() => {}, options);
		await until('it waits for messages', async () => (await connection.flush()) === undefined);
		await destroy();
		await until('it has heard', () => errors.some((error) => /closed/i.test(String(error))));
		await consuming.stop();
	}, 30_000);
});

describe('what cannot work', () => {
	const shedder = shedding().shedder;
	const connection = { status: async function* () {}, flush: async () => {} };
	const consumer = { info: () => Promise.reject(new Error('?')), fetch: () => Promise.reject(new Error('?')) };

	it.each([
		[{ maxMessages: 0 }, 'maxMessages: 0 must be a whole number from 1 to 10000'],
		[{ maxMessages: 1.5 }, 'maxMessages: 1.5 must be'],
		[{ expiresMs: 999 }, 'expiresMs: 999 must be a whole number from 1000 to 60000'],
		[{ connection: undefined as never }, 'connection: undefined must be a connection of NATS'],
		[{ consumer: {} as never }, 'consumer: an object must be a pull consumer of JetStream'],
	])('is refused: an intake with %j', (wrong, message) => {
		expect(() => natsIntake({ connection, consumer, ...wrong })).toThrow(ConfigError);
		expect(() => natsIntake({ connection, consumer, ...wrong })).toThrow(message);
	});

	it.each([
		[{ retryMs: 0 }, 'retryMs: 0 must be a whole number from 1 to 3600000'],
		[{ decode: undefined as never }, 'decode: undefined must be a function'],
		[{ handle: 'x' as never }, 'handle: "x" must be a function'],
	])('is refused: a handler with %j', (wrong, message) => {
		expect(() => natsHandler(shedder, { decode, handle: () => {}, ...wrong })).toThrow(message);
	});

	it('is refused: a consumer without a handler, or that tells nobody what fails', () => {
		const intake = natsIntake({ connection, consumer });
		expect(() => intake.consume(undefined as never, { onError: undefined as never })).toThrow(
			'handler: undefined must be a function\nonError: undefined must be a function',
		);
	});
});
