import { describe, expect, test } from 'vitest';
import { defineLadder } from '../../src/core/ladder.js';
import type { LadderState, Sample } from '../../src/core/state.js';
import { ladderSpecs, samplesOf, scripts } from '../support/arbitraries.js';
import { atLeast, fc, runs, same } from '../support/property.js';
import { steps } from '../support/run.js';
import type { Spec } from '../support/spec.js';
import { at, small } from '../support/story.js';

describe('R10', () => {
	test('R10: the level in force is the automatic one between floor and ceiling, in every sample and only while it lasts', () => {
		fc.assert(
			fc.property(ladderSpecs(), scripts, (spec, script) => {
				const ladder = defineLadder(spec);
				for (const { sample, after } of steps(ladder, samplesOf(spec, script))) {
					const { floor = 'L0', ceiling = ladder.levels.at(-1) as string } = sample.override ?? {};
					const [low, high] = [ladder.levels.indexOf(floor), ladder.levels.indexOf(ceiling)];
					same(after.level, Math.min(Math.max(after.automatic, low), high));
				}
			}),
			runs(0.5),
		);
	});

	test('R10: the automatic state goes on underneath as if there were no override', () => {
		fc.assert(
			fc.property(ladderSpecs({ probe: false }), scripts, (spec, script) => {
				const ladder = defineLadder(spec);
				// Replay and probes follow the level in force; all else must not notice.
				const samples = samplesOf(spec, script, { replay: false });
				const automatic = (given: readonly Sample[]) =>
					steps(ladder, given).map(({ after }) => {
						const {
							level: _,
							sinceMs: __,
							probing: ___,
							probe: ____,
							replay: _____,
							...underneath
						}: LadderState = after;
						return underneath;
					});
				same(automatic(samples), automatic(samples.map(({ override: _, ...sample }) => sample)));
			}),
		);
	});

	test('R10: an override that permits everything changes nothing at all', () => {
		fc.assert(
			fc.property(ladderSpecs(), scripts, (spec, script) => {
				const ladder = defineLadder(spec);
				const override = { floor: 'L0', ceiling: ladder.levels.at(-1) as string };
				const samples = samplesOf(spec, script, { override: false });
				const taken = (given: readonly Sample[]) => steps(ladder, given).map(({ step }) => step);
				same(taken(samples.map((sample) => ({ ...sample, override }))), taken(samples));
			}),
			runs(0.3),
		);
	});

	test('R10: expiry brings back the automatic level at once, without a cooldown', () => {
		const override = { floor: 'HARD', ceiling: 'HARD', untilMs: 500 };
		const turns = steps(defineLadder(small), [at(0, 0, 0, { override }), at(400, 0, 0, { override }), at(500, 0)]);
		expect(turns.map(({ after }) => after.level)).toEqual([2, 2, 0]);
		expect(turns.map(({ step: { transition } }) => transition?.why)).toEqual(['override', undefined, 'override']);
		expect(turns[1]?.step.holds).toEqual([{ reason: 'override', untilMs: 500 }]);
	});

	test('R10: is not stopped by a cooldown and does not start one', () => {
		const override = { floor: 'NORMAL', ceiling: 'NORMAL' };
		const turns = steps(defineLadder(small), [
			at(0, 10),
			at(1, 0),
			at(2, 0, 0, { override }),
			at(1_000, 0),
			at(1_001, 0),
		]);
		expect(turns.map(({ after }) => [after.automatic, after.level])).toEqual([
			[1, 1],
			[1, 1],
			[1, 0],
			[1, 1],
			[0, 0],
		]);
	});
});

describe('D6', () => {
	test('D6: every transition says where from, where to, when, why, and what caused it', () => {
		fc.assert(
			fc.property(ladderSpecs(), scripts, (spec, script) => {
				const ladder = defineLadder(spec);
				const limitsOf = (signal: string) => spec.levels.map(({ enterAt }) => enterAt?.[signal]);
				for (const {
					before,
					after,
					sample,
					step: { transition },
				} of steps(ladder, samplesOf(spec, script))) {
					if (before.level === after.level) {
						same(transition, null);
						continue;
					}
					const rises = after.level > before.level;
					const { why, causes, ...told } = transition as NonNullable<typeof transition>;
					same(told, {
						from: ladder.levels[before.level],
						to: ladder.levels[after.level],
						direction: rises ? 'escalate' : 'recover',
						atMs: sample.atMs,
					});
					for (const { signal, reading, threshold } of causes) {
						const limits = limitsOf(signal);
						if (why === 'signal' && !Number.isNaN(threshold)) {
							same(limits.slice(after.level).includes(threshold), true);
							atLeast(reading, threshold);
						}
						if (why === 'recovered') {
							same(threshold, (limits[before.level] as number) * (spec.signals[signal]?.recoverBelow as number));
							// A stale signal that is ignored has no reading.
							same(Number.isNaN(reading) || reading < threshold, true);
						}
					}
					if (why === 'signal')
						same(
							causes.some(({ reading, threshold }) => reading >= threshold),
							true,
						);
					if (why === 'stale') atLeast(causes.length, 1);
					if (why === 'override') same(causes, []);
					// No script fills a spill.
					same(why === 'override' || why === (rises ? 'signal' : 'recovered') || why === 'stale', true);
				}
			}),
		);
	});

	test('D6: names each signal that asks for the new level, with the threshold that it reached', () => {
		const [first, second] = steps(defineLadder({ ...small, escalation: 'jump' }), [at(0, 25, 0.6), at(1, 29, 0.95)]);
		expect(first?.step.transition?.causes).toEqual([{ signal: 'lag', reading: 25, threshold: 20 }]);
		expect(second?.step.transition?.causes).toEqual([{ signal: 'heap', reading: 0.95, threshold: 0.9 }]);
	});

	test('D6: names each signal of the level that was left, with its release threshold', () => {
		const turns = steps(defineLadder(small), [at(0, 20, 0.7), at(0, 20, 0.7), at(1, 2, 0.1), at(1_001, 3, 0.2)]);
		expect(turns[3]?.step.transition).toEqual({
			from: 'HARD',
			to: 'NORMAL',
			direction: 'recover',
			why: 'recovered',
			atMs: 1_001,
			causes: [
				{ signal: 'lag', reading: 3, threshold: 10 },
				{ signal: 'heap', reading: 0.2, threshold: 0.63 },
			],
		});
	});

	test('D6: an override that ends while the ladder recovers underneath is not told as a full spill', () => {
		const override = { floor: 'NORMAL', ceiling: 'NORMAL' };
		const ladder = defineLadder({ ...small, escalation: 'jump', recovery: 'step' });
		const turns = steps(ladder, [at(0, 30, 0, { override }), at(1, 0, 0, { override }), at(1_001, 0)]);
		expect(turns[2]?.step.transition).toMatchObject({ from: 'NORMAL', to: 'HARD', why: 'override' });
	});

	test('D6: an override that ends while the ladder climbs underneath is not told as a recovery', () => {
		const override = { floor: 'LAST', ceiling: 'LAST' };
		const turns = steps(defineLadder(small), [at(0, 0, 0, { override }), at(1, 25)]);
		expect(turns[1]?.step.transition).toMatchObject({ from: 'LAST', to: 'SOFT', why: 'override', causes: [] });
	});

	test('D6: while nothing changes, a hold does not put off the time that it has named', () => {
		const busy = { utilisation: [0.95, 0.95, 0.95, 0.95], spillFull: 0.5 };
		const lean = { ...small.levels[2], shed: undefined, disable: ['extra'] } as const;
		const spec: Spec = {
			...small,
			guard: {},
			levels: small.levels.map((level) => (level.name === 'HARD' ? lean : level)),
		};
		for (const lag of [0, 4, 9, 12]) {
			const turns = steps(defineLadder(spec), [
				at(0, 20, 0, busy),
				at(0, 20, 0, busy),
				...Array.from({ length: 30 }, (_, i) => at(i * 100, lag, 0, busy)),
			]);
			for (const reason of ['cooldown', 'guard', 'spill']) {
				const named = turns.map(
					({ after, step: { holds } }) => [after.level, holds.find((hold) => hold.reason === reason)?.untilMs] as const,
				);
				for (const [i, [level, untilMs]] of named.entries()) {
					const [before, earlier] = named[i - 1] ?? [level, untilMs];
					if (i > 2 && level === before && earlier !== undefined && untilMs !== undefined) same(untilMs, earlier);
				}
			}
		}
	});

	test('D6: a ladder that does not recover says why', () => {
		fc.assert(
			fc.property(ladderSpecs(), scripts, (spec, script) => {
				const ladder = defineLadder(spec);
				for (const {
					before,
					after,
					step: { demand, holds },
				} of steps(ladder, samplesOf(spec, script))) {
					if (
						after.automatic === 0 ||
						after.automatic !== before.automatic ||
						ladder.levels.indexOf(demand) > before.automatic
					)
						continue;
					same(
						holds.some(({ reason }) => reason !== 'override' && reason !== 'probe'),
						true,
					);
				}
			}),
		);
	});
});
