import { describe, expect, it } from 'vitest';
import { defineLadder, type Ladder, type LadderSpec, marketDataLadder, recommendedLadder } from '../../src/index.js';
import { simulateSignals, suggestThresholds, type Trace } from '../../src/simulate/index.js';
import { atLeast, fc } from '../support/property.js';

const spec = {
	priorities: { protected: 'critical', sheddable: ['normal'] },
	features: ['enrichment'],
	signals: { lag: { recoverBelow: 0.5, fallsWhilePaused: false } },
	levels: [
		{ name: 'NORMAL' },
		{ name: 'LEAN', enterAt: { lag: 10 }, disable: ['enrichment'] },
		{ name: 'ESSENTIAL', enterAt: { lag: 50 }, shed: { normal: 'spill' } },
		{ name: 'PAUSE', enterAt: { lag: 500 }, intake: 'paused' },
	],
	cooldownMs: 1_000,
	probe: { afterMs: 1_000, forMs: 1_000 },
} satisfies LadderSpec<string, 'lag', string, string, string>;
const ladder = defineLadder(spec);

/** A point each 15 s. */
function lag(values: readonly number[], name = 'lag'): Trace {
	return { timesMs: values.map((_, i) => i * 15_000), series: { [name]: values } };
}
const limitsOf = (one: { readonly spec: { readonly levels: readonly { readonly enterAt?: object | undefined }[] } }) =>
	one.spec.levels.flatMap(({ enterAt }) => Object.values(enterAt ?? {}) as number[]);

/** Ordinary time that wobbles between 80 and 120, and one overload up to 4 000. */
const day = Array.from({ length: 2_000 }, (_, i) =>
	i >= 1_500 && i < 1_520 ? 200 * (i - 1_499) : 100 + 20 * Math.sin(i * 1.7),
);

describe('suggestThresholds', () => {
	it('puts the first threshold above ordinary time with its noise, the last shedding one below the worst', () => {
		const { ladder: suggested, fragment, reasons, refused } = suggestThresholds(ladder, lag(day));
		const [lean = 0, essential = 0, pause = 0] = limitsOf(suggested);
		expect(lean).toBeGreaterThan(120 + 30);
		expect(lean).toBeLessThan(240);
		expect(essential).toBeGreaterThan(lean * 2);
		expect(essential).toBeLessThan(4_000);
		expect(pause).toBeGreaterThanOrEqual(8_000);
		expect(fragment.levels).toEqual([
			{ name: 'LEAN', enterAt: { lag: lean } },
			{ name: 'ESSENTIAL', enterAt: { lag: essential } },
			{ name: 'PAUSE', enterAt: { lag: pause } },
		]);
		expect(reasons).toHaveLength(5);
		expect(reasons[0]).toMatch(
			/^LEAN lag \d+: above the 99 % quantile of ordinary time, 120 \(median 100\), and twice the noise/,
		);
		expect(refused).toEqual([]);
	});

	it('proposes what is degraded in the overload only', () => {
		const trace = lag(day);
		const before = simulateSignals(ladder, trace);
		const after = simulateSignals(suggestThresholds(ladder, trace).ladder, trace);
		expect(before.timeInLevelMs.NORMAL).toBe(0);
		expect(after.flaps).toBe(0);
		expect(after.transitions[0]?.atMs).toBeGreaterThan(1_499 * 15_000);
		expect(after.endLevel).toBe('NORMAL');
	});

	it('never moves in ordinary time, whatever it looks like', () => {
		fc.assert(
			fc.property(
				fc.integer({ min: 1, max: 1e6 }),
				fc.double({ min: 0.01, max: 0.5, noNaN: true }),
				fc.infiniteStream(fc.double({ min: -1, max: 1, noNaN: true })),
				(middle, swing, stream) => {
					const values: number[] = [];
					for (const wobble of stream) if (values.push(middle * (1 + swing * wobble)) === 400) break;
					if (new Set(values).size < 50) return;
					const { ladder: suggested, fragment } = suggestThresholds(ladder, lag(values));
					const [first = 0] = limitsOf(suggested);
					atLeast(first, [...values].sort((a, b) => a - b)[395] as number);
					// Noise of ordinary time does not reach from the release threshold to the threshold.
					atLeast(1, fragment.signals.lag?.recoverBelow ?? 2);
				},
			),
		);
	});

	it('takes a cooldown that is longer than the swing around the threshold', () => {
		// Every 2 minutes the overload is back.
		const swinging = Array.from({ length: 2_000 }, (_, i) =>
			i > 1_000 && i % 8 < 3 ? 3_000 : 100 + 20 * Math.sin(i * 1.7),
		);
		const { ladder: suggested, reasons } = suggestThresholds(ladder, lag(swinging));
		expect(suggested.spec.cooldownMs).toBe(95_000);
		expect(reasons.at(-1)).toBe(
			'cooldownMs 95000: a quarter longer than a signal stays calm between two swings around its first threshold, 75 s.',
		);
		expect(simulateSignals(suggested, lag(swinging)).flaps).toBe(0);
	});

	it('takes the promise where it is given: shares of the SLO, for a lag as messages', () => {
		const { ladder: suggested, reasons } = suggestThresholds(
			ladder,
			{ timesMs: [0, 1], series: { rate: [1, 1] } },
			{ sloMs: 10_000, capacityPerS: 500 },
		);
		expect(limitsOf(suggested)).toEqual([900, 1_300, 2_600]);
		expect(reasons[0]).toBe('LEAN lag 900: 0.18 of what 500 messages per second drain within the SLO of 10 s, 5000.');
	});

	it('gives a delay the shares of the recommended ladder, and gradual treatment its cooldown', () => {
		const recommended = recommendedLadder({ sloMs: 100_000 }) as unknown as Ladder;
		const { ladder: suggested } = suggestThresholds(
			recommended,
			{ timesMs: [0, 1], series: { rate: [1, 1] } },
			{ sloMs: 100_000 },
		);
		const timesOf = ({ spec }: Ladder) => spec.levels.map(({ enterAt }) => [enterAt?.ageMs, enterAt?.lagMs]);
		expect(timesOf(suggested)).toEqual(timesOf(recommended));
		expect(suggested.spec.cooldownMs).toBe(recommended.spec.cooldownMs);
	});

	it('takes a lag off the level that pauses intake, where something else pauses it', () => {
		const { ladder: suggested, reasons } = suggestThresholds(
			marketDataLadder,
			{ timesMs: [0, 1], series: { rate: [1, 1] } },
			{ sloMs: 10_000, capacityPerS: 20_000 },
		);
		expect(suggested.spec.levels.at(-1)?.enterAt).toEqual({ heap: 0.95 });
		expect(reasons.join('\n')).toContain(
			'CIRCUIT_BREAK without lag: being late is no reason to stop reading, and heap pauses',
		);
	});

	it('says when the promise cannot be kept on an ordinary day', () => {
		const message = 'lag: ordinary time reaches 180, more than 0.43 of what 10 messages per second drain';
		expect(() => suggestThresholds(ladder, lag(day), { sloMs: 1_000, capacityPerS: 10 })).toThrow(message);
	});

	it('moves only the first threshold of a ratio: the others guard the process', () => {
		const heap = Array.from({ length: 500 }, (_, i) => 0.62 + 0.06 * Math.sin(i / 20));
		const { ladder: suggested, refused } = suggestThresholds(marketDataLadder, lag(heap, 'heap'));
		const limits = suggested.spec.levels.flatMap(({ enterAt }) => enterAt?.heap ?? []);
		expect(limits[0]).toBeGreaterThan(0.68);
		expect(limits.slice(1)).toEqual([0.8, 0.9, 0.95]);
		expect(refused).toEqual(['lag: it is not in the recording']);
	});

	it('leaves a ratio alone that is well placed', () => {
		const heap = Array.from({ length: 500 }, (_, i) => 0.4 + 0.08 * Math.sin(i / 20));
		const message = 'heap: it is well placed: ordinary time ends at 0.48, below its release threshold 0.63';
		expect(() => suggestThresholds(marketDataLadder, lag(heap, 'heap'))).toThrow(message);
	});

	it('refuses a ratio that leaves no room below the second level', () => {
		const heap = Array.from({ length: 500 }, (_, i) => 0.7 + 0.08 * Math.sin(i / 20));
		const message =
			'heap: above ordinary time and its noise the first threshold would be 0.86, beyond that of GRACEFUL';
		expect(() => suggestThresholds(marketDataLadder, lag(heap, 'heap'))).toThrow(message);
	});

	it.each([
		['too short', [1, 2, 3], 'lag: 3 points in 30 s are too few; record at least 120 in 10 min, better a week'],
		['that never moves', new Array<number>(500).fill(3), 'lag: it never moves: it is 3 all the time'],
		['of another signal', null, 'lag: it is not in the recording'],
	])('refuses a recording %s, with the reason', (_, values, message) => {
		expect(() => suggestThresholds(ladder, values ? lag(values) : lag(day, 'cpu'))).toThrow(message);
	});

	it('refuses an SLO that is none', () => {
		expect(() => suggestThresholds(ladder, lag(day), { sloMs: 0 })).toThrow('sloMs: 0 must be a finite number above 0');
	});
});
