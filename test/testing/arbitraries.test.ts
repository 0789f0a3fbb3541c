import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
	defineLadder,
	defineTiers,
	demandOf,
	initialState,
	marketDataLadder,
	releaseAt,
	type Sample,
	step,
} from '../../src/index.js';
import { type Arbitrary, arbitraries } from '../../src/testing/index.js';

const { readingsOf, elapsedOf, samplesOf, ladderSpecs, tiersSpecs } = arbitraries(fc);

/** The same values every time. */
const drawn = <T>(arbitrary: Arbitrary<T>, numRuns = 3_000): T[] => fc.sample(arbitrary, { numRuns, seed: 1 });

/** With more signals than a ladder of {@link ladderSpecs} has, some of which do not matter everywhere. */
const wide = defineLadder({
	priorities: { protected: 'critical', sheddable: ['low'] },
	signals: Object.fromEntries(['a', 'b', 'c', 'd', 'e', 'f'].map((name) => [name, { recoverBelow: 0.5 }])),
	levels: [{ name: 'NORMAL' }, { name: 'LEAN', enterAt: { f: 10 } }],
	cooldownMs: 1_000,
});

describe('readings', () => {
	it('are at and around each threshold and each release threshold, and some are none', () => {
		const lags = new Set(drawn(readingsOf(marketDataLadder)).map(({ lag }) => lag));
		for (const limit of [100_000, 500_000, 1_000_000, 5_000_000])
			for (const edge of [limit, limit / 2])
				for (const reading of [edge - 1, edge, edge + 1]) expect(lags).toContain(reading);
		for (const none of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1])
			expect(lags.has(none), String(none)).toBe(true);
		expect(lags).toContain(0);
	});

	it('are in the unit of their signal: the next number counts where the next whole one is far away', () => {
		const heaps = drawn(readingsOf(marketDataLadder, { bad: false })).map(({ heap }) => heap);
		expect(heaps.filter((heap) => heap < 0.9 && heap > 0.899_999)).not.toEqual([]);
		expect(heaps.filter((heap) => heap > 0.9 && heap < 0.900_001)).not.toEqual([]);
	});

	it('are all readings when bad ones are left out', () => {
		for (const { lag, heap } of drawn(readingsOf(marketDataLadder, { bad: false })))
			expect(Number.isFinite(lag) && lag >= 0 && Number.isFinite(heap) && heap >= 0).toBe(true);
	});

	it('reach every level', () => {
		const demands = new Set(
			drawn(readingsOf(marketDataLadder)).map((readings) => demandOf(marketDataLadder, readings)),
		);
		expect([...demands].sort()).toEqual([0, 1, 2, 3, 4]);
	});
});

describe('times', () => {
	it('are 1 ms around each cooldown and each time of the probe', () => {
		const times = new Set(drawn(elapsedOf(marketDataLadder)));
		for (const ms of [30_000, 5_000]) for (const near of [ms - 1, ms, ms + 1]) expect(times).toContain(near);
		expect([...times].filter((ms) => ms <= 0)).not.toEqual([]);
	});

	it('only go forward without odd ones, and leave no gap', () => {
		for (const ms of drawn(elapsedOf(marketDataLadder, { oddTime: false })))
			expect(ms > 0 && ms < 60_000 + 1).toBe(true);
	});
});

describe('runs of samples', () => {
	it('have a reading for every signal, however many there are', () => {
		const samples = drawn(samplesOf(wide), 300).flat();
		for (const { readings } of samples) {
			expect(Object.keys(readings)).toEqual(wide.signals);
			for (const reading of Object.values(readings)) expect(typeof reading).toBe('number');
		}
		expect(samples.some(({ readings }) => readings.f === 10)).toBe(true);
	});

	it('begin at 0 and are 1 to 56 long', () => {
		for (const samples of drawn(samplesOf(marketDataLadder, { oddTime: false }), 300)) {
			expect(samples.length).toBeGreaterThanOrEqual(1);
			expect(samples.length).toBeLessThanOrEqual(56);
			expect(samples[0]?.atMs).toBeGreaterThan(0);
			const times = samples.map(({ atMs }) => atMs);
			expect(times).toEqual([...times].sort((a, b) => a - b));
		}
	});

	it.each<[scope: 'override' | 'replay' | 'utilisation', part: keyof Sample]>([
		['override', 'override'],
		['replay', 'replaying'],
		['utilisation', 'utilisation'],
	])('have no %s when it is left out', (left, part) => {
		const has = (scope: object) =>
			drawn(samplesOf(marketDataLadder, scope), 300).some((run) => run.some((one) => part in one));
		expect(has({})).toBe(true);
		expect(has({ [left]: false })).toBe(false);
	});

	it('find a ladder that is left too early, and make the run short', () => {
		const found = broken((release) => release * 0.99);
		expect(found.failed).toBe(true);
		expect(found.counterexample?.[0].length).toBeLessThanOrEqual(8);
		expect(broken((release) => release).failed, 'what it really promises').toBe(false);
	});

	/** Whether AGGRESSIVE is left while lag is at or above a number. */
	function broken(limit: (release: number) => number) {
		const level = marketDataLadder.levels.indexOf('AGGRESSIVE');
		const least = limit(releaseAt(marketDataLadder, level, 'lag') as number);
		const property = fc.property(samplesOf(marketDataLadder, { override: false }), (samples) => {
			let state = initialState(marketDataLadder, 0);
			for (const sample of samples) {
				const before = state.level;
				state = step(marketDataLadder, state, sample).state;
				const { lag } = sample.readings;
				if (before >= level && lag >= least && Number.isFinite(lag) && state.level < level) return false;
			}
			return true;
		});
		return fc.check(property, { seed: 1, numRuns: 5_000 });
	}
});

describe('definitions', () => {
	it('are ladders that defineLadder accepts, plain ones too, and a ladder of them has samples', () => {
		fc.assert(
			fc.property(
				ladderSpecs({ plain: true }).chain((spec) => fc.tuple(fc.constant(spec), samplesOf(defineLadder(spec)))),
				([spec, samples]) => {
					const ladder = defineLadder(spec);
					let state = initialState(ladder, 0);
					for (const sample of samples) state = step(ladder, state, sample).state;
				},
			),
			{ numRuns: 300 },
		);
	});

	it('are tiers with the priorities of a ladder, of the keys that are asked for', () => {
		const specs = drawn(tiersSpecs(marketDataLadder, ['X', 'Y']), 300);
		for (const spec of specs) {
			defineTiers(spec);
			for (const { priority, keys } of spec.tiers) {
				expect(marketDataLadder.priorities).toContain(priority);
				for (const key of keys) expect(['X', 'Y']).toContain(key);
			}
		}
		expect(new Set(specs.map(({ fallback }) => fallback.priority))).toEqual(new Set(marketDataLadder.priorities));
		expect(drawn(tiersSpecs(marketDataLadder), 50)).not.toEqual([]);
	});
});

it('refuses what is not fast-check', () => {
	expect(() => arbitraries({} as never)).toThrow('fc: an object must be fast-check');
	expect(() => arbitraries(undefined as never)).toThrow('fc: undefined must be fast-check');
});
