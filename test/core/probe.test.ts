import { describe, expect, test } from 'vitest';
import { defineLadder } from '../../src/core/ladder.js';
import { initialState, type LadderState, type Sample } from '../../src/core/state.js';
import { step } from '../../src/core/step.js';
import { marketDataLadder } from '../../src/presets/market-data.js';
import { ladderSpecs, samplesOf, scripts } from '../support/arbitraries.js';
import { atMost, fc, runs, same } from '../support/property.js';
import { last, steps } from '../support/run.js';
import type { Spec } from '../support/spec.js';
import { at } from '../support/story.js';

const { NaN: unknown } = Number;

/** Two levels above the first; the last one pauses intake, and lag cannot fall meanwhile. */
const pausing = {
	priorities: { protected: 'critical', sheddable: ['rest'] },
	signals: { lag: { recoverBelow: 0.5, fallsWhilePaused: false }, heap: { recoverBelow: 0.9 } },
	levels: [
		{ name: 'NORMAL' },
		{ name: 'SHEDDING', enterAt: { lag: 100, heap: 0.5 }, shed: { rest: 'spill' } },
		{ name: 'PAUSED', enterAt: { lag: 1_000, heap: 0.8 }, intake: 'paused' },
	],
	cooldownMs: 3_000,
	backoff: false,
	probe: { afterMs: 10_000, forMs: 2_000 },
} as const satisfies Spec;

const up = [at(0, 1_000), at(0, 1_000)];

/** When intake was closed and opened, in ms. */
const gates = (spec: Spec, samples: readonly Sample[]) =>
	steps(defineLadder(spec), samples).flatMap(({ sample, step: { effects } }) =>
		effects.filter((effect) => effect.endsWith('intake')).map((effect) => `${sample.atMs} ${effect.split('-')[0]}`),
	);

/** A sample every 500 ms. */
const every = (fromMs: number, toMs: number, sample: (atMs: number) => Sample) =>
	Array.from({ length: (toMs - fromMs) / 500 }, (_, i) => sample(fromMs + (i + 1) * 500));

describe('R8', () => {
	test('R8: a paused level that is held only by what cannot fall opens for forMs after afterMs, then waits twice as long', () => {
		const stuck = every(0, 400_000, (atMs) => at(atMs, 1_000));
		expect(gates(pausing, [...up, ...stuck])).toEqual([
			'0 pause',
			...[
				[10_000, 12_000],
				[32_000, 34_000],
				[74_000, 76_000],
				[156_000, 158_000],
				[318_000, 320_000],
			].flatMap(([open, shut]) => [`${open} resume`, `${shut} pause`]),
		]);
	});

	test('R8: the wait doubles up to 300 s', () => {
		const stuck = every(0, 4_000_000, (atMs) => at(atMs, 1_000));
		const opened = gates(pausing, [...up, ...stuck]).filter((gate) => gate.endsWith('resume'));
		const times = opened.map((gate) => Number.parseInt(gate, 10));
		expect(times.map((time, i) => time - (times[i - 1] ?? 0) - (i === 0 ? 0 : 2_000)).slice(0, 8)).toEqual(
			[10, 20, 40, 80, 160, 300, 300, 300].map((s) => s * 1_000),
		);
	});

	test('R8: stays open while what is under test keeps falling by minFall a window, and closes when it does not', () => {
		// 5 % less in each window of two seconds until 20 000, 4 % less in the last one.
		const lagAt = (atMs: number) => 1_000 * 0.95 ** Math.floor((Math.min(atMs, 20_000) - 10_000) / 2_000);
		const closed = every(0, 10_000, (atMs) => at(atMs, 1_000));
		const open = every(10_000, 20_000, (atMs) => at(atMs, lagAt(atMs)));
		const slower = every(20_000, 22_000, (atMs) => at(atMs, lagAt(atMs) * 0.96));
		expect(gates(pausing, [...up, ...closed, ...open, ...slower])).toEqual(['0 pause', '10000 resume', '22000 pause']);
	});

	test('R8: falling counts from the first good reading when it was unknown before', () => {
		const samples = [
			...up,
			...every(0, 10_500, (atMs) => at(atMs, unknown)),
			at(11_000, 900),
			at(12_000, 855),
			at(14_000, 812),
			at(16_000, 812),
		];
		expect(gates(pausing, samples)).toEqual(['0 pause', '10000 resume', '16000 pause']);
	});

	test('R8: stays open while the level is calm, and recovers after its cooldown without a change of intake', () => {
		const turns = steps(defineLadder(pausing), [
			...up,
			...every(0, 10_000, (atMs) => at(atMs, 1_000)),
			...every(10_000, 14_000, (atMs) => at(atMs, 400)),
		]);
		const left = turns.find(({ step: { transition } }) => transition?.direction === 'recover');
		expect(left?.sample.atMs).toBe(13_500);
		expect(left?.step.transition).toMatchObject({ from: 'PAUSED', to: 'SHEDDING' });
		expect(left?.step.effects).not.toContain('resume-intake');
	});

	test('R8: an unknown signal counts as one that cannot fall', () => {
		expect(gates(pausing, [at(0, 0, 0.8), at(0, 0, 0.8), ...every(0, 12_000, (atMs) => at(atMs, 0, unknown))])).toEqual(
			['0 pause', '10000 resume', '12000 pause'],
		);
	});

	test('R8: a level of which nothing can be heard any more is looked at without a probe too: after 30 s, for 5 s', () => {
		const spec: Spec = {
			...pausing,
			signals: { heap: { recoverBelow: 0.9 } },
			levels: [{ name: 'NORMAL' }, { name: 'PAUSED', enterAt: { heap: 0.8 }, intake: 'paused' }],
			probe: undefined,
		};
		const dead = every(0, 100_000, (atMs): Sample => ({ atMs, readings: { heap: unknown } }));
		expect(gates(spec, [{ atMs: 0, readings: { heap: 0.8 } }, ...dead])).toEqual([
			'0 pause',
			...['30000 resume', '35000 pause', '95000 resume', '100000 pause'],
		]);
	});

	test('R8: while a signal that can fall holds the level, nothing is opened', () => {
		expect(gates(pausing, [...up, ...every(0, 100_000, (atMs) => at(atMs, 1_000, 0.75))])).toEqual(['0 pause']);
	});

	test('R8: closes at once when a signal that can fall demands the level, and does not wait longer for it', () => {
		const samples = [
			...up,
			...every(0, 10_500, (atMs) => at(atMs, 1_000)),
			at(11_000, 1_000, 0.8),
			...every(11_000, 21_000, (atMs) => at(atMs, 1_000)),
		];
		expect(gates(pausing, samples)).toEqual(['0 pause', '10000 resume', '11000 pause', '21000 resume']);
	});

	test('R8: the demand of the signals under test is ignored while it lasts, and only theirs', () => {
		const spec = { ...pausing, levels: [...pausing.levels, { name: 'TOP', enterAt: { lag: 5_000, heap: 0.95 } }] };
		const open = [...up, ...every(0, 10_000, (atMs) => at(atMs, 1_000))];
		const top = (lag: number, heap: number, halfway = 0) =>
			steps(defineLadder(spec), [...open, at(10_500, 1_000, halfway), at(11_000, lag, heap)]).at(-1);
		expect(top(5_000, 0)?.after).toMatchObject({ level: 2, probing: true });
		expect(top(1_000, 0.95)?.after).toMatchObject({ level: 3, probing: false });
		// Heap between its release threshold and its threshold is not under test: it can fall.
		expect(top(1_000, 0.95, 0.75)?.after).toMatchObject({ level: 3, probing: false });
		expect(top(1_000, 0.8, 0.75)?.step.demand).toBe('PAUSED');
	});

	test('R8: a stale signal that demands the level without a threshold on it is not taken for one that fell', () => {
		const spec = {
			...pausing,
			signals: { ...pausing.signals, feed: { recoverBelow: 0.5, staleAfterMs: 1_000, onStale: { atLeast: 'PAUSED' } } },
			levels: pausing.levels.map((level) =>
				level.name === 'SHEDDING' ? { ...level, enterAt: { ...level.enterAt, feed: 10 } } : level,
			),
		} as const satisfies Spec;
		const samples = every(0, 50_000, (atMs) => ({ atMs, readings: { lag: 0, heap: 0, feed: unknown } }));
		expect(gates(spec, samples)).toEqual(['2000 pause', '12000 resume', '14000 pause', '34000 resume', '36000 pause']);
	});

	describe('R6: flaps lengthen the cooldown of a level, and not the pause of intake', () => {
		/** Only memory pauses intake; it has flapped once, so the cooldown is twice as long. */
		const flapping = {
			...pausing,
			signals: { heap: { recoverBelow: 0.9 } },
			levels: [{ name: 'NORMAL' }, { name: 'PAUSED', enterAt: { heap: 0.8 }, intake: 'paused' }],
			backoff: {},
		} as const satisfies Spec;
		const heap = (atMs: number, value: number): Sample => ({ atMs, readings: { heap: value } });
		/** Paused, recovered after 3 s, paused again. */
		const flapped = [heap(0, 0.8), heap(500, 0), heap(3_500, 0), heap(4_000, 0.8), heap(4_500, 0)];
		const begun = ['0 pause', '3500 resume', '4000 pause'];

		test('R6: it opens after the level’s own cooldown, whether there is a probe or not', () => {
			for (const probe of [pausing.probe, undefined]) {
				const samples = [...flapped, ...every(4_500, 11_000, (atMs) => heap(atMs, 0))];
				const spec: Spec = { ...flapping, probe };
				expect(gates(spec, samples)).toEqual([...begun, '7500 resume']);
				const left = steps(defineLadder(spec), samples).findLast(({ step: { transition } }) => transition !== null);
				expect(left?.sample.atMs).toBe(10_500);
			}
		});

		test('R6: it stays open until memory asks for the pause again, which is no flap', () => {
			const samples = [
				...flapped,
				...every(4_500, 7_500, (atMs) => heap(atMs, 0)),
				...every(7_500, 60_000, (atMs) => heap(atMs, 0.79)),
				heap(60_500, 0.8),
				...every(60_500, 64_500, (atMs) => heap(atMs, 0)),
			];
			expect(gates(flapping, samples)).toEqual([...begun, '7500 resume', '60500 pause', '64000 resume']);
			expect(last(steps(defineLadder(flapping), samples)).after).toMatchObject({ level: 1, backoff: { flaps: 1 } });
		});

		test('R6: memory that cannot be heard any more closes it after a window', () => {
			const samples = [
				...flapped,
				...every(4_500, 8_000, (atMs) => heap(atMs, 0)),
				...every(8_000, 12_000, (atMs) => heap(atMs, unknown)),
			];
			expect(gates(flapping, samples)).toEqual([...begun, '7500 resume', '9500 pause']);
		});
	});

	test('R8: probing is no level change and no flap', () => {
		fc.assert(
			fc.property(ladderSpecs(), scripts, (spec, script) => {
				for (const { before, step: taken, after } of steps(defineLadder(spec), samplesOf(spec, script))) {
					if (before.probing === after.probing) continue;
					if (before.level === after.level) same(taken.transition, null);
					if (before.automatic === after.automatic) same(after.backoff.flaps, before.backoff.flaps);
				}
			}),
			runs(0.5),
		);
	});

	test('R8: intake is open for a look only where the level pauses, and changes by effects alone', () => {
		fc.assert(
			fc.property(ladderSpecs(), scripts, (spec, script) => {
				const pauses = (level: number) => spec.levels.slice(0, level + 1).some(({ intake }) => intake === 'paused');
				const closed = ({ level, probing }: LadderState) => pauses(level) && !probing;
				for (const {
					before,
					after,
					step: { effects },
				} of steps(defineLadder(spec), samplesOf(spec, script))) {
					if (after.probing) same(pauses(after.level), true);
					same(effects.includes('pause-intake'), closed(after) && !closed(before));
					same(effects.includes('resume-intake'), closed(before) && !closed(after));
					same(effects.includes('stop-replay'), before.replay && !after.replay);
					same(effects.includes('start-replay'), after.replay && !before.replay);
					const order = ['stop-replay', 'pause-intake', 'resume-intake', 'start-replay'];
					same(
						[...effects].sort((a, b) => order.indexOf(a) - order.indexOf(b)),
						effects,
					);
				}
			}),
		);
	});

	test('R8: broker lag that falls only while intake is open never deadlocks the preset', () => {
		fc.assert(
			fc.property(
				fc.integer({ min: 5_000_000, max: 80_000_000 }),
				fc.double({ min: 0.86, max: 0.98, noNaN: true }),
				fc.boolean(),
				(start, keepsPerS, silent) => {
					let state = initialState(marketDataLadder, 0);
					let lag = start;
					let unchecked = 0;
					for (let atMs = 0; state.level > 0 || atMs < 10_000; atMs += 500) {
						const paused = state.level === 4 && !state.probing;
						if (!paused) lag *= Math.sqrt(keepsPerS);
						// Push-style lag goes silent while nothing is delivered.
						state = step(marketDataLadder, state, {
							atMs,
							readings: { lag: silent && paused ? unknown : lag, heap: 0.3 },
						}).state;
						atMost(++unchecked, 20_000);
					}
				},
			),
			runs(0.05),
		);
	});

	test('R8: the hold says when the next look begins and when it ends', () => {
		const turns = steps(defineLadder(pausing), [...up, ...every(0, 11_000, (atMs) => at(atMs, 1_000))]);
		const holdAt = (atMs: number) =>
			turns.findLast(({ sample }) => sample.atMs === atMs)?.step.holds.find(({ reason }) => reason === 'probe')
				?.untilMs;
		expect([holdAt(0), holdAt(5_000), holdAt(10_000), holdAt(10_500)]).toEqual([10_000, 10_000, 12_000, 12_000]);
		expect(last(turns).after.probing).toBe(true);
	});
});
