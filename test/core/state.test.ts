import { describe, expect, test } from 'vitest';
import { defineLadder } from '../../src/core/ladder.js';
import { initialState, type LadderState } from '../../src/core/state.js';
import { step } from '../../src/core/step.js';
import { ladderSpecs, samplesOf, scripts } from '../support/arbitraries.js';
import { fc, runs, same } from '../support/property.js';
import { steps } from '../support/run.js';
import { at, small } from '../support/story.js';

/** The first part of a value that is not frozen, as a path. */
function thawed(value: unknown, path = ''): string | null {
	if (Object(value) !== value) return null;
	if (!Object.isFrozen(value)) return path === '' ? 'the value itself' : path;
	for (const [key, item] of Object.entries(value as object)) {
		const found = thawed(item, `${path}.${key}`);
		if (found !== null) return found;
	}
	return null;
}

describe('the state', () => {
	test('is plain JSON: written down and read again it goes on in the same way', () => {
		fc.assert(
			fc.property(ladderSpecs(), scripts, (spec, script) => {
				const ladder = defineLadder(spec);
				let kept = initialState(ladder, 0);
				let restored = kept;
				for (const sample of samplesOf(spec, script)) {
					const goesOn = step(ladder, kept, sample);
					// JSON knows no -0, which is no other reading than 0.
					same(JSON.stringify(step(ladder, restored, sample)), JSON.stringify(goesOn));
					kept = goesOn.state;
					restored = JSON.parse(JSON.stringify(kept)) as LadderState;
				}
			}),
			runs(0.5),
		);
	});

	test('is frozen to its last part, as is all that a step returns', () => {
		fc.assert(
			fc.property(ladderSpecs(), scripts, (spec, script) => {
				const ladder = defineLadder(spec);
				same(thawed(initialState(ladder, 0)), null);
				for (const { step: taken } of steps(ladder, samplesOf(spec, script))) same(thawed(taken), null);
			}),
			runs(0.5),
		);
	});

	test('is not changed by a step: the same arguments give the same result', () => {
		fc.assert(
			fc.property(ladderSpecs(), scripts, (spec, script) => {
				const ladder = defineLadder(spec);
				for (const { before, sample, step: taken } of steps(ladder, samplesOf(spec, script))) {
					const copy = structuredClone(before);
					same(step(ladder, before, sample), taken);
					same(before, copy);
				}
			}),
			runs(0.2),
		);
	});

	test('tells since when the level in force has been so', () => {
		fc.assert(
			fc.property(ladderSpecs(), scripts, (spec, script) => {
				for (const { before, after } of steps(defineLadder(spec), samplesOf(spec, script))) {
					same(after.sinceMs, before.level === after.level ? before.sinceMs : after.atMs);
				}
			}),
			runs(0.2),
		);
	});

	test('starts at the first level with nothing known', () => {
		expect(initialState(defineLadder(small), 5)).toMatchObject({
			level: 0,
			automatic: 0,
			sinceMs: 5,
			atMs: 5,
			probing: false,
			probe: null,
		});
	});
});

describe('a step', () => {
	test('never throws, whatever the sample', () => {
		const nonsense = fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true });
		fc.assert(
			fc.property(
				ladderSpecs(),
				scripts,
				fc.array(nonsense, { minLength: 4, maxLength: 4 }),
				nonsense,
				(spec, script, readings, atMs) => {
					const ladder = defineLadder(spec);
					let state = initialState(ladder, 0);
					for (const sample of samplesOf(spec, script)) {
						const bad = Object.fromEntries(ladder.signals.map((signal, s) => [signal, readings[s] as number]));
						state = step(ladder, state, { ...sample, readings: bad }).state;
						state = step(ladder, state, { ...sample, atMs: atMs as number }).state;
						same(Number.isFinite(state.atMs), true);
					}
				},
			),
			runs(0.3),
		);
	});

	test('costs the first level nothing: no transition, no hold, no effect', () => {
		const [turn] = steps(defineLadder(small), [at(0, 3, 0.1)]);
		expect(turn?.step).toMatchObject({ demand: 'NORMAL', transition: null, holds: [], effects: [] });
	});
});

describe('a spill that fills (M3)', () => {
	const leaning = {
		...small,
		features: ['extra', 'more'],
		levels: [
			{ name: 'NORMAL' },
			{ name: 'SOFT', enterAt: { lag: 10 }, disable: ['extra'] },
			{ name: 'LEAN', enterAt: { lag: 20 }, disable: ['more'] },
			{ name: 'SPILLING', enterAt: { lag: 30 }, shed: { rest: 'spill' } },
		],
	} as const;

	test('M3: features are given up for replay when live load alone keeps the ladder up and a tenth is full', () => {
		const turns = steps(defineLadder(leaning), [
			at(0, 10, 0, { spillFull: 0.1 }),
			at(1, 10, 0, { spillFull: 0.11 }),
			at(2, 10, 0, { spillFull: 0.11 }),
		]);
		expect(turns.map(({ after }) => after.level)).toEqual([1, 2, 2]);
		expect(turns[1]?.step).toMatchObject({ demand: 'LEAN', transition: { why: 'spill-full', causes: [] } });
		expect(steps(defineLadder(leaning), [at(0, 0, 0, { spillFull: 1 })])[0]?.step.demand).toBe('NORMAL');
	});

	test('M3: they are not where the load would find room with all of them on, and come back where it does', () => {
		const roomy = (utilisation: number) => ({ spillFull: 0.2, utilisation: [utilisation, 0.5, 0.5, 0.2] });
		const levels = (...utilisations: number[]) =>
			steps(
				defineLadder(leaning),
				utilisations.map((utilisation, i) => at(i * 500, 10, 0, roomy(utilisation))),
			).map(({ after }) => [after.level, after.leanForReplay]);
		expect(levels(0.89, 0.89)).toEqual([
			[1, false],
			[1, false],
		]);
		expect(levels(0.9, 0.9)).toEqual([
			[1, true],
			[2, true],
		]);
		expect(levels(0.9, 0.9, 0.89).at(-1)).toEqual([2, false]);
		expect(levels(Number.NaN, Number.NaN).at(-1), 'unknown is no room').toEqual([2, true]);
	});

	test('M3: the recovery that it delays is not taken back at once', () => {
		for (const recovery of ['jump', 'step'] as const) {
			const ladder = defineLadder({ ...leaning, recovery });
			const samples = Array.from({ length: 60 }, (_, i) => at(i * 500, i < 3 ? 25 : 0, 0, { spillFull: 0.2 }));
			const path = steps(ladder, samples).flatMap(({ step: { transition } }) => transition?.to ?? []);
			expect(path).toEqual(recovery === 'jump' ? ['SOFT', 'LEAN', 'NORMAL'] : ['SOFT', 'LEAN', 'SOFT', 'NORMAL']);
		}
	});
});
