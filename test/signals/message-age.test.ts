import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createLoadShedder, defineLadder, memorySpill, messageAge, recommendedLadder } from '../../src/index.js';
import { manualClock } from '../../src/testing/index.js';
import { deferred, expectNoLeaks, settled } from '../control/driver.js';
import { fc } from '../support/property.js';

expectNoLeaks();
// The origin of the manual clock is read once from the wall clock, which must not go on meanwhile.
beforeAll(() => void vi.useFakeTimers({ toFake: ['Date'] }));
afterAll(() => void vi.useRealTimers());

const ladder = defineLadder({
	priorities: { protected: 'critical', sheddable: ['normal', 'low'] },
	signals: { ageMs: { recoverBelow: 0.5 } },
	levels: [
		{ name: 'NORMAL' },
		{ name: 'SOFT', enterAt: { ageMs: 1_000 } },
		{ name: 'HARD', enterAt: { ageMs: 5_000 }, shed: { normal: 'spill', low: 'drop' } },
	],
	cooldownMs: 10_000,
	backoff: false,
});

interface Trade {
	readonly priority: 'critical' | 'normal' | 'low';
	/** How old it is when it is handed over, ms. `undefined` = its time cannot be told. */
	readonly ageMs?: number | undefined;
}

/** A consumer whose messages say how old they are. */
function consumer(
	options: {
		readonly handler?: () => void | Promise<void>;
		readonly timed?: boolean;
		readonly timeOf?: (trade: Trade) => number;
	} = {},
) {
	const clock = manualClock(1_000_000);
	const originMs = Date.now() - clock.nowMs();
	const shedder = createLoadShedder({
		ladder,
		signals: { ageMs: messageAge() },
		priorityOf: (trade: Trade) => trade.priority,
		...(options.timed === false
			? {}
			: { timeOf: options.timeOf ?? ((trade: Trade) => originMs + clock.nowMs() - (trade.ageMs ?? Number.NaN)) }),
		spill: memorySpill(),
		clock,
	});
	const handle = shedder.wrap(options.handler ?? (() => {}));
	shedder.start();
	return {
		clock,
		shedder,
		handle,
		/** Epoch ms, on the manual clock. */
		now: () => originMs + clock.nowMs(),
		/** Times are those of the cached clock: ages are compared to the next 100 ms. */
		reading: () => Math.round((shedder.stats().signals[0]?.value ?? Number.NaN) / 100) * 100,
		/** One message each `everyMs`, for `forMs`. */
		async stream(trade: Trade, everyMs: number, forMs: number) {
			for (let passed = 0; passed < forMs; passed += everyMs) {
				await handle(trade);
				await clock.advance(everyMs);
			}
		},
	};
}

const live: Trade = { priority: 'critical', ageMs: 0 };

describe('messageAge (R9)', () => {
	/** One message that comes and goes. */
	const pass = (signal: ReturnType<typeof messageAge>, ageMs: number) => {
		signal.offered(ageMs);
		signal.left();
	};

	it('is the lowest age in a window: one old message among fresh ones is no delay', () => {
		fc.assert(
			fc.property(fc.array(fc.nat(100_000), { minLength: 1 }), (ages) => {
				const signal = messageAge();
				for (const ageMs of ages) pass(signal, ageMs);
				expect(signal.read()).toBe(Math.min(...ages));
				expect(signal.read(), 'the next window starts anew').toBe(0);
			}),
		);
	});

	it('reads a delay that stands, on a consumer that keeps up and then does not', async () => {
		const { stream, reading, shedder } = consumer();
		await stream(live, 200, 10_000);
		expect(reading()).toBe(0);
		await stream({ ...live, ageMs: 2_000 }, 20, 1_000);
		expect(reading()).toBe(2_000);
		expect(shedder.level).toBe('SOFT');
		await shedder.stop();
	});

	it('absorbs the difference of the clocks of producer and consumer on a consumer that keeps up', async () => {
		for (const skewMs of [7_000, -7_000]) {
			const { stream, reading, shedder } = consumer();
			await stream({ ...live, ageMs: skewMs }, 200, 10_000);
			expect(reading()).toBe(0);
			await stream({ ...live, ageMs: skewMs + 2_000 }, 20, 1_000);
			expect(reading()).toBe(2_000);
			await shedder.stop();
		}
	});

	it('never takes a backlog for a skew: not at the start', async () => {
		const { stream, reading, shedder } = consumer();
		// It starts behind a queue of an hour.
		await stream({ ...live, ageMs: 3_600_000 }, 10, 3_000);
		expect(reading()).toBeGreaterThan(3_000_000);
		expect(shedder.level).toBe('HARD');
		await shedder.stop();
	});

	it('never takes a backlog for a skew: not after a pause in the middle of it', async () => {
		const { stream, reading, shedder, clock } = consumer();
		await stream(live, 200, 5_000);
		await stream({ ...live, ageMs: 60_000 }, 50, 400_000);
		expect(reading()).toBe(60_000);
		// A rebalance, a paused intake: nothing arrives for a while, and the queue is still there.
		await clock.advance(30_000);
		await stream({ ...live, ageMs: 90_000 }, 10, 3_000);
		expect(reading()).toBe(90_000);
		await shedder.stop();
	});

	it('never takes a backlog for a skew: not while most of it is spilled or dropped', async () => {
		const { reading, shedder, clock, handle, stream } = consumer();
		await stream(live, 200, 2_000);
		shedder.override({ level: 'HARD', ttlMs: 86_400_000, reason: 'test' });
		for (let i = 0; i < 4_000; i++) {
			await handle({ priority: i % 2 === 0 ? 'normal' : 'low', ageMs: 60_000 });
			if (i % 2 === 0) await handle({ priority: 'critical', ageMs: 60_000 });
			await clock.advance(125);
		}
		expect(reading()).toBe(60_000);
		await shedder.stop();
	});

	it.each([20_000, 59_000, 3_600_000])(
		'never takes a backlog for a skew: not where batches are fetched, %i ms',
		async (ageMs) => {
			const { reading, shedder, clock, handle } = consumer();
			for (let batch = 0; batch < 600; batch++) {
				for (let i = 0; i < 5; i++) await handle({ ...live, ageMs });
				await clock.advance(150);
			}
			expect(reading()).toBe(ageMs);
			await shedder.stop();
		},
	);

	it('never takes a backlog for a skew: not where single messages are fetched and a broker tells of more', async () => {
		const clock = manualClock(1_000_000);
		const originMs = Date.now() - clock.nowMs();
		const shedder = createLoadShedder({
			ladder: recommendedLadder({ sloMs: 10_000 }),
			signals: { ageMs: messageAge(), lagMs: () => 5_000 + (clock.nowMs() % 7), heap: () => 0.4 },
			priorityOf: (trade: { readonly priority: 'critical' }) => trade.priority,
			timeOf: () => originMs + clock.nowMs() - 20_000,
			clock,
		});
		const handle = shedder.wrap(() => {});
		shedder.start();
		for (let i = 0; i < 600; i++) {
			await handle({ priority: 'critical' });
			await clock.advance(150);
		}
		expect(Math.round((shedder.stats().signals[0]?.value ?? 0) / 100) * 100).toBe(20_000);
		await shedder.stop();
	});

	it('takes the same ages for a skew where nothing is in flight, and for none where something is', async () => {
		for (const busy of [false, true]) {
			const slow = deferred();
			let waits = busy;
			const { reading, shedder, handle, stream } = consumer({ handler: () => (waits ? slow.promise : undefined) });
			const first = busy ? handle(live) : undefined;
			waits = false;
			await stream({ ...live, ageMs: 5_000 }, 200, 60_000);
			expect(reading()).toBe(busy ? 5_000 : 0);
			slow.resolve();
			await first;
			await shedder.stop();
		}
	});

	it('is that of all producers but one whose clock is far ahead', async () => {
		const { reading, shedder, clock, handle } = consumer();
		const window = async (ageMs: number) => {
			for (let i = 0; i < 10; i++) {
				await handle({ ...live, ageMs: ageMs - (i === 4 ? 15_000 : 0) });
				await clock.advance(150);
			}
		};
		for (let i = 0; i < 100; i++) await window(0);
		expect(reading()).toBe(0);
		await window(4_000);
		expect(reading()).toBe(4_000);
		await shedder.stop();
	});

	it('tells once of times that are no epoch milliseconds, and is unknown', async () => {
		const { reading, shedder, stream } = consumer({ timeOf: () => 1_700_000_000 });
		const told: string[] = [];
		shedder.on('failed', ({ during, name, error }) => void told.push(`${during} ${name}: ${(error as Error).message}`));
		await stream(live, 20, 2_000);
		expect(told).toEqual([
			'signal timeOf: timeOf must give epoch milliseconds, within ten years of now: it gave 1700000000',
		]);
		expect(reading()).toBeNaN();
		await shedder.stop();
	});

	it('holds the last delay while a handler has been busy all along', async () => {
		const slow = deferred();
		let waits = false;
		const { stream, reading, shedder, clock, handle } = consumer({ handler: () => (waits ? slow.promise : undefined) });
		await stream(live, 200, 2_000);
		await stream({ ...live, ageMs: 2_000 }, 20, 1_000);
		waits = true;
		const outcome = handle({ ...live, ageMs: 2_000 });
		await clock.advance(500);
		expect(reading()).toBe(2_000);
		await clock.advance(2_000);
		expect(reading()).toBe(2_000);
		slow.resolve();
		await outcome;
		await clock.advance(2_000);
		expect(reading()).toBe(0);
		await shedder.stop();
	});

	it('nothing to handle is no delay', async () => {
		const { reading, shedder, clock } = consumer();
		await clock.advance(10_000);
		expect(reading()).toBe(0);
		await shedder.stop();
	});

	it('is unknown, and not healthy, while messages are handled and no time of any can be told (R5)', async () => {
		const { stream, reading, shedder } = consumer({ timed: false });
		await stream(live, 20, 2_000);
		expect(reading()).toBeNaN();
		await shedder.stop();
	});

	it('one message with a time that is none changes nothing', async () => {
		for (const time of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
			const clockOf = { odd: false, ageMs: 0, now: () => 0 };
			const made = consumer({ timeOf: () => (clockOf.odd ? time : clockOf.now() - clockOf.ageMs) });
			const originMs = Date.now() - made.clock.nowMs();
			clockOf.now = () => originMs + made.clock.nowMs();
			await made.stream(live, 200, 2_000);
			clockOf.odd = true;
			await made.handle(live);
			clockOf.odd = false;
			clockOf.ageMs = 2_000;
			await made.stream(live, 20, 460);
			await made.clock.advance(40);
			expect(made.reading(), `after ${time}`).toBe(2_000);
			await made.shedder.stop();
		}
	});

	it('one message from the future does not fake a delay for those after it', async () => {
		const { stream, reading, shedder, handle } = consumer();
		await stream(live, 200, 5_000);
		await handle({ ...live, ageMs: -3_600_000 });
		await stream(live, 200, 5_000);
		expect(reading()).toBe(0);
		expect(shedder.level).toBe('NORMAL');
		await shedder.stop();
	});
});

describe('messageAge on several shedders', () => {
	it('is fed by every shedder of its controller', async () => {
		const { shedder, clock, now, stream } = consumer();
		await stream(live, 200, 2_000);
		const second = createLoadShedder({
			controller: shedder.controller,
			priorityOf: (trade: Trade) => trade.priority,
			timeOf: () => now() - 2_000,
		});
		const handle = second.wrap(() => {});
		for (let i = 0; i < 100; i++) {
			await handle(live);
			await clock.advance(10);
		}
		expect(shedder.stats().signals[0]?.value).toBeGreaterThan(1_000);
		await second.stop();
		await shedder.stop();
		await settled();
	});
});
