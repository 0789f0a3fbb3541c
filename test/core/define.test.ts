import { describe, expect, expectTypeOf, test } from 'vitest';
import { ConfigError, type Problem } from '../../src/core/errors.js';
import { releaseAt } from '../../src/core/hysteresis.js';
import { defineLadder } from '../../src/core/ladder.js';
import { initialState } from '../../src/core/state.js';
import { step } from '../../src/core/step.js';
import { ladderSpecs, samplesOf, scripts } from '../support/arbitraries.js';
import { fc, runs, same } from '../support/property.js';
import type { Spec } from '../support/spec.js';

/** A good ladder. What is wrong with each of the bad ones is what has been changed. */
const good = {
	priorities: { protected: 'critical', sheddable: ['high', 'low'] },
	features: ['extra'],
	signals: { lag: { recoverBelow: 0.5, fallsWhilePaused: false }, heap: { recoverBelow: 0.9 } },
	levels: [
		{ name: 'NORMAL' },
		{ name: 'SOFT', enterAt: { lag: 100_000, heap: 0.7 }, disable: ['extra'] },
		{ name: 'HARD', enterAt: { lag: 500_000, heap: 0.8 }, shed: { low: 'reject' } },
		{ name: 'PAUSED', enterAt: { heap: 0.9 }, intake: 'paused' },
	],
	cooldownMs: 30_000,
} as const satisfies Spec;

/** What a definition from JavaScript or JSON is told. Types would refuse most of these. */
function problemsOf(spec: unknown): readonly Problem[] {
	try {
		defineLadder(spec as Spec);
		return [];
	} catch (error) {
		if (error instanceof ConfigError) return error.problems;
		throw error;
	}
}

const messagesOf = (spec: unknown) => problemsOf(spec).map(({ message }) => message);

const withLevel = (index: number, change: object) => ({
	...good,
	levels: good.levels.map((level, i) => (i === index ? { ...level, ...change } : level)),
});
const withLag = (change: object) => ({
	...good,
	signals: { ...good.signals, lag: { ...good.signals.lag, ...change } },
});

describe('R11: refuses', () => {
	test.each<[string, unknown, readonly string[]]>([
		['no level', { ...good, levels: [] }, ['levels: 0 must be at least one level']],
		['a level named twice', withLevel(2, { name: 'SOFT' }), ['levels[2]: "SOFT" must be a unique, non-empty string']],
		[
			'a misspelt property of a level',
			withLevel(2, { sheds: { low: 'drop' } }),
			['levels[2].sheds: an object must be absent: levels[2] has name, enterAt, disable, shed, intake, cooldownMs'],
		],
		[
			'a misspelt property of a signal, and a switch that is none',
			withLag({ fallsWhilePaused: 'false', maxAge: 3 }),
			[
				'signals.lag.maxAge: 3 must be absent: signals.lag has recoverBelow, fallsWhilePaused, maxAgeMs, staleAfterMs, stuckAfterMs, onStale',
				'signals.lag.fallsWhilePaused: "false" must be one of true, false',
			],
		],
		[
			'switches that are none',
			{ ...good, gradual: 'yes', guard: true, backoff: 1 },
			['gradual: "yes" must be one of true, false', 'backoff: 1 must be an object', 'guard: true must be an object'],
		],
		['a level without a name', withLevel(2, { name: '' }), ['levels[2]: "" must be a unique, non-empty string']],
		[
			'a feature named twice',
			{ ...good, features: ['extra', 'extra'] },
			['features[1]: "extra" must be a unique, non-empty string'],
		],
		[
			'a priority that is protected and sheddable',
			{ ...good, priorities: { protected: 'critical', sheddable: ['critical', 'high', 'low'] } },
			['priorities[1]: "critical" must be a unique, non-empty string'],
		],
		['no cooldown', { ...good, cooldownMs: undefined }, ['cooldownMs: null must be a finite number of at least 0']],
		['a negative cooldown', { ...good, cooldownMs: -1 }, ['cooldownMs: -1 must be a finite number of at least 0']],
		[
			'an infinite cooldown',
			{ ...good, cooldownMs: Infinity },
			['cooldownMs: Infinity must be a finite number of at least 0'],
		],
		[
			'a negative cooldown of a level',
			withLevel(1, { cooldownMs: -1 }),
			['levels[1] "SOFT": cooldownMs -1 must be a finite number of at least 0'],
		],
		['a gap of nothing', { ...good, maxGapMs: 0 }, ['maxGapMs: 0 must be a finite number above 0']],
		['an unknown way up', { ...good, escalation: 'leap' }, ['escalation: "leap" must be one of "step", "jump"']],
		['an unknown way down', { ...good, recovery: 'leap' }, ['recovery: "leap" must be one of "step", "jump"']],
		[
			'a back-off that shrinks',
			{ ...good, backoff: { factor: 0.5 } },
			['backoff.factor: 0.5 must be a finite number of at least 1'],
		],
		[
			'a back-off without room',
			{ ...good, backoff: { maxMs: 0 } },
			['backoff.maxMs: 0 must be a finite number above 0'],
		],
		[
			'a negative quiet',
			{ ...good, backoff: { quietMs: -1 } },
			['backoff.quietMs: -1 must be a finite number of at least 0'],
		],
		[
			'a guard without room',
			{ ...good, guard: { maxUtilisation: 0 } },
			['guard.maxUtilisation: 0 must be a finite number above 0'],
		],
		[
			'a guard that forgets at once',
			{ ...good, guard: { forgetAfterMs: Number.NaN } },
			['guard.forgetAfterMs: NaN must be a finite number above 0'],
		],
		[
			'a probe without times',
			{ ...good, probe: {} },
			['probe.afterMs: null must be a finite number above 0', 'probe.forMs: null must be a finite number above 0'],
		],
		[
			'a probe that wants too much',
			{ ...good, probe: { afterMs: 1, forMs: 1, minFall: 1 } },
			['probe.minFall: 1 must be between 0 and 1, both excluded'],
		],
		[
			'no release threshold',
			withLag({ recoverBelow: undefined }),
			['signals.lag.recoverBelow: undefined must be between 0 and 1, both excluded'],
		],
		[
			'no hysteresis',
			withLag({ recoverBelow: 1 }),
			['signals.lag.recoverBelow: 1 must be between 0 and 1, both excluded'],
		],
		[
			'a release threshold of nothing',
			withLag({ recoverBelow: 0 }),
			['signals.lag.recoverBelow: 0 must be between 0 and 1, both excluded'],
		],
		['a negative age', withLag({ maxAgeMs: -1 }), ['signals.lag.maxAgeMs: -1 must be a finite number of at least 0']],
		[
			'a negative staleness',
			withLag({ staleAfterMs: -1 }),
			['signals.lag.staleAfterMs: -1 must be a finite number of at least 0'],
		],
		[
			'a sensor that is stuck at once',
			withLag({ stuckAfterMs: 0 }),
			['signals.lag.stuckAfterMs: 0 must be a finite number above 0'],
		],
		[
			'an unknown way to be stale',
			withLag({ onStale: 'panic' }),
			['signals.lag.onStale: "panic" must be one of "ignore", "hold"'],
		],
		[
			'a stale signal that demands a level nobody has',
			withLag({ onStale: { atLeast: 'AWFUL' } }),
			['signals.lag.onStale.atLeast: "AWFUL" must be one of "NORMAL", "SOFT", "HARD", "PAUSED"'],
		],
		[
			'a first level that is not full service',
			withLevel(0, { enterAt: { lag: 1 }, disable: ['extra'], shed: {}, intake: 'paused' }),
			[
				'levels[0] "NORMAL": enterAt an object must be absent: the first level is full service',
				'levels[0] "NORMAL": disable an object must be absent: the first level is full service',
				'levels[0] "NORMAL": shed an object must be absent: the first level is full service',
				'levels[0] "NORMAL": intake "paused" must be absent: the first level is full service',
				...[
					'levels[0] "NORMAL": enterAt.lag 1',
					'levels[1] "SOFT": enterAt.lag 100000',
					'levels[2] "HARD": enterAt.lag 500000',
				].map(
					(where) =>
						`${where} must be absent, or a probe set: it does not fall while intake is paused, so the level would never be left (R8)`,
				),
			],
		],
		[
			'a level that cannot be entered',
			withLevel(2, { enterAt: {} }),
			['levels[2] "HARD": enterAt an object must be given, or the level could never be entered'],
		],
		[
			'a threshold of a signal that is not declared',
			withLevel(2, { enterAt: { lga: 1 } }),
			['levels[2] "HARD": enterAt.lga "lga" must be one of "lag", "heap"'],
		],
		[
			'a threshold of 0',
			withLevel(1, { enterAt: { heap: 0 } }),
			['levels[1] "SOFT": enterAt.heap 0 must be a finite number above 0'],
		],
		[
			'an infinite threshold',
			withLevel(3, { enterAt: { heap: Infinity } }),
			['levels[3] "PAUSED": enterAt.heap Infinity must be a finite number above 0'],
		],
		[
			'thresholds that do not rise',
			withLevel(2, { enterAt: { lag: 90_000, heap: 0.7 } }),
			[
				'levels[2] "HARD": enterAt.lag 90000 must be above 100000 (level "SOFT")',
				'levels[2] "HARD": enterAt.heap 0.7 must be above 0.7 (level "SOFT")',
			],
		],
		[
			'a feature nobody has',
			withLevel(2, { disable: ['xtra'] }),
			['levels[2] "HARD": disable "xtra" must be one of "extra"'],
		],
		[
			'shedding what is protected',
			withLevel(2, { shed: { critical: 'drop', high: 'drop', low: 'drop' } }),
			['levels[2] "HARD": shed.critical "drop" must be absent: the protected priority is always processed'],
		],
		[
			'a priority nobody has',
			withLevel(2, { shed: { lwo: 'drop' } }),
			['levels[2] "HARD": shed.lwo "lwo" must be one of "high", "low"'],
		],
		[
			'an action that is none',
			withLevel(3, { shed: { low: 'forget' } }),
			['levels[3] "PAUSED": shed.low "forget" must be one of "spill", "reject", "drop"'],
		],
		[
			'a level that is milder than one below',
			withLevel(3, { shed: { low: 'spill' } }),
			['levels[3] "PAUSED": shed.low "spill" must be no milder than "reject" of a level below'],
		],
		[
			'a more important priority that is treated worse',
			withLevel(3, { shed: { high: 'drop', low: 'reject' } }),
			['levels[3] "PAUSED": shed "reject" must be at least "drop" for "low", as for the more important "high"'],
		],
		[
			'an intake that is neither open nor paused',
			withLevel(3, { intake: 'shut' }),
			['levels[3] "PAUSED": intake "shut" must be one of "paused"'],
		],
		[
			'a pausing level that lag could hold for ever, without a probe',
			withLevel(3, { enterAt: { lag: 5_000_000, heap: 0.9 } }),
			[
				'levels[3] "PAUSED": enterAt.lag 5000000 must be absent, or a probe set: it does not fall while intake is paused, so the level would never be left (R8)',
			],
		],
	])('R11: refuses %s', (_, spec, messages) => {
		expect(messagesOf(spec)).toEqual(messages);
	});

	test('R11: tells every problem at once, each with its path, in one error', () => {
		const bad = {
			...withLevel(2, { enterAt: { lag: 90_000 }, shed: { critical: 'drop' } }),
			cooldownMs: -1,
			probe: { afterMs: 0, forMs: 5 },
		};
		let caught: unknown;
		try {
			defineLadder(bad as unknown as Spec);
		} catch (error) {
			caught = error;
		}
		expect(caught).toBeInstanceOf(ConfigError);
		expect(caught).toMatchObject({
			name: 'ConfigError',
			code: 'CONFIG_INVALID',
			message: [
				'invalid ladder (4 problems):',
				'cooldownMs: -1 must be a finite number of at least 0',
				'probe.afterMs: 0 must be a finite number above 0',
				'levels[2] "HARD": enterAt.lag 90000 must be above 100000 (level "SOFT")',
				'levels[2] "HARD": shed.critical "drop" must be absent: the protected priority is always processed',
			].join('\n'),
			problems: [
				{ path: 'cooldownMs' },
				{ path: 'probe.afterMs' },
				{ path: 'levels[2].enterAt.lag' },
				{ path: 'levels[2].shed.critical' },
			],
		});
	});

	test('R11: each call throws an error of its own', () => {
		expect(problemsOf({ ...good, cooldownMs: -1 })).not.toBe(problemsOf({ ...good, cooldownMs: -1 }));
	});

	test('R11: a pausing level below lag is refused without a probe too, since the levels above inherit the pause', () => {
		const spec = {
			...good,
			levels: [...good.levels, { name: 'TOP', enterAt: { lag: 9_000_000, heap: 0.95 } }],
		};
		expect(messagesOf(spec)).toEqual([
			'levels[4] "TOP": enterAt.lag 9000000 must be absent, or a probe set: it does not fall while intake is paused, so the level would never be left (R8)',
		]);
		expect(messagesOf({ ...spec, probe: { afterMs: 30_000, forMs: 5_000 } })).toEqual([]);
	});

	test('R11: a part that is nothing is told, and so is all else', () => {
		const odd = { ...withLevel(1, { enterAt: null, shed: 3 }), cooldownMs: -1, recovery: 'x', probe: true };
		expect(messagesOf({ ...odd, signals: { lag: null, heap: { recoverBelow: 0.9, onStale: null } } })).toEqual([
			'cooldownMs: -1 must be a finite number of at least 0',
			'recovery: "x" must be one of "step", "jump"',
			'probe: true must be an object',
			'probe.afterMs: null must be a finite number above 0',
			'probe.forMs: null must be a finite number above 0',
			'signals.lag: null must be an object',
			'signals.lag.recoverBelow: undefined must be between 0 and 1, both excluded',
			'signals.heap.onStale: null must be an object',
			'signals.heap.onStale.atLeast: undefined must be one of "NORMAL", "SOFT", "HARD", "PAUSED"',
			'levels[1] "SOFT": enterAt null must be an object',
			'levels[1] "SOFT": shed 3 must be an object',
			'levels[1] "SOFT": enterAt an object must be given, or the level could never be entered',
		]);
	});

	test('R11: a definition that is no definition is refused as one, whatever part of it is nonsense', () => {
		const paths = (value: unknown, path: readonly string[] = []): readonly (readonly string[])[] =>
			Object(value) === value
				? [path, ...Object.entries(value as object).flatMap(([key, item]) => paths(item, [...path, key]))]
				: [path];
		const replaced = (value: unknown, [key, ...rest]: readonly string[], by: unknown): unknown =>
			key === undefined
				? by
				: Array.isArray(value)
					? value.map((item, i) => (String(i) === key ? replaced(item, rest, by) : item))
					: { ...(value as object), [key]: replaced((value as Record<string, unknown>)[key], rest, by) };
		fc.assert(
			fc.property(
				ladderSpecs(),
				fc.nat(999),
				fc.jsonValue({ maxDepth: 1 }),
				scripts,
				(spec, pick, nonsense, script) => {
					const places = paths(spec);
					const broken = replaced(spec, places[pick % places.length] as readonly string[], nonsense);
					if (problemsOf(broken).length > 0) return;
					// What is let through has to work.
					const ladder = defineLadder(broken as Spec);
					let state = initialState(ladder, 0);
					for (const sample of samplesOf(spec, script)) state = step(ladder, state, sample).state;
				},
			),
		);
	});
});

describe('R11: accepts', () => {
	test('R11: every ladder that keeps the rules, and leaves it as it was given', () => {
		fc.assert(
			fc.property(ladderSpecs(), (spec) => {
				const before = structuredClone(spec);
				const ladder = defineLadder(spec);
				same(spec, before);
				expect(ladder).toMatchObject({
					spec,
					levels: spec.levels.map(({ name }) => name),
					signals: Object.keys(spec.signals),
					priorities: [spec.priorities.protected, ...spec.priorities.sheddable],
					features: spec.features,
				});
				// What it was made of makes it again.
				same(defineLadder({ ...ladder.spec }), ladder);
			}),
			runs(0.3),
		);
	});

	test('R11: freezes the ladder, not what the caller gave', () => {
		const given = structuredClone(good) as { cooldownMs: number };
		const ladder = defineLadder(given as unknown as Spec);
		given.cooldownMs = 5;
		expect(ladder.spec.cooldownMs).toBe(30_000);
		expect(Object.isFrozen(given)).toBe(false);
		const frozen = (value: unknown): boolean =>
			Object(value) !== value || (Object.isFrozen(value) && Object.values(value as object).every(frozen));
		expect(frozen(ladder)).toBe(true);
	});

	test('R11: thresholds that are partial, and features and actions that are named again', () => {
		expect(
			messagesOf(
				withLevel(2, { enterAt: { lag: 500_000 }, disable: ['extra'], shed: { high: undefined, low: 'drop' } }),
			),
		).toEqual([]);
		expect(messagesOf(withLevel(3, { shed: { low: 'reject' } }))).toEqual([]);
	});

	test.each(['constructor', 'toString', '__proto__', 'valueOf'])(
		'R11: a signal, a feature or a priority named %s',
		(name) => {
			const named = (value: unknown) => JSON.parse(`{ ${JSON.stringify(name)}: ${JSON.stringify(value)} }`);
			const ladder = defineLadder<string, string, string, string, string>({
				priorities: { protected: 'critical', sheddable: [name] },
				features: [name],
				signals: { lag: { recoverBelow: 0.5 }, ...named({ recoverBelow: 0.9 }) },
				levels: [
					{ name: 'NORMAL' },
					{ name: 'SOFT', enterAt: { lag: 10 }, disable: [name] },
					{ name: 'HARD', enterAt: { lag: 20 }, shed: named('drop') },
				],
				cooldownMs: 1_000,
			});
			expect(releaseAt(ladder, 1, name)).toBeUndefined();
			const { state } = step(ladder, initialState(ladder, 0), { atMs: 0, readings: { lag: 0, [name]: 0 } });
			expect(state.level).toBe(0);
		},
	);

	test('R11: names are literal types', () => {
		const ladder = defineLadder(good);
		expectTypeOf(ladder.levels).toEqualTypeOf<readonly ('NORMAL' | 'SOFT' | 'HARD' | 'PAUSED')[]>();
		expectTypeOf(ladder.signals).toEqualTypeOf<readonly ('lag' | 'heap')[]>();
		expectTypeOf(ladder.priorities).toEqualTypeOf<readonly ('critical' | 'high' | 'low')[]>();
	});
});
