import { describe, expect, test } from 'vitest';
import { demandOf } from '../../src/core/hysteresis.js';
import { defineLadder } from '../../src/core/ladder.js';
import type { LadderState, Sample } from '../../src/core/state.js';
import { step } from '../../src/core/step.js';
import { BAD, ladderSpecs, samplesOf, scripts } from '../support/arbitraries.js';
import { atLeast, fc, runs, same } from '../support/property.js';
import { last, run, steps } from '../support/run.js';
import type { Spec } from '../support/spec.js';
import { at, small } from '../support/story.js';

const { NaN: unknown } = Number;

/** The levels that a story goes through. */
const levels = (spec: Spec, samples: readonly Sample[]) =>
	steps(defineLadder(spec), samples).map(({ after }) => after.level);

/** The small ladder, with a policy for its lag. */
const withLag = (policy: Partial<Spec['signals'][string]>): Spec => ({
	...small,
	signals: { lag: { ...small.signals.lag, ...policy }, heap: small.signals.heap },
});

describe('R5: unknown', () => {
	test('R5: NaN, Infinity, a negative number, nothing and other nonsense are one and the same bad reading', () => {
		const nonsense = [...BAD, undefined, null, '5', {}, true] as unknown as readonly number[];
		fc.assert(
			fc.property(ladderSpecs(), scripts, fc.constantFrom(...nonsense), fc.nat(3), (spec, script, bad, s) => {
				const ladder = defineLadder(spec);
				const signal = ladder.signals[s % ladder.signals.length] as string;
				const spoilt = (reading: number) =>
					steps(
						ladder,
						samplesOf(spec, script).map((sample, i) =>
							i % 2 ? sample : { ...sample, readings: { ...sample.readings, [signal]: reading } },
						),
					);
				same(
					spoilt(bad).map(({ step: taken }) => taken),
					spoilt(unknown).map(({ step: taken }) => taken),
				);
			}),
			runs(0.3),
		);
	});

	test('R5: is never healthy: no rung is left while a signal of it is unknown and not stale', () => {
		fc.assert(
			fc.property(ladderSpecs(), scripts, (spec, script) => {
				for (const { before, after, expected } of run(spec, samplesOf(spec, script))) {
					for (let rung = before.automatic; rung > after.automatic; rung--) same(expected.verdicts[rung], 'calm');
				}
			}),
		);
	});

	test('R5: never masks another signal', () => {
		fc.assert(
			fc.property(ladderSpecs({ plain: true, probe: false }), scripts, (spec, script) => {
				const ladder = defineLadder(spec);
				for (const { sample, before, step: taken, after } of steps(
					ladder,
					samplesOf(spec, script, { replay: false }),
				)) {
					const demand = demandOf(ladder, sample.readings);
					same(taken.demand, ladder.levels[demand]);
					if (demand > before.automatic) atLeast(after.automatic, before.automatic + 1);
				}
			}),
			runs(0.5),
		);
	});

	test('R5: by itself neither escalates nor recovers, and does not relax the severity', () => {
		fc.assert(
			fc.property(
				ladderSpecs({ plain: true, probe: false }),
				scripts,
				fc.integer({ min: 1, max: 20 }),
				(spec, script, count) => {
					const ladder = defineLadder(spec);
					const { after, step: taken } = last(steps(ladder, samplesOf(spec, script)));
					const blind = Object.fromEntries(ladder.signals.map((signal) => [signal, unknown]));
					let state: LadderState = after;
					for (let i = 1; i <= count; i++) {
						const next = step(ladder, state, { atMs: after.atMs + i * 500, readings: blind });
						same(next.state.automatic, after.automatic);
						same(next.severity, taken.severity);
						state = next.state;
					}
				},
			),
		);
	});

	test('R5: freezes the calm: the time does not count, and what counted before still does', () => {
		fc.assert(
			fc.property(
				ladderSpecs({ plain: true, probe: false, guard: false }),
				fc.integer({ min: 1, max: 30 }),
				fc.integer({ min: 1, max: 20 }),
				fc.integer({ min: 0, max: 3 }),
				(given, calmFor, blindFor, s) => {
					const spec = {
						...given,
						cooldownMs: 4_000,
						levels: given.levels.map((level) => ({ ...level, cooldownMs: undefined })),
						maxGapMs: undefined,
					};
					const ladder = defineLadder(spec);
					const readings = (value: number) => Object.fromEntries(ladder.signals.map((signal) => [signal, value]));
					const climb = ladder.levels.map((): Sample => ({ atMs: 0, readings: readings(1e300) }));
					const signal = ladder.signals[s % ladder.signals.length] as string;
					if (spec.levels.at(-1)?.enterAt?.[signal] === undefined) return;
					const recoveredAt = (blindTimes: number) => {
						const samples = Array.from({ length: 80 }, (_, i): Sample => {
							const blind = i >= calmFor && i < calmFor + blindTimes;
							return { atMs: (i + 1) * 100, readings: { ...readings(0), ...(blind ? { [signal]: unknown } : {}) } };
						});
						const turns = steps(ladder, [...climb, ...samples]).slice(climb.length);
						return turns.findIndex(({ after, before }) => after.automatic < before.automatic);
					};
					same(recoveredAt(0), 40);
					// Each of the blind samples spoils the interval before it; the last one also that behind it.
					same(recoveredAt(blindFor), 40 + blindFor + 1);
				},
			),
			runs(0.2),
		);
	});

	test('R5: a signal is unknown until its first good reading', () => {
		const spec: Spec = small;
		const ladder = defineLadder(spec);
		const first = step(ladder, last(steps(ladder, [at(0, 10, unknown)])).after, at(10_000, 0, unknown));
		expect(first.holds).toEqual([
			{ reason: 'cooldown', untilMs: 11_000 },
			{ reason: 'unknown', signal: 'heap' },
		]);
		expect(
			levels(small, [
				at(0, 10, unknown),
				at(1, 0, unknown),
				at(5_000, 0, unknown),
				at(5_001, 0, 0),
				at(6_000, 0, 0),
				at(6_001, 0, 0),
			]),
		).toEqual([1, 1, 1, 1, 1, 0]);
	});

	test('R5: a signal without a threshold on a rung does not keep it', () => {
		const spec = {
			...small,
			levels: small.levels.map((level, i) => (i === 3 ? { name: 'LAST', enterAt: { heap: 0.9 } } : level)),
		};
		expect(
			levels(spec, [at(0, 0, 0.9), at(0, 0, 0.9), at(0, 0, 0.9), at(1, unknown, 0), at(1_001, unknown, 0)]),
		).toEqual([1, 2, 3, 3, 2]);
	});
});

describe('R5: bridged', () => {
	test('R5: a bad reading is bridged by the last good one until that is older than maxAgeMs', () => {
		const spec = withLag({ maxAgeMs: 500 });
		expect(levels(spec, [at(0, 10), at(500, unknown), at(1_000, 0), at(2_000, 0)])).toEqual([1, 1, 1, 0]);
		// Bridged, the high reading climbs on; a millisecond later it is unknown and does not.
		expect(levels(spec, [at(0, 30), at(500, unknown), at(501, unknown), at(502, 30)])).toEqual([1, 2, 2, 3]);
		// A bridged calm counts as calm, an unknown one does not.
		expect(levels(spec, [at(0, 10), at(1, 0), at(501, unknown), at(1_001, 0)])).toEqual([1, 1, 1, 0]);
		expect(levels(spec, [at(0, 10), at(1, 0), at(502, unknown), at(1_001, 0), at(2_000, 0), at(2_001, 0)])).toEqual([
			1, 1, 1, 1, 1, 0,
		]);
	});

	test('R5: nothing is bridged by default, nor by a reading that never came', () => {
		expect(levels(small, [at(0, 30), at(0, unknown)])).toEqual([1, 1]);
		expect(
			levels(withLag({ maxAgeMs: 500 }), [
				at(0, unknown, 0.5),
				at(0, 0, 0.5),
				at(1, unknown, 0),
				at(1_001, unknown, 0),
			]),
		).toEqual([1, 1, 1, 1]);
	});
});

describe('R5: stale', () => {
	const blind = (spec: Spec, untilMs: number) => {
		const samples = [
			at(0, 20),
			at(0, 20),
			...Array.from({ length: untilMs / 500 }, (_, i) => at((i + 1) * 500, unknown)),
		];
		return steps(defineLadder(spec), samples);
	};

	test('R5: unknown for longer than staleAfterMs breaks the calm', () => {
		const ladder = defineLadder(withLag({ staleAfterMs: 1_000 }));
		const turns = steps(ladder, [
			at(0, 10),
			at(1, 0),
			at(500, 0),
			at(600, unknown),
			at(1_600, unknown),
			at(1_601, unknown),
			at(1_602, 0),
		]);
		expect(turns.map(({ after }) => after.calmMs[1])).toEqual([null, 0, 499, 499, 499, 0, 1]);
	});

	test('R5: ignored by default: the others decide', () => {
		const left = blind(withLag({ staleAfterMs: 1_000 }), 5_000).find(({ after }) => after.level === 0);
		// Unknown since 500, stale at 2 000, and then a cooldown.
		expect(left?.sample.atMs).toBe(3_000);
		expect(left?.step.transition?.why).toBe('recovered');
		expect(blind(small, 61_500).find(({ after }) => after.level === 0)?.sample.atMs).toBeUndefined();
		expect(blind(small, 62_000).find(({ after }) => after.level === 0)?.sample.atMs).toBe(62_000);
	});

	test('R5: when no signal is left, the level holds', () => {
		const policy = { recoverBelow: 0.5, staleAfterMs: 1_000 };
		const spec = { ...small, signals: { lag: policy, heap: policy } };
		const samples = [at(0, 20), at(0, 20), ...Array.from({ length: 200 }, (_, i) => at(i * 500, unknown, unknown))];
		expect(levels(spec, samples).at(-1)).toBe(2);
	});

	test("R5: 'hold' never recovers", () => {
		const turns = blind(withLag({ staleAfterMs: 1_000, onStale: 'hold' }), 100_000);
		expect(last(turns).after.level).toBe(2);
		expect(last(turns).step.holds).toContainEqual({ reason: 'unknown', signal: 'lag' });
	});

	test('R5: { atLeast } demands its level, and no more', () => {
		const turns = blind(withLag({ staleAfterMs: 1_000, onStale: { atLeast: 'LAST' } }), 100_000);
		const risen = turns.find(({ after }) => after.level === 3);
		expect(risen?.sample.atMs).toBe(2_000);
		expect(risen?.step.transition).toMatchObject({ why: 'stale', causes: [{ signal: 'lag', reading: unknown }] });
		expect(last(turns).after.level).toBe(3);
		expect(last(blind(withLag({ staleAfterMs: 1_000, onStale: { atLeast: 'SOFT' } }), 100_000)).after.level).toBe(1);
	});
});

describe('R5: stuck', () => {
	const spec = withLag({ stuckAfterMs: 2_000 });
	const constant = (change: (i: number) => Partial<Sample> = () => ({})) =>
		steps(
			defineLadder(spec),
			Array.from({ length: 12 }, (_, i) => ({ ...at(i * 500, i === 0 ? 10 : 3), ...change(i) })),
		);

	test('R5: the same value for stuckAfterMs while traffic moves is unknown', () => {
		const sensors = constant().map(({ after }) => after.sensors[0]?.unknownMs);
		expect(sensors).toEqual([...Array<null>(5).fill(null), 0, 500, 1_000, 1_500, 2_000, 2_500, 3_000]);
	});

	test('R5: without traffic a reading may well stay the same', () => {
		expect(constant(() => ({ trafficMoves: false })).every(({ after }) => after.sensors[0]?.unknownMs === null)).toBe(
			true,
		);
	});

	test('R5: a queue that is kept up with reads 0 all the time, and is not stuck', () => {
		const empty = constant((i) => ({ readings: { lag: i === 0 ? 10 : 0, heap: 0 } }));
		expect(empty.every(({ after }) => after.sensors[0]?.unknownMs === null)).toBe(true);
	});

	test('R5: an assignment begins the time anew, also that of a signal that was stuck', () => {
		const sensors = constant((i) => ({ assignedAnew: i === 3 || i === 9 })).map(({ after }) => after.sensors[0]);
		expect(sensors.map((sensor) => sensor?.sameMs)).toEqual([
			...[0, 0, 500, 0, 500, 1_000, 1_500, 2_000, 2_500],
			...[0, 500, 1_000],
		]);
		expect(sensors.map((sensor) => sensor?.unknownMs)).toEqual([
			...Array<null>(7).fill(null),
			...[0, 500],
			...Array<null>(3).fill(null),
		]);
	});

	test('R5: any other value sets it going again', () => {
		const moved = constant((i) => (i === 8 ? { readings: { lag: 3.5, heap: 0 } } : {}));
		expect(moved[7]?.after.sensors[0]?.unknownMs).toBe(1_000);
		expect(moved[8]?.after.sensors[0]?.unknownMs).toBeNull();
	});
});
