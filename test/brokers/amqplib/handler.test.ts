import type { Channel, ConsumeMessage } from 'amqplib';
import { describe, expect, it, vi } from 'vitest';
import { amqplibHandler, amqplibIntake } from '../../../src/amqplib/index.js';
import { createLoadShedder, defineLadder, memorySpill, type SpillStore } from '../../../src/index.js';
import { describeWith, rabbitmq, until } from '../../support/services.js';
import { at, type Place } from './place.js';

type Action = 'process' | 'drop' | 'spill' | 'reject';

/** What is sent: an action and a number, such as `spill 7`. */
interface Order {
	readonly action: Action;
	readonly n: number;
}

const PRIORITY = { process: 'critical', spill: 'high', reject: 'normal', drop: 'low' } as const;
const RETRY_MS = 200;

/** A shedder that does with a message what the message says. */
async function makeShedder(spill: SpillStore = memorySpill()) {
	let lag = 1;
	const ladder = defineLadder({
		priorities: { protected: 'critical', sheddable: ['high', 'normal', 'low'] },
		signals: { lag: { recoverBelow: 0.5 } },
		levels: [
			{ name: 'NORMAL' },
			{ name: 'SHED', enterAt: { lag: 1 }, shed: { high: 'spill', normal: 'reject', low: 'drop' } },
		],
		cooldownMs: 1,
	});
	const shedder = createLoadShedder({
		ladder,
		signals: { lag: () => lag },
		priorityOf: ({ action }: Order) => PRIORITY[action],
		spill,
	});
	await shedder.check();
	const relax = async () => {
		lag = 0;
		await until('the level is NORMAL', async () => {
			await shedder.check();
			return shedder.level === 'NORMAL';
		});
	};
	return { shedder, relax };
}

const decode = ({ content }: ConsumeMessage): Order => {
	const [action, n] = content.toString().split(' ');
	if (n === undefined) throw new Error(`not an order: ${action}`);
	return { action: action as Action, n: Number(n) };
};
const fail = (error: unknown) => expect.fail(String(error));

await describeWith(rabbitmq, 'amqplibHandler', ({ url }) => {
	/** Neither ready nor held by anybody: what a channel held is ready once it has closed. */
	const isEmpty = async ({ ready }: Place, channel: Channel) => {
		await channel.close();
		return (await ready()) === 0;
	};

	it('acknowledges what was processed, kept or dropped', () =>
		at(url, async (place) => {
			const { shedder } = await makeShedder();
			const handled: number[] = [];
			const handler = amqplibHandler(shedder, { decode, handle: ({ n }) => void handled.push(n), onError: fail });
			const channel = await place.connection.createChannel();
			// As with any consumer of the client.
			await channel.consume(place.queue, handler(channel));
			await place.produce(['process 0', 'drop 1', 'spill 2', 'process 3']);
			await until('all are settled', () => shedder.stats().offered === 4 && shedder.stats().inFlight === 0);
			expect(shedder.stats()).toMatchObject({ processed: 2, dropped: 1, spilled: 1 });
			expect(handled).toEqual([0, 3]);
			await handler.close();
			expect(await isEmpty(place, channel)).toBe(true);
			await shedder.stop();
		}));

	it('appends what is spilled of a batch together, and acknowledges it only then', () =>
		at(url, async (place) => {
			const store = memorySpill();
			const appends: number[] = [];
			let durable = () => {};
			const gate = new Promise<void>((resolve) => {
				durable = resolve;
			});
			const slow: SpillStore = {
				...store,
				async append(batch, options) {
					appends.push(batch.length);
					await gate;
					await store.append(batch, options);
				},
			};
			const { shedder } = await makeShedder(slow);
			const intake = amqplibIntake<ConsumeMessage>({ prefetch: 50 });
			const handler = amqplibHandler(shedder, { decode, handle: () => {}, onError: fail });
			await place.produce(Array.from({ length: 50 }, (_, n) => `${n % 2 ? 'process' : 'spill'} ${n}`));
			const channel = await place.connection.createChannel();
			await intake.consume(channel, place.queue, handler);
			await until('the others are processed', () => shedder.stats().processed >= 1 && appends.length === 1);
			expect(intake.held(place.queue)).toBeGreaterThanOrEqual(appends[0] as number);
			durable();
			await until('all are settled', () => intake.held(place.queue) === 0 && shedder.stats().processed === 25);
			expect(shedder.stats()).toMatchObject({ spilled: 25, inFlight: 0 });
			expect(appends.length).toBeLessThan(25);
			await handler.close();
			expect(await isEmpty(place, channel)).toBe(true);
			await shedder.stop();
		}));

	it('hands a rejected message back after a while, never at once', () =>
		at(url, async (place) => {
			const { shedder, relax } = await makeShedder();
			const intake = amqplibIntake<ConsumeMessage>({ prefetch: 10 });
			const handled: number[] = [];
			const handle = ({ n }: Order) => void handled.push(n);
			const handler = amqplibHandler(shedder, { decode, handle, retryMs: RETRY_MS, onError: fail });
			const channel = await place.connection.createChannel();
			const began = performance.now();
			await intake.consume(channel, place.queue, handler);
			await place.produce(['reject 0', 'process 1', 'reject 2']);
			await until('they came back twice', () => shedder.stats().rejected >= 6);
			expect(performance.now() - began).toBeGreaterThan(2 * RETRY_MS);
			expect(handled).toEqual([1]);
			await relax();
			await until('they are processed', () => handled.length === 3);
			// As often as there was time for, not as often as possible.
			expect(shedder.stats().rejected).toBeLessThanOrEqual(2 * (1 + (performance.now() - began) / RETRY_MS));
			await handler.close();
			expect(await isEmpty(place, channel)).toBe(true);
			await shedder.stop();
		}));

	it('hands back the one message whose handler or decoder throws, and handles the others', () =>
		at(url, async (place) => {
			const { shedder } = await makeShedder();
			const intake = amqplibIntake<ConsumeMessage>();
			const handled: number[] = [];
			const errors: unknown[] = [];
			let broken = true;
			const handle = async ({ n }: Order) => {
				if (n === 1 && broken) throw new Error('no stock');
				handled.push(n);
			};
			const handler = amqplibHandler(shedder, {
				decode,
				handle,
				retryMs: RETRY_MS,
				onError: (error) => errors.push(...(error instanceof AggregateError ? error.errors : [error])),
			});
			await place.produce(['process 0', 'process 1', 'nonsense', 'process 2', 'process 3']);
			const channel = await place.connection.createChannel();
			await intake.consume(channel, place.queue, handler);
			await until('the others are handled', () => handled.length === 3);
			expect(handled).toEqual([0, 2, 3]);
			await until('the two came again', () => errors.length >= 4);
			expect(new Set(errors.map(String))).toEqual(new Set(['Error: no stock', 'Error: not an order: nonsense']));
			broken = false;
			await until('it is handled', () => handled.includes(1));
			await handler.close();
			await channel.close();
			expect(await place.ready()).toBe(1);
			await shedder.stop();
		}));

	it('does not acknowledge on a new channel what came on a closed one', () =>
		at(url, async (place) => {
			const { shedder } = await makeShedder();
			const intake = amqplibIntake<ConsumeMessage>({ prefetch: 3 });
			const handled: number[] = [];
			const { promise: work, resolve: finish } = deferred();
			const handle = async ({ n }: Order) => {
				handled.push(n);
				await work;
			};
			const handler = amqplibHandler(shedder, { decode, handle, onError: fail });
			await place.produce(['process 0', 'process 1', 'process 2']);
			const first = await place.connection.createChannel();
			await intake.consume(first, place.queue, handler);
			await until('the first is begun', () => handled.length === 1 && intake.held(place.queue) === 3);
			await first.close();
			const second = await place.connection.createChannel();
			const closed = vi.fn();
			second.on('error', closed);
			await intake.consume(second, place.queue, handler);
			await until('they come again', () => intake.held(place.queue) === 3);
			finish();
			await until('all are acknowledged', () => intake.held(place.queue) === 0);
			// The one that was under way comes twice, those that were not begun once.
			expect(handled).toEqual([0, 0, 1, 2]);
			await handler.close();
			expect(await isEmpty(place, second)).toBe(true);
			expect(closed).not.toHaveBeenCalled();
			await shedder.stop();
		}));

	it('works on several at a time when asked to, and on one otherwise', () =>
		at(url, async (place) => {
			for (const concurrency of [1, 4]) {
				const { shedder } = await makeShedder();
				let atOnce = 0;
				let most = 0;
				let done = 0;
				const handle = async () => {
					most = Math.max(most, ++atOnce);
					await new Promise((resolve) => setTimeout(resolve, 20));
					atOnce--;
					done++;
				};
				const handler = amqplibHandler(shedder, { decode, handle, concurrency, onError: fail });
				await place.produce(Array.from({ length: 12 }, (_, n) => `process ${n}`));
				const channel = await place.connection.createChannel();
				await amqplibIntake<ConsumeMessage>().consume(channel, place.queue, handler);
				await until('all are done', () => done === 12);
				expect(most).toBe(concurrency);
				await handler.close();
				expect(await isEmpty(place, channel)).toBe(true);
				await shedder.stop();
			}
		}));

	it('finishes what is under way when it is closed, and gives the rest back', () =>
		at(url, async (place) => {
			const { shedder } = await makeShedder();
			const intake = amqplibIntake<ConsumeMessage>({ prefetch: 6 });
			const handled: number[] = [];
			const { promise: work, resolve: finish } = deferred();
			const handle = async ({ n }: Order) => {
				await work;
				handled.push(n);
			};
			const handler = amqplibHandler(shedder, { decode, handle, retryMs: 600_000, onError: fail });
			await place.produce(['reject 0', 'spill 1', 'process 2', 'process 3', 'reject 4', 'process 5']);
			const channel = await place.connection.createChannel();
			await intake.consume(channel, place.queue, handler);
			await until('one is under way', () => shedder.stats().rejected === 1);
			const closing = handler.close();
			finish();
			await closing;
			expect(handled).toEqual([2]);
			expect(shedder.stats()).toMatchObject({ processed: 1, spilled: 1, inFlight: 0 });
			// Delivered again, and left to the broker.
			await until('the others are with the channel again', () => intake.held(place.queue) === 4);
			await channel.close();
			expect(await place.ready()).toBe(4);
			await handler.close();
			await shedder.stop();
		}));
});

describe('amqplibHandler', () => {
	it('refuses options that cannot work', async () => {
		const { shedder } = await makeShedder();
		const wrong = { decode: 1, handle: 2, name: 3, retryMs: 0, concurrency: 0.5, onError: 4, onCancelled: 5 };
		expect(() => amqplibHandler(shedder, wrong as never)).toThrow(
			[
				'invalid amqplibHandler (7 problems):',
				'decode: 1 must be a function',
				'handle: 2 must be a function',
				'name: 3 must be a string',
				'retryMs: 0 must be a whole number from 1 to 600000',
				'concurrency: 0.5 must be a whole number of at least 1',
				'onError: 4 must be a function',
				'onCancelled: 5 must be a function',
			].join('\n'),
		);
	});
});

function deferred() {
	let resolve = () => {};
	const promise = new Promise<void>((done) => {
		resolve = done;
	});
	return { promise, resolve };
}
