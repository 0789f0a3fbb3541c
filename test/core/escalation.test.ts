import { describe, expect, test } from 'vitest';
import { demandOf, isCalm, releaseAt } from '../../src/core/hysteresis.js';
import { defineLadder } from '../../src/core/ladder.js';
import { initialState } from '../../src/core/state.js';
import { step } from '../../src/core/step.js';
import { BAD, edgesOf, ladderSpecs, nextDown, nextUp, samplesOf, scripts } from '../support/arbitraries.js';
import { atLeast, atMost, fc, runs, same } from '../support/property.js';
import { steps } from '../support/run.js';
import type { Spec } from '../support/spec.js';

/** A ladder with readings at and around its thresholds. */
const readingsOf = (bad: boolean) =>
	fc
		.tuple(ladderSpecs({ plain: true }), fc.array(fc.nat(9_999), { minLength: 4, maxLength: 4 }))
		.map(([spec, picks]) => {
			const readings = Object.keys(spec.signals).map((signal, s): [string, number] => {
				const options = [0, ...edgesOf(spec, signal).filter((edge) => edge >= 0), 1e300, ...(bad ? BAD : [])];
				return [signal, options[(picks[s] as number) % options.length] as number];
			});
			return { spec, readings: Object.fromEntries(readings) };
		});

const known = (reading: number | undefined) => Number.isFinite(reading) && (reading as number) >= 0;

/** R1 in its own words. */
function demandInWords(spec: Spec, readings: { readonly [signal: string]: number }): number {
	return spec.levels.findLastIndex(
		({ enterAt = {} }, level) =>
			level === 0 ||
			Object.entries(enterAt).some(
				([signal, limit]) => known(readings[signal]) && (readings[signal] as number) >= (limit as number),
			),
	);
}

/** R1: between its own thresholds, and as far again above the last one. */
function severityInWords(spec: Spec, signal: string, reading: number): number {
	const rungs = spec.levels.flatMap(({ enterAt }, level) => {
		const limit = enterAt?.[signal];
		return limit === undefined ? [] : [{ level, limit }];
	});
	const reached = rungs.filter(({ limit }) => reading >= limit).at(-1) ?? { level: 0, limit: 0 };
	const index = rungs.indexOf(reached);
	const next = rungs[index + 1]?.limit ?? reached.limit * 2 - (rungs[index - 1]?.limit ?? 0);
	return reached.level + (rungs.length === 0 ? 0 : Math.min(1, (reading - reached.limit) / (next - reached.limit)));
}

describe('R1', () => {
	test('R1: demands the highest level for which any known signal has reached its threshold', () => {
		fc.assert(
			fc.property(readingsOf(true), ({ spec, readings }) => {
				const ladder = defineLadder(spec);
				const demand = demandInWords(spec, readings);
				same(demandOf(ladder, readings), demand);
				same(step(ladder, initialState(ladder, 0), { atMs: 0, readings }).demand, spec.levels[demand]?.name);
			}),
		);
	});

	test('R1: a reading exactly at its threshold demands the level, the double below it does not', () => {
		fc.assert(
			fc.property(ladderSpecs(), (spec) => {
				const ladder = defineLadder(spec);
				spec.levels.forEach(({ enterAt = {} }, level) => {
					for (const [signal, limit] of Object.entries(enterAt)) {
						same(demandOf(ladder, { [signal]: limit as number }), level);
						same(demandOf(ladder, { [signal]: nextUp(limit as number) }), level);
						atMost(demandOf(ladder, { [signal]: nextDown(limit as number) }), level - 1);
					}
				});
			}),
			runs(0.3),
		);
	});

	test('R1: the severity interpolates each reading between its own thresholds and is the maximum over the signals', () => {
		fc.assert(
			fc.property(readingsOf(false), ({ spec, readings }) => {
				const ladder = defineLadder(spec);
				const { severity, demand } = step(ladder, initialState(ladder, 0), { atMs: 0, readings });
				const each = Object.entries(readings).map(([signal, reading]) => severityInWords(spec, signal, reading));
				atMost(Math.abs(severity - Math.max(0, ...each)), 1e-9);
				same(ladder.levels[Math.floor(severity)], demand);
			}),
		);
	});

	test('R1: the severity never falls when a reading rises', () => {
		fc.assert(
			fc.property(readingsOf(false), fc.nat(3), fc.nat(9_999), ({ spec, readings }, s, pick) => {
				const ladder = defineLadder(spec);
				const severity = (now: typeof readings) =>
					step(ladder, initialState(ladder, 0), { atMs: 0, readings: now }).severity;
				const signal = Object.keys(readings)[s % Object.keys(readings).length] as string;
				const options = edgesOf(spec, signal).filter((edge) => edge > (readings[signal] as number));
				const higher = options[pick % options.length] ?? Number.MAX_VALUE;
				atLeast(severity({ ...readings, [signal]: higher }), severity(readings));
			}),
			runs(0.3),
		);
	});
});

describe('R2', () => {
	test('R2: escalates in the sample that demands it, whatever the cooldown: one level, or straight to the demand', () => {
		fc.assert(
			fc.property(ladderSpecs(), scripts, (spec, script) => {
				for (const { sample, before, after, step: taken } of steps(defineLadder(spec), samplesOf(spec, script))) {
					const demand = spec.levels.findIndex(({ name }) => name === taken.demand);
					if (demand <= before.automatic) atMost(after.automatic, before.automatic);
					else if (sample.replaying && before.replay) same(after.automatic, before.automatic);
					else same(after.automatic, spec.escalation === 'jump' ? demand : before.automatic + 1);
				}
			}),
		);
	});

	test('R2: replay yields first: it stops, the ladder waits one sample, then climbs', () => {
		fc.assert(
			fc.property(ladderSpecs(), scripts, (spec, script) => {
				const ladder = defineLadder(spec);
				for (const { sample, before, after, step: taken } of steps(
					ladder,
					samplesOf(spec, script, { override: false }),
				)) {
					const rises = ladder.levels.indexOf(taken.demand) > before.automatic;
					if (!(rises && sample.replaying && before.replay)) continue;
					same(taken.effects[0], 'stop-replay');
					same(after.replay, false);
					same(after.automatic, before.automatic);
					const next = step(ladder, after, sample);
					if (next.demand === taken.demand) atLeast(next.state.automatic, before.automatic + 1);
				}
			}),
			runs(0.5),
		);
	});

	test('R2: replay that was stopped does not start again while the climb goes on', () => {
		const spec = {
			priorities: { protected: 'critical', sheddable: ['rest'] },
			signals: { lag: { recoverBelow: 0.5 } },
			levels: [
				{ name: 'NORMAL' },
				{ name: 'SOFT', enterAt: { lag: 10 } },
				{ name: 'LEAN', enterAt: { lag: 20 } },
				{ name: 'SPILLING', enterAt: { lag: 30 }, shed: { rest: 'spill' } },
			],
			cooldownMs: 1_000,
		} as const satisfies Spec;
		const samples = [0, 500, 1_000].map((atMs) => ({ atMs, readings: { lag: 25 }, replaying: true }));
		const turns = steps(defineLadder<string, string, string, string, string>(spec), samples);
		expect(turns.map(({ after }) => after.level)).toEqual([0, 1, 2]);
		expect(turns.map(({ step: { effects } }) => effects)).toEqual([['stop-replay'], [], ['start-replay']]);
	});
});

describe('R3', () => {
	test('R3: a rung is calm when all signals that have a threshold on it are known and below enterAt x recoverBelow', () => {
		fc.assert(
			fc.property(readingsOf(true), ({ spec, readings }) => {
				const ladder = defineLadder(spec);
				spec.levels.forEach(({ enterAt = {} }, level) => {
					const calm = Object.entries(enterAt).every(([signal, limit]) => {
						const release = (limit as number) * (spec.signals[signal]?.recoverBelow as number);
						same(releaseAt(ladder, level, signal), release);
						return known(readings[signal]) && (readings[signal] as number) < release;
					});
					same(isCalm(ladder, level, readings), calm);
				});
			}),
		);
	});

	test('R3: a reading exactly at the release threshold is not calm, the double below it is', () => {
		fc.assert(
			fc.property(ladderSpecs(), (spec) => {
				const ladder = defineLadder(spec);
				spec.levels.forEach(({ enterAt = {} }, level) => {
					const quiet = Object.fromEntries(Object.keys(enterAt).map((signal) => [signal, 0]));
					for (const signal of Object.keys(enterAt)) {
						const release = releaseAt(ladder, level, signal) as number;
						same(isCalm(ladder, level, { ...quiet, [signal]: release }), false);
						same(isCalm(ladder, level, { ...quiet, [signal]: nextDown(release) }), true);
					}
				});
			}),
			runs(0.3),
		);
	});

	test('R3: a signal without a threshold on a level has no say there', () => {
		fc.assert(
			fc.property(ladderSpecs({ plain: true }), (spec) => {
				const ladder = defineLadder(spec);
				for (const signal of ladder.signals) {
					same(releaseAt(ladder, 0, signal), undefined);
					spec.levels.forEach(({ enterAt = {} }, level) => {
						if (enterAt[signal] !== undefined) return;
						const quiet = Object.fromEntries(ladder.signals.map((other) => [other, other === signal ? Number.NaN : 0]));
						same(isCalm(ladder, level, quiet), true);
					});
				}
			}),
			runs(0.3),
		);
	});

	test('R3: what the ladder counts as calm is what isCalm says', () => {
		fc.assert(
			fc.property(ladderSpecs({ plain: true }), scripts, (spec, script) => {
				const ladder = defineLadder(spec);
				for (const { sample, after } of steps(ladder, samplesOf(spec, script, { bad: false }))) {
					after.calmMs.forEach((calmMs, level) => {
						same(calmMs !== null, isCalm(ladder, level, sample.readings));
					});
				}
			}),
			runs(0.3),
		);
	});
});
