import { describe, expect, it, vi } from 'vitest';
import {
	createLoadShedder,
	defineLadder,
	lagMs,
	lagSeconds,
	memorySpill,
	recommendedLadder,
	type SignalSource,
} from '../../src/index.js';
import { manualClock } from '../../src/testing/index.js';
import { expectNoLeaks } from '../control/driver.js';
import { fc } from '../support/property.js';

expectNoLeaks();

/** Handles `perS` messages a second for `ms`, read every 500 ms. */
async function run(
	signal: ReturnType<typeof lagSeconds>,
	clock: ReturnType<typeof manualClock>,
	perS: number,
	ms: number,
) {
	let reading = Number.NaN;
	for (let passed = 0; passed < ms; passed += 500) {
		for (let i = 0; i < perS / 2; i++) signal.offered(Number.NaN);
		await clock.advance(500);
		reading = await signal.read();
	}
	return reading;
}

describe('lagSeconds', () => {
	it('is the lag divided by what is handled per second, for any lag and rate', async () => {
		const given = fc.record({
			lag: fc.nat(1_000_000),
			perS: fc.integer({ min: 1, max: 500 }).map((n) => n * 2),
			later: fc.boolean(),
		});
		await fc.assert(
			fc.asyncProperty(given, async ({ lag, perS, later }) => {
				const clock = manualClock();
				const signal = lagSeconds(() => (later ? Promise.resolve(lag) : lag), clock);
				expect(await run(signal, clock, perS, 5_000)).toBeCloseTo(lag / perS);
			}),
			{ numRuns: 50 },
		);
	});

	it('lagMs is the same in ms, for a lag that is told at once or later', async () => {
		for (const lag of [() => 400, async () => 400]) {
			const clock = manualClock();
			expect(await run(lagMs(lag, clock), clock, 200, 5_000)).toBeCloseTo(2_000);
		}
		expect(lagMs(() => 0).fallsWhilePaused).toBe(false);
	});

	it('no lag is no delay, though nothing was ever handled', () => {
		expect(lagSeconds(() => 0, manualClock()).read()).toBe(0);
	});

	it('a lag while nothing was ever handled is unknown', async () => {
		const clock = manualClock();
		const signal = lagSeconds(() => 500, clock);
		await clock.advance(500);
		expect(signal.read()).toBeNaN();
	});

	it('an unknown lag is unknown, a throw and a rejection are handed on', async () => {
		const clock = manualClock();
		const unknown = lagSeconds(() => Number.NaN, clock);
		expect(await run(unknown, clock, 100, 2_000)).toBeNaN();
		const failing = lagSeconds(() => Promise.reject(new Error('no broker')), clock);
		await expect(failing.read()).rejects.toThrow('no broker');
		const throwing = lagSeconds(() => {
			throw new Error('no broker');
		}, clock);
		expect(() => throwing.read()).toThrow('no broker');
	});

	it('two reads in the same millisecond agree', async () => {
		const clock = manualClock();
		const signal = lagSeconds(() => 100, clock);
		const first = await run(signal, clock, 10, 1_000);
		expect(signal.read()).toBe(first);
	});

	it('tells a lag that has not moved as before, whatever the rate does, and one that has by the rate at hand', async () => {
		const clock = manualClock();
		let lag = 600;
		const signal = lagSeconds(() => lag, clock);
		const first = await run(signal, clock, 200, 5_000);
		expect(first).toBeCloseTo(3);
		expect(await run(signal, clock, 100, 20_000)).toBe(first);
		lag = 601;
		expect(await run(signal, clock, 100, 500)).toBeCloseTo(6.01, 1);
	});

	it('is unknown on the recommended ladder when its sensor is stuck, though the rate moves, and holds nothing back (R5)', async () => {
		const clock = manualClock();
		let lag = 0;
		const shedder = createLoadShedder({
			ladder: recommendedLadder({ sloMs: 10_000 }),
			signals: { ageMs: () => 0, lagMs: lagMs(() => lag, clock), heap: () => 0.4 },
			priorityOf: () => 'critical' as const,
			clock,
		});
		shedder.on('failed', () => {});
		const handle = shedder.wrap(() => {});
		shedder.start();
		const seconds = async (count: number) => {
			for (let i = 0; i < 10 * count; i++) {
				for (let n = 0; n < 15 + (i % 11); n++) await handle({});
				await clock.advance(100);
			}
		};
		await seconds(10);
		lag = 60_000;
		await seconds(20);
		expect(shedder.level).toBe('AGGRESSIVE');
		await seconds(15);
		expect(shedder.stats().signals.find(({ name }) => name === 'lagMs')?.unknownMs).toBeGreaterThan(0);
		await seconds(60 + 60);
		expect(shedder.level).toBe('NORMAL');
		await shedder.stop();
	});

	it('cannot fall while intake is paused, whatever its lag says: what it divides by is 0 then (R8)', () => {
		const clock = manualClock();
		expect(lagSeconds(() => 1, clock).fallsWhilePaused).toBe(false);
		expect(lagSeconds({ read: () => 1, fallsWhilePaused: false }, clock).fallsWhilePaused).toBe(false);
	});

	it('closes the lag it wraps', () => {
		const close = vi.fn();
		const source: SignalSource = { read: () => 1, close };
		lagSeconds(source, manualClock()).close?.();
		expect(close).toHaveBeenCalledTimes(1);
	});

	it('counts everything that leaves the queue: what is spilled and dropped is handled too', async () => {
		const ladder = defineLadder({
			priorities: { protected: 'critical', sheddable: ['normal', 'low'] },
			signals: { lagS: { recoverBelow: 0.5 } },
			levels: [{ name: 'NORMAL' }, { name: 'HARD', enterAt: { lagS: 5 }, shed: { normal: 'spill', low: 'drop' } }],
			cooldownMs: 10_000,
		});
		const clock = manualClock();
		const shedder = createLoadShedder({
			ladder,
			signals: { lagS: lagSeconds(() => 1_000, clock) },
			priorityOf: (priority: 'critical' | 'normal' | 'low') => priority,
			spill: memorySpill(),
			clock,
		});
		shedder.override({ level: 'HARD', ttlMs: 3_600_000, reason: 'test' });
		const handle = shedder.wrap(() => {});
		shedder.start();
		for (let i = 0; i < 300; i++) {
			await handle('critical');
			await handle('normal');
			await handle('normal');
			await handle('low');
			await clock.advance(100);
		}
		// 40 a second leave the queue.
		expect(shedder.stats().signals[0]?.value).toBeCloseTo(25, 0);
		await shedder.stop();
	});
});
