import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/core/errors.js';
import { compiledTiers, defineTiers } from '../../src/core/tiers.js';
import { keyArbitrary, specArbitrary } from './arbitraries.js';

/** What the function throws; a ConfigError or the test fails. */
function refusal(run: () => unknown): ConfigError {
	try {
		run();
	} catch (error) {
		if (error instanceof ConfigError) return error;
		throw error;
	}
	throw new Error('nothing was thrown');
}

/** As JavaScript or JSON would hand it in. */
const define = (spec: unknown) => defineTiers(spec as Parameters<typeof defineTiers>[0]);

describe('defineTiers', () => {
	const tiers = defineTiers({
		tiers: [
			{ name: 'tier1', priority: 'critical', keys: ['BHP', 'CBA'] },
			{ name: 'tier2', priority: 'high', keys: new Set(['REA', 'BHP']) },
			{ name: 'empty', priority: 'high', keys: [] },
		],
		fallback: { name: 'tier3', priority: 'normal' },
	});

	it('gives a listed key its tier and its priority', () => {
		expect([tiers.tierOf('CBA'), tiers.priorityOf('CBA')]).toEqual(['tier1', 'critical']);
		expect([tiers.tierOf('REA'), tiers.priorityOf('REA')]).toEqual(['tier2', 'high']);
	});

	it('gives a key of two tiers the more important one', () => {
		expect(tiers.tierOf('BHP')).toBe('tier1');
	});

	it('gives an unlisted key the fallback', () => {
		expect([tiers.tierOf('XYZ'), tiers.priorityOf('XYZ')]).toEqual(['tier3', 'normal']);
	});

	it('tells upper case from lower case', () => {
		expect(tiers.tierOf('bhp')).toBe('tier3');
	});

	it.each(['__proto__', 'constructor', 'toString', ''])('takes %j for a key like any other', (key) => {
		expect(tiers.tierOf(key)).toBe('tier3');
		const listed = defineTiers({
			tiers: [{ name: 'a', priority: 'p', keys: [key] }],
			fallback: { name: 'b', priority: 'p' },
		});
		expect(listed.tierOf(key)).toBe('a');
	});

	it('names its tiers most important first, the fallback last', () => {
		expect(tiers.names).toEqual(['tier1', 'tier2', 'empty', 'tier3']);
	});

	it('works without any tier', () => {
		const none = defineTiers({ tiers: [], fallback: { name: 'all', priority: 'normal' } });
		expect([none.names, none.tierOf('BHP')]).toEqual([['all'], 'all']);
	});

	it('reads keys that can be read only once', () => {
		const keys = ['BHP', 'CBA'].values();
		const once = defineTiers({ tiers: [{ name: 'a', priority: 'p', keys }], fallback: { name: 'b', priority: 'q' } });
		expect(once.tierOf('CBA')).toBe('a');
	});

	it('does not change when the list it was made of changes', () => {
		const keys = ['BHP'];
		const made = defineTiers({ tiers: [{ name: 'a', priority: 'p', keys }], fallback: { name: 'b', priority: 'q' } });
		keys.push('CBA');
		expect(made.tierOf('CBA')).toBe('b');
	});

	it('is frozen, names and compiled form included', () => {
		const compiled = compiledTiers(tiers);
		for (const part of [tiers, tiers.names, compiled, compiled.tiers, ...compiled.tiers]) {
			expect(Object.isFrozen(part)).toBe(true);
		}
	});

	it('keeps its compiled form out of sight', () => {
		expect(Object.keys(tiers)).toEqual(['names', 'tierOf', 'priorityOf']);
		expect(Object.getOwnPropertyDescriptor(tiers, Symbol.for('brownout.tiers'))?.enumerable).toBe(false);
	});

	it('T2: a key gets the earliest tier that lists it, else the fallback', () => {
		fc.assert(
			fc.property(specArbitrary, keyArbitrary, (spec, key) => {
				const made = defineTiers(spec);
				const wanted = spec.tiers.find(({ keys }) => keys.includes(key)) ?? spec.fallback;
				expect(made.tierOf(key)).toBe(wanted.name);
				expect(made.priorityOf(key)).toBe(wanted.priority);
				const { indexOf, tiers: compiled } = compiledTiers(made);
				expect(compiled[indexOf.get(key) ?? compiled.length - 1]).toEqual({
					name: wanted.name,
					priority: wanted.priority,
				});
			}),
		);
	});
});

describe('the refusals of defineTiers', () => {
	it('says everything that is wrong in one error', () => {
		const error = refusal(() =>
			define({
				tiers: [
					{ name: '', priority: 'critical', keys: ['BHP'] },
					{ name: 'tier2', priority: 7, keys: 'BHP' },
					{ name: 'tier2', priority: 'high', keys: ['A', 1, 2] },
					null,
				],
				fallback: { name: 'tier2', priority: null },
			}),
		);
		expect(error.message.split('\n')).toEqual([
			'invalid tiers (10 problems):',
			'tiers[0].name: "" must be a unique, non-empty string',
			'tiers[1].priority: 7 must be a non-empty string',
			'tiers[1].keys: "BHP" must be a list of strings',
			'tiers[2].name: "tier2" must be a unique, non-empty string',
			'tiers[2].keys[1]: 1 must be a string',
			'tiers[3].name: undefined must be a unique, non-empty string',
			'tiers[3].priority: undefined must be a non-empty string',
			'tiers[3].keys: undefined must be a list of strings',
			'fallback.name: "tier2" must be a unique, non-empty string',
			'fallback.priority: null must be a non-empty string',
		]);
		expect(error).toMatchObject({ name: 'ConfigError', code: 'CONFIG_INVALID' });
		expect(error.problems).toHaveLength(10);
		expect(error.problems[1]).toEqual({
			path: 'tiers[1].priority',
			message: 'tiers[1].priority: 7 must be a non-empty string',
		});
	});

	it.each([null, undefined, 7, 'tiers', [], { tiers: { 0: {} } }, { tiers: new Map() }])(
		'refuses what is no list of tiers at all: %j',
		(spec) => {
			const paths = refusal(() => define(spec)).problems.map(({ path }) => path);
			expect(paths).toEqual(['tiers', 'fallback.name', 'fallback.priority']);
		},
	);

	it('counts a single problem in the singular', () => {
		const error = refusal(() => define({ tiers: [], fallback: { name: 'a', priority: '' } }));
		expect(error.message).toBe('invalid tiers (1 problem):\nfallback.priority: "" must be a non-empty string');
	});

	it('refuses a look-alike where compiled tiers are needed', () => {
		const lookAlike = { names: ['a'], tierOf: () => 'a', priorityOf: () => 'p' };
		expect(refusal(() => compiledTiers(lookAlike)).message).toBe(
			'invalid tiers (1 problem):\ntiers: an object must be made by defineTiers',
		);
	});

	it('never throws anything but a ConfigError, whatever comes out of a JSON file', () => {
		const nearly = fc.record(
			{
				tiers: fc.oneof(
					fc.jsonValue(),
					fc.array(fc.record({ name: fc.jsonValue(), priority: fc.jsonValue(), keys: fc.jsonValue() })),
				),
				fallback: fc.jsonValue(),
			},
			{ requiredKeys: [] },
		);
		fc.assert(
			fc.property(fc.oneof(fc.jsonValue(), nearly), (spec) => {
				try {
					define(spec);
				} catch (error) {
					expect(error).toBeInstanceOf(ConfigError);
				}
			}),
		);
	});
});
