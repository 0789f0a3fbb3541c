import { describe, expect, test } from 'vitest';
import { advanceBackoff, noBackoff } from '../../src/core/backoff.js';
import { type LoadEstimate, learn, noEstimate, predictUtilisation, withCapacity } from '../../src/core/estimate.js';
import { isCalm, releaseAt } from '../../src/core/hysteresis.js';
import { compiled, defineLadder, type Ladder } from '../../src/core/ladder.js';
import { initialState, type LadderState, type Sample } from '../../src/core/state.js';
import { step } from '../../src/core/step.js';
import { ladderSpecs, samplesOf, scripts } from '../support/arbitraries.js';
import { atLeast, atMost, fc, runs, same } from '../support/property.js';
import { last, run, steps, type Turn } from '../support/run.js';
import type { Spec } from '../support/spec.js';
import { at, small } from '../support/story.js';

const all = (ladder: Ladder, reading: number) => Object.fromEntries(ladder.signals.map((signal) => [signal, reading]));

/** A ladder that has just climbed to its last level; the clock stands at 0. */
function atTheTop(ladder: Ladder): LadderState {
	return last(
		steps(
			ladder,
			ladder.levels.map(() => ({ atMs: 0, readings: all(ladder, 1e300) })),
		),
	).after;
}

/** Goes on from a state, and tells when the level below was reached. */
function nextRecovery(
	ladder: Ladder,
	before: LadderState,
	samples: Iterable<Sample>,
): { readonly atMs: number; readonly state: LadderState } | null {
	let state = before;
	for (const sample of samples) {
		state = step(ladder, state, sample).state;
		if (state.automatic < before.automatic) return { atMs: sample.atMs, state };
	}
	return null;
}

/** For how long a rung has been calm without a break, judged by the raw readings; time with an unknown one does not count. */
function calmBefore(
	spec: Spec,
	ladder: Ladder,
	turns: readonly Pick<Turn, 'sample' | 'elapsedMs'>[],
	now: number,
	rung: number,
): number {
	const readings = (i: number) => turns[i]?.sample.readings ?? {};
	const loud = (i: number) =>
		ladder.signals.some(
			(signal) =>
				(readings(i)[signal] as number) < 1e308 &&
				(readings(i)[signal] as number) >= (releaseAt(ladder, rung, signal) ?? Number.NaN),
		);
	let calmMs = 0;
	for (let i = now; i > 0; i--) {
		const { elapsedMs } = turns[i] as (typeof turns)[number];
		if (elapsedMs > (spec.maxGapMs ?? 60_000) || loud(i) || loud(i - 1)) break;
		if (isCalm(ladder, rung, readings(i)) && isCalm(ladder, rung, readings(i - 1))) calmMs += elapsedMs;
	}
	return calmMs;
}

describe('R4', () => {
	test('R4: recovers only after an unbroken cooldown below every release threshold', () => {
		fc.assert(
			fc.property(ladderSpecs({ plain: true }), scripts, (spec, script) => {
				const ladder = defineLadder(spec);
				const turns = steps(ladder, samplesOf(spec, script));
				turns.forEach(({ before, after, sample }, now) => {
					for (let rung = before.automatic; rung > after.automatic; rung--) {
						same(isCalm(ladder, rung, sample.readings), true);
						atLeast(calmBefore(spec, ladder, turns, now, rung), spec.levels[rung]?.cooldownMs ?? spec.cooldownMs);
					}
				});
			}),
		);
	});

	test('R4: recovers to the lowest level above which every rung has been calm that long, at once or level by level', () => {
		fc.assert(
			fc.property(ladderSpecs({ guard: false }), scripts, (spec, script) => {
				for (const { before, after, expected } of run(spec, samplesOf(spec, script))) {
					if (after.automatic > before.automatic || expected.demand > before.automatic) continue;
					same(
						after.automatic,
						spec.recovery === 'step' ? Math.max(expected.earned, before.automatic - 1) : expected.earned,
					);
				}
			}),
		);
	});

	test('R4: a calm ladder recovers at the millisecond that its cooldown hold names', () => {
		fc.assert(
			fc.property(ladderSpecs({ plain: true, guard: false }), fc.integer({ min: 1, max: 40 }), (spec, count) => {
				const ladder = defineLadder(spec);
				const longest = Math.max(...spec.levels.map((level) => level.cooldownMs ?? spec.cooldownMs));
				const top = atTheTop(ladder);
				const first = step(ladder, top, { atMs: 1, readings: all(ladder, 0) });
				const hold = first.holds.find(({ reason }) => reason === 'cooldown');
				if (first.state.automatic < top.automatic) return;
				const untilMs = hold?.untilMs as number;
				atMost(untilMs, 1 + longest);
				const everyMs = Math.min((untilMs - 1) / count, spec.maxGapMs ?? 60_000);
				const before = Array.from({ length: count }, (_, i) => 1 + everyMs * i).filter((atMs) => atMs < untilMs);
				const times = [...before, untilMs - 1, untilMs].map((atMs) => ({ atMs, readings: all(ladder, 0) }));
				same(nextRecovery(ladder, first.state, times)?.atMs, untilMs);
			}),
			runs(0.5),
		);
	});

	test('R4: each rung has its own calm-since time and its own cooldown', () => {
		const ladder = defineLadder({
			...small,
			levels: [
				small.levels[0],
				small.levels[1],
				{ ...small.levels[2], cooldownMs: 5_000 },
				{ ...small.levels[3], cooldownMs: 200 },
			],
		});
		const turns = steps(ladder, [
			at(0, 30),
			at(0, 30),
			at(0, 30),
			at(100, 14),
			at(299, 14),
			at(300, 14),
			at(1_000, 9),
			at(5_299, 4),
			at(6_000, 4),
			at(6_299, 4),
		]);
		expect(turns.map(({ after }) => after.level)).toEqual([1, 2, 3, 3, 3, 2, 2, 2, 1, 0]);
	});

	test('R4: AGGRESSIVE goes to NORMAL at once when all is healthy, or level by level', () => {
		const levels = (recovery: 'jump' | 'step') =>
			steps(defineLadder({ ...small, recovery }), [
				at(0, 30),
				at(0, 30),
				at(0, 30),
				at(1, 0),
				at(1_001, 0),
				at(1_002, 0),
				at(1_003, 0),
			]).map(({ after }) => after.level);
		expect(levels('jump')).toEqual([1, 2, 3, 3, 0, 0, 0]);
		expect(levels('step')).toEqual([1, 2, 3, 3, 2, 1, 0]);
	});
});

describe('R6', () => {
	const noisy = { ...small, backoff: { factor: 2, maxMs: 3_000, quietMs: 20_000 } };

	/** Overload, calm until it recovers, overload again: how long each recovery took. */
	function cooldownsSeen(spec: Spec, pausesMs: readonly number[]): readonly number[] {
		const ladder = defineLadder(spec);
		let state = initialState(ladder, 0);
		let now = 0;
		return pausesMs.map((pauseMs) => {
			now += pauseMs;
			state = step(ladder, state, at(now, 10)).state;
			expect(state.level).toBe(1);
			const calmFrom = now + 1;
			for (now = calmFrom; state.level > 0; now += 100) state = step(ladder, state, at(now, 0)).state;
			now -= 100;
			return now - calmFrom;
		});
	}

	test('R6: a flap doubles the cooldown, up to its cap', () => {
		expect(
			cooldownsSeen(
				noisy,
				[0, 59_999, 60_000, 10, 10].map((ms) => Math.min(ms, 15_000)),
			),
		).toEqual([1_000, 2_000, 3_000, 3_000, 3_000]);
		expect(cooldownsSeen({ ...small, backoff: undefined }, [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1])).toEqual(
			[1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300].map((s) => s * 1_000),
		);
	});

	test('R6: however often it flaps, the factor stops growing where every cooldown is at its cap', () => {
		const form = compiled(defineLadder(noisy));
		let backoff = noBackoff;
		for (let i = 0; i < 2_000; i++) {
			backoff = advanceBackoff(form, backoff, 1, 0, 1);
			backoff = advanceBackoff(form, backoff, 0, 1, 1);
		}
		expect(backoff).toMatchObject({ factor: 3, flaps: 2_000 });
	});

	test('R6: an escalation more than 60 s after a recovery is no flap', () => {
		const spec = { ...small, backoff: {} };
		expect(cooldownsSeen(spec, [0, 60_000, 60_001, 60_000])).toEqual([1_000, 2_000, 2_000, 4_000]);
	});

	test('R6: the cooldown goes back to its base after quietMs at the first level, not sooner', () => {
		expect(cooldownsSeen(noisy, [0, 1, 19_999, 20_000, 20_000])).toEqual([1_000, 2_000, 3_000, 2_000, 2_000]);
	});

	test('R6: a factor that flaps have earned is lost at the first level only', () => {
		const ladder = defineLadder({ ...small, backoff: { quietMs: 0 } });
		const turns = steps(ladder, [
			at(0, 20),
			at(0, 20),
			at(1, 9),
			at(1_001, 9),
			at(1_002, 20),
			at(1_003, 30),
			at(1_004, 9),
			at(2_004, 9),
		]);
		expect(turns.map(({ after }) => after.level)).toEqual([1, 2, 2, 1, 2, 3, 3, 3]);
	});

	test('R6: backoff false leaves the cooldown alone', () => {
		expect(cooldownsSeen(small, [0, 1, 1, 1])).toEqual([1_000, 1_000, 1_000, 1_000]);
	});

	test('R6: bounds the transitions of any load', () => {
		fc.assert(
			fc.property(
				ladderSpecs({ plain: true, ownCooldowns: false }),
				fc.array(fc.tuple(fc.nat(9), fc.nat(3)), { minLength: 5, maxLength: 40 }),
				(spec, load) => {
					const ladder = defineLadder({ ...spec, cooldownMs: 1_000, backoff: undefined, maxGapMs: undefined });
					const calm = all(ladder, 0);
					const wild = all(ladder, 1e300);
					const samples = Array.from({ length: 600 }, (_, i): Sample => {
						const [ratio, phase] = load[i % load.length] as [number, number];
						return { atMs: i * 1_000, readings: (i + phase) % 10 < ratio ? wild : calm };
					});
					const turns = steps(ladder, samples);
					// A run is a recovery after an escalation. Each is a flap, which doubles the cooldown up to 300 s, or comes late.
					const directions = turns.flatMap(({ before, after }) =>
						after.automatic === before.automatic ? [] : [after.automatic < before.automatic],
					);
					const runs = directions.filter((recovers, i) => recovers && directions[i - 1] !== true).length;
					const flapsToCap = Math.ceil(Math.log2(300));
					atMost(runs, 1 + flapsToCap + 600 / 61);
				},
			),
			runs(0.05),
		);
	});
});

describe('R7', () => {
	const guarded: Spec = { ...small, guard: {} };
	const busy = { utilisation: [0.95, 0.95, 0.95, 0.95] };

	test('R7: holds a recovery to a level that could not carry the load, and says so', () => {
		const ladder = defineLadder(guarded);
		const turns = steps(ladder, [
			at(0, 10),
			at(1, 0),
			at(1_001, 0, 0, busy),
			at(1_500, 0, 0, { utilisation: [0.9, 0.1, 0.1, 0.1] }),
		]);
		expect(turns.map(({ after }) => after.level)).toEqual([1, 1, 1, 0]);
		expect(turns[2]?.step.holds).toEqual([{ reason: 'guard', untilMs: 2_001 }]);
	});

	test('R7: recovers to the lowest level that could carry the load', () => {
		const ladder = defineLadder(guarded);
		const turns = steps(ladder, [
			at(0, 30),
			at(0, 30),
			at(0, 30),
			at(1, 0),
			at(1_001, 0, 0, { utilisation: [1.2, 0.91, 0.9, 0.5] }),
		]);
		expect(turns.map(({ after }) => after.level)).toEqual([1, 2, 3, 3, 2]);
	});

	test('R7: delays a recovery by at most one further cooldown, and recovers when its hold says', () => {
		fc.assert(
			fc.property(ladderSpecs({ plain: true }), fc.integer({ min: 100, max: 900 }), (spec, everyMs) => {
				const ladder = defineLadder({ ...spec, guard: {}, maxGapMs: undefined });
				const samples = Array.from({ length: Math.ceil(20_000 / everyMs) }, (_, i) => ({
					atMs: 1 + i * everyMs,
					readings: all(ladder, 0),
					utilisation: ladder.levels.map(() => 5),
				}));
				let dueMs = Number.POSITIVE_INFINITY;
				for (const { before, step: taken, after, sample } of steps(ladder, [
					...ladder.levels.map(() => ({ atMs: 0, readings: all(ladder, 1e300) })),
					...samples,
				])) {
					const cooldownMs = spec.levels[before.automatic]?.cooldownMs ?? spec.cooldownMs;
					if (after.automatic !== before.automatic) {
						dueMs = Number.POSITIVE_INFINITY;
						continue;
					}
					if (before.heldMs === null && after.heldMs !== null) dueMs = sample.atMs + cooldownMs;
					same(sample.atMs < dueMs, true);
					const hold = taken.holds.find(({ reason }) => reason === 'guard');
					if (after.heldMs !== null) same(hold?.untilMs, dueMs);
				}
			}),
			runs(0.5),
		);
	});

	test('R7: an unknown reading now and then does not turn the delay into a refusal', () => {
		const ladder = defineLadder(guarded);
		const samples = Array.from({ length: 400 }, (_, i) => at(1 + i * 100, i % 5 === 4 ? Number.NaN : 0, 0, busy));
		const recovery = nextRecovery(ladder, step(ladder, initialState(ladder, 0), at(0, 10)).state, samples);
		// Three of five intervals count, for two cooldowns of a second each.
		expect(recovery?.atMs).toBeLessThanOrEqual(2 * 1_000 * (5 / 3) + 500);
	});

	test('R7: what was held before a gap does not count towards the delay after it', () => {
		const ladder = defineLadder(guarded);
		const calm = [1, 1_001, 1_901, 100_000, 101_000, 101_900, 102_000];
		const turns = steps(ladder, [at(0, 10), ...calm.map((atMs) => at(atMs, 0, 0, busy))]);
		// Calm since 1 and held since 1 001; after the gap calm since 100 000, held since 101 000.
		expect(turns.map(({ after }) => after.level)).toEqual([1, 1, 1, 1, 1, 1, 1, 0]);
	});

	test('R7: an unknown utilisation holds nothing', () => {
		fc.assert(
			fc.property(ladderSpecs(), scripts, (spec, script) => {
				const samples = samplesOf(spec, script, { utilisation: false });
				const unknown = samples.map((sample) => ({ ...sample, utilisation: spec.levels.map(() => Number.NaN) }));
				const trace = (guard: Spec['guard'], given: readonly Sample[]) =>
					steps(defineLadder({ ...spec, guard }), given).map(({ after }) => after);
				same(trace({}, unknown), trace(false, samples));
				same(trace({}, samples), trace(false, samples));
			}),
			runs(0.2),
		);
	});

	describe('with the estimate of the load', () => {
		const ladder = defineLadder(guarded);
		const window = {
			elapsedMs: 1_000,
			done: { full: 100, lean: 0, spill: 0, shed: 0 },
			arrived: [50, 50],
			backlogged: true,
		};
		const learned = (start: LoadEstimate, times: number, change: Partial<typeof window> | { arrived: null }) =>
			Array.from({ length: times }).reduce<LoadEstimate>(
				(estimate) => learn(estimate, { ...window, ...change }),
				start,
			);
		const seen = learned(noEstimate, 10, {});

		test('R7: predicts arrival x cost per message at each level', () => {
			const lean = learned(seen, 50, { done: { full: 0, lean: 200, spill: 0, shed: 0 } });
			const both = learned(lean, 200, { done: { full: 0, lean: 100, spill: 1_000, shed: 0 } });
			const [normal, soft, hard] = predictUtilisation(ladder, both);
			expect(normal).toBeCloseTo(1, 1);
			expect(soft).toBeCloseTo(0.5, 1);
			expect(hard).toBeCloseTo(0.275, 1);
			expect(predictUtilisation(ladder, noEstimate)).toEqual([Number.NaN, Number.NaN, Number.NaN, Number.NaN]);
		});

		test('R7: what is new pays for a surprise, not what is known', () => {
			// Full ones are known to take 10 ms; then some are dropped, for next to nothing, in the same mix all the time.
			const known = learned(noEstimate, 40, {});
			const { costMs } = learned(known, 40, { done: { full: 99, lean: 0, spill: 0, shed: 50 } });
			expect(costMs.full).toBeGreaterThan(9);
			expect(costMs.full).toBeLessThan(10.5);
			expect(costMs.shed).toBeLessThan(1);
		});

		test('R7: a window in which hardly anything was finished changes no cost by more than a factor of two', () => {
			fc.assert(
				fc.property(fc.nat(20), fc.integer({ min: 1, max: 5_000 }), (full, elapsedMs) => {
					const [before, after] = [seen, learn(seen, { ...window, elapsedMs, done: { ...window.done, full } })];
					const ratio = (after.costMs.full ?? 0) / (before.costMs.full ?? 0);
					atLeast(ratio, 0.5);
					atMost(ratio, 2);
				}),
			);
		});

		test('R7: forgets what no backlog has confirmed for forgetAfterMs', () => {
			const idle = { backlogged: false };
			expect(predictUtilisation(ladder, learned(seen, 600, idle))[0]).toBeGreaterThan(0);
			expect(predictUtilisation(ladder, learned(seen, 601, idle))[0]).toBeNaN();
		});

		test('R7: a calm loosens the costs at most to a quarter, however long, and the first backlog after it finds them again', () => {
			const idle = { backlogged: false, elapsedMs: 300_000 };
			fc.assert(
				fc.property(fc.integer({ min: 0, max: 10_000 }), fc.integer({ min: 1, max: 20 }), (windows, spells) => {
					const { costMs } = learned(seen, windows, idle);
					expect(costMs.full).toBeCloseTo(10 / 2 ** Math.min(2, windows), 3);
					const between = (start: LoadEstimate) => learned(learned(start, Math.min(windows, 50), idle), 1, {});
					const often = Array.from({ length: spells }).reduce<LoadEstimate>(between, seen);
					expect(often.costMs.full).toBeCloseTo(10, 3);
				}),
			);
		});

		test('R7: a given capacity is what is known of processing, whatever is seen', () => {
			const given = withCapacity(learned(seen, 5, { backlogged: false, elapsedMs: 300_000 }), 50);
			expect(given.costMs.full).toBe(20);
			const { costMs } = learned(given, 1, { done: { full: 0, lean: 100, spill: 0, shed: 0 } });
			expect(costMs.full).toBe(20);
			expect(withCapacity(seen, undefined)).toBe(seen);
		});

		test('R7: forgets an arrival that has been unknown for forgetAfterMs', () => {
			expect(predictUtilisation(ladder, learned(seen, 601, { arrived: null }))[0]).toBeNaN();
		});
	});
});

describe('R9', () => {
	const withoutTimes = ({ atMs: _, sinceMs: __, ...state }: LadderState) => state;

	test('R9: a negative step counts as 0', () => {
		fc.assert(
			fc.property(ladderSpecs(), scripts, (spec, script) => {
				const samples = samplesOf(spec, script);
				let previous = 0;
				let now = 0;
				const forward = samples.map((sample) => {
					now += Math.max(0, sample.atMs - previous);
					previous = sample.atMs;
					return { ...sample, atMs: now };
				});
				const ladder = defineLadder(spec);
				const trace = (given: readonly Sample[]) => steps(ladder, given).map(({ after }) => withoutTimes(after));
				same(trace(samples), trace(forward));
			}),
		);
	});

	test('R9: only differences of time matter, so no jump of the wall clock moves the ladder', () => {
		fc.assert(
			fc.property(ladderSpecs(), scripts, fc.integer({ min: -1e12, max: 1e12 }), (spec, script, offsetMs) => {
				const ladder = defineLadder(spec);
				let here = initialState(ladder, 0);
				let there = initialState(ladder, offsetMs);
				for (const sample of samplesOf(spec, script)) {
					here = step(ladder, here, sample).state;
					there = step(ladder, there, { ...sample, atMs: sample.atMs + offsetMs }).state;
					same(withoutTimes(there), withoutTimes(here));
					same(there.sinceMs - offsetMs, here.sinceMs);
				}
			}),
			runs(0.5),
		);
	});

	test('R9: a time that is no number counts as no time', () => {
		fc.assert(
			fc.property(ladderSpecs(), scripts, fc.constantFrom(Number.NaN, Infinity, -Infinity), (spec, script, atMs) => {
				const ladder = defineLadder(spec);
				for (const { before, sample } of steps(ladder, samplesOf(spec, script))) {
					same(
						step(ladder, before, { ...sample, atMs }).state,
						step(ladder, before, { ...sample, atMs: before.atMs }).state,
					);
				}
			}),
			runs(0.3),
		);
	});

	test('R9: after a gap longer than maxGapMs calm starts anew', () => {
		fc.assert(
			fc.property(ladderSpecs({ plain: true }), scripts, fc.integer({ min: 0, max: 2 }), (spec, script, over) => {
				const ladder = defineLadder(spec);
				const longest = spec.maxGapMs ?? 60_000;
				for (const { before, sample } of steps(ladder, samplesOf(spec, script))) {
					const { state } = step(ladder, before, { ...sample, atMs: before.atMs + longest + over });
					if (over > 0)
						same(
							state.calmMs.every((ms) => ms === null || ms === 0),
							true,
						);
				}
				const calm = { readings: all(ladder, 0) };
				const known = step(ladder, atTheTop(ladder), { ...calm, atMs: 0 }).state;
				const { calmMs } = step(ladder, known, { ...calm, atMs: longest + over }).state;
				same(
					calmMs.slice(1),
					calmMs.slice(1).map(() => (over > 0 ? 0 : longest)),
				);
			}),
			runs(0.5),
		);
	});
});
