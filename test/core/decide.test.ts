import { describe, expect, test } from 'vitest';
import { type Decision, decide, decideGradually } from '../../src/core/decide.js';
import { defineLadder, type Ladder } from '../../src/core/ladder.js';
import type { Action } from '../../src/core/spec.js';
import { ladderSpecs } from '../support/arbitraries.js';
import { atLeast, atMost, fc, runs, same } from '../support/property.js';
import type { Spec } from '../support/spec.js';

const SEVERITY: readonly Action[] = ['process', 'spill', 'reject', 'drop'];
const worse = ({ action }: Decision) => SEVERITY.indexOf(action);
const off = ({ features }: Decision) => Object.values(features).filter((on) => !on).length;

const cells = (ladder: Ladder) =>
	ladder.levels.flatMap((_, level) => ladder.priorities.map((priority, p) => ({ level, priority, p })));

/** Positions of keys, those at the edges of the shares among them. */
const positions = fc.oneof(
	fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
	fc.constantFrom(0, 0.5, 0.25, 1 / 3, 2 / 3, 1 - 2 ** -53),
);
const severities = fc.oneof(
	fc.double({ min: 0, max: 6, noNaN: true }),
	fc.nat(6),
	fc.nat(60).map((x) => x / 10),
	fc.nat(6).map((x) => x + 1 - 2 ** -40),
);

describe('D1', () => {
	test('D1: a decision is what the definition says of that level and priority, inherited from below', () => {
		fc.assert(
			fc.property(ladderSpecs(), (spec) => {
				const ladder = defineLadder(spec);
				for (const { level, priority } of cells(ladder)) {
					const below = spec.levels.slice(0, level + 1);
					const disabled = below.flatMap(({ disable = [] }) => disable);
					same(decide(ladder, level, priority), {
						action: below.reduce<Action>((action, { shed }) => shed?.[priority] ?? action, 'process'),
						level: ladder.levels[level],
						priority,
						features: Object.fromEntries(
							(spec.features ?? []).map((feature) => [feature, !disabled.includes(feature)]),
						),
					});
				}
			}),
			runs(0.3),
		);
	});

	test('D1: the same treatment is the same frozen object, however it is asked for', () => {
		fc.assert(
			fc.property(ladderSpecs(), severities, positions, (spec, severity, position) => {
				const ladder = defineLadder(spec);
				for (const { level, priority } of cells(ladder)) {
					const decision = decide(ladder, level, priority);
					same(decide(ladder, level, priority) === decision, true);
					same(Object.isFrozen(decision) && Object.isFrozen(decision.features), true);
					const gradual = decideGradually(ladder, level, severity, priority, position);
					same(Object.isFrozen(gradual) && Object.isFrozen(gradual.features), true);
					if (gradual.action === decision.action && off(gradual) === off(decision)) same(gradual === decision, true);
				}
			}),
			runs(0.5),
		);
	});

	test('D1: a level or a priority that the ladder does not have is refused', () => {
		fc.assert(
			fc.property(ladderSpecs(), (spec) => {
				const ladder = defineLadder(spec);
				const { length } = ladder.levels;
				expect(() => decide(ladder, length, 'p0')).toThrow(
					new RangeError(`the ladder has no level ${length} with a priority "p0"`),
				);
				expect(() => decide(ladder, 0, 'p9')).toThrow(new RangeError('the ladder has no level 0 with a priority "p9"'));
				expect(() => decideGradually(ladder, length, length + 0.5, 'p0', 0)).toThrow(
					new RangeError(`the ladder has no level ${length} with a priority "p0"`),
				);
				expect(() => decideGradually(ladder, 0, 0, 'p9', 0)).toThrow(
					new RangeError('the ladder has no level 0 with a priority "p9"'),
				);
			}),
			runs(0.1),
		);
	});
});

describe('D2', () => {
	test('D2: a higher level is never milder, in actions and in features', () => {
		fc.assert(
			fc.property(ladderSpecs(), (spec) => {
				const ladder = defineLadder(spec);
				for (const { level, priority } of cells(ladder).filter((cell) => cell.level > 0)) {
					const [below, here] = [decide(ladder, level - 1, priority), decide(ladder, level, priority)];
					atLeast(worse(here), worse(below));
					for (const [feature, on] of Object.entries(below.features)) same(on || !here.features[feature], true);
				}
			}),
			runs(0.4),
		);
	});

	test('D2: at one level and for one key a more important priority is never treated worse', () => {
		fc.assert(
			fc.property(ladderSpecs(), severities, positions, (spec, severity, position) => {
				const ladder = defineLadder(spec);
				for (const { level, priority, p } of cells(ladder).filter((cell) => cell.p > 0)) {
					const more = ladder.priorities[p - 1] as string;
					atLeast(worse(decide(ladder, level, priority)), worse(decide(ladder, level, more)));
					const gradually = (which: string) => worse(decideGradually(ladder, level, severity, which, position));
					atLeast(gradually(priority), gradually(more));
				}
			}),
		);
	});
});

describe('D3', () => {
	test('D3: the protected priority is always processed', () => {
		fc.assert(
			fc.property(ladderSpecs(), severities, positions, (spec, severity, position) => {
				const ladder = defineLadder(spec);
				ladder.levels.forEach((_, level) => {
					same(decide(ladder, level, 'p0').action, 'process');
					for (const value of [severity, Number.NaN, Number.POSITIVE_INFINITY, -1, level]) {
						same(decideGradually(ladder, level, value, 'p0', position).action, 'process');
					}
				});
			}),
		);
	});

	test.each(['constructor', 'toString', '__proto__', 'hasOwnProperty'])(
		'D3: a protected priority may be named %s',
		(name) => {
			const ladder = defineLadder<string, string, string, string, string>({
				priorities: { protected: name, sheddable: ['rest'] },
				signals: { lag: { recoverBelow: 0.5 } },
				levels: [{ name: 'NORMAL' }, { name: 'HARD', enterAt: { lag: 10 }, shed: { rest: 'drop' } }],
				cooldownMs: 1_000,
			});
			expect(decide(ladder, 1, name).action).toBe('process');
			expect(decide(ladder, 1, 'rest').action).toBe('drop');
		},
	);
});

describe('D8', () => {
	const gradual = {
		priorities: { protected: 'critical', sheddable: ['high', 'normal', 'low'] },
		features: ['enrichment'],
		signals: { lag: { recoverBelow: 0.5 } },
		levels: [
			{ name: 'NORMAL' },
			{ name: 'SOFT', enterAt: { lag: 10 }, disable: ['enrichment'] },
			{ name: 'HARD', enterAt: { lag: 20 }, shed: { low: 'drop', normal: 'spill' } },
			{ name: 'LAST', enterAt: { lag: 30 }, shed: { high: 'spill', normal: 'reject', low: 'drop' } },
		],
		cooldownMs: 1_000,
		gradual: true,
	} as const satisfies Spec;

	test('D8: monotone in severity: nothing is given back while it rises', () => {
		fc.assert(
			fc.property(ladderSpecs(), severities, severities, positions, (spec, a, b, position) => {
				const ladder = defineLadder(spec);
				const [less, more] = a < b ? [a, b] : [b, a];
				for (const { level, priority } of cells(ladder)) {
					const [before, after] = [
						decideGradually(ladder, level, less, priority, position),
						decideGradually(ladder, level, more, priority, position),
					];
					atLeast(worse(after), worse(before));
					for (const [feature, on] of Object.entries(before.features)) same(on || !after.features[feature], true);
				}
			}),
		);
	});

	test('D8: the level is a cap: never more than its whole treatment, and all of it from severity level + 1 on', () => {
		fc.assert(
			fc.property(ladderSpecs(), severities, positions, (spec, severity, position) => {
				const ladder = defineLadder(spec);
				for (const { level, priority } of cells(ladder)) {
					const whole = decide(ladder, level, priority);
					const part = decideGradually(ladder, level, severity, priority, position);
					same(part.level, whole.level);
					atMost(worse(part), worse(whole));
					atMost(off(part), off(whole));
					if (severity >= level + 1) same(part === whole, true);
					// Below the rung that is being applied everything is applied.
					const rung = Math.min(level, Math.floor(severity));
					if (rung > 0) atLeast(worse(part), worse(decide(ladder, rung - 1, priority)));
				}
			}),
			runs(0.4),
		);
	});

	test('D8: a key is treated wholly one way or the other: as the rung below, without its features, or as the rung', () => {
		fc.assert(
			fc.property(ladderSpecs(), severities, positions, (spec, severity, position) => {
				const ladder = defineLadder(spec);
				for (const { level, priority } of cells(ladder)) {
					const part = decideGradually(ladder, level, severity, priority, position);
					const rung = Math.min(level, Math.floor(severity));
					const [before, after] = [decide(ladder, Math.max(0, rung - 1), priority), decide(ladder, rung, priority)];
					const stages = [
						[before.action, before.features],
						[before.action, after.features],
						[after.action, after.features],
					];
					same(
						stages.some(([action, features]) => action === part.action && features === part.features),
						true,
					);
				}
			}),
			runs(0.4),
		);
	});

	test('D8: features first, then the least important priority', () => {
		fc.assert(
			fc.property(ladderSpecs(), severities, positions, (spec, severity, position) => {
				const ladder = defineLadder(spec);
				for (const { level, priority, p } of cells(ladder)) {
					const rung = Math.min(level, Math.floor(severity));
					if (rung === 0) continue;
					const part = decideGradually(ladder, level, severity, priority, position);
					if (part.action === decide(ladder, rung - 1, priority).action) continue;
					// This priority has been reached, so the features have, and every less important one.
					same(part.features, decide(ladder, rung, priority).features);
					for (const less of ladder.priorities.slice(p + 1)) {
						same(decideGradually(ladder, level, severity, less, position).action, decide(ladder, rung, less).action);
					}
				}
			}),
			runs(0.5),
		);
	});

	test('D8: the share of the keys that a change has reached is the fraction of its part of the way', () => {
		const ladder = defineLadder(gradual);
		const keys = Array.from({ length: 1_000 }, (_, i) => i / 1_000);
		const share = (
			level: number,
			severity: number,
			priority: 'critical' | 'high' | 'normal' | 'low',
			is: (decision: Decision) => boolean,
		) =>
			keys.filter((position) => is(decideGradually(ladder, level, severity, priority, position))).length / keys.length;
		const lean = ({ features }: Decision) => features.enrichment === false;
		// SOFT has one part: the feature, for all priorities.
		expect([1, 1.25, 1.9, 2].map((severity) => share(3, severity, 'critical', lean))).toEqual([0, 0.25, 0.9, 1]);
		// HARD has two parts, low before normal.
		expect(
			[2, 2.25, 2.5, 2.75].map((severity) => share(3, severity, 'low', ({ action }) => action === 'drop')),
		).toEqual([0, 0.5, 1, 1]);
		expect(
			[2, 2.5, 2.75, 3].map((severity) => share(3, severity, 'normal', ({ action }) => action === 'spill')),
		).toEqual([0, 0, 0.5, 1]);
		// LAST has two parts, normal before high; low was dropped before.
		expect(
			[3, 3.25, 3.5, 3.999].map((severity) => share(3, severity, 'normal', ({ action }) => action === 'reject')),
		).toEqual([0, 0.5, 1, 1]);
		expect([3.5, 3.75].map((severity) => share(3, severity, 'high', ({ action }) => action === 'spill'))).toEqual([
			0, 0.5,
		]);
		expect(share(2, 3.75, 'high', ({ action }) => action === 'process')).toBe(1);
	});

	test('D8: the same keys are always among the first', () => {
		fc.assert(
			fc.property(ladderSpecs(), severities, positions, positions, (spec, severity, a, b) => {
				const ladder = defineLadder(spec);
				const [first, later] = a < b ? [a, b] : [b, a];
				for (const { level, priority } of cells(ladder)) {
					const [one, other] = [first, later].map((position) =>
						decideGradually(ladder, level, severity, priority, position),
					) as [Decision, Decision];
					atLeast(worse(one), worse(other));
					atLeast(off(one), off(other));
				}
			}),
			runs(0.4),
		);
	});

	test('D8: a feature that a level below has switched off takes no part of the way', () => {
		const ladder = defineLadder({
			...gradual,
			levels: gradual.levels.map((level) =>
				level.name === 'HARD' ? { ...level, disable: ['enrichment'] as const } : level,
			),
		});
		expect(decideGradually(ladder, 2, 2.25, 'low', 0.4).action).toBe('drop');
	});
});
