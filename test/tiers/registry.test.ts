import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/core/errors.js';
import { bindRegistry, createTierRegistry } from '../../src/core/tier-registry.js';
import { defineTiers, type Tiers } from '../../src/core/tiers.js';
import { keyArbitrary, specArbitrary, wildSpecArbitrary } from './arbitraries.js';

const spec = (key: string, priority = 'critical') => ({
	tiers: [{ name: 'tier1', priority, keys: [key] }],
	fallback: { name: 'rest', priority: 'normal' },
});
const registryOf = (key = 'BHP') => createTierRegistry<string>(defineTiers(spec(key)));

describe('a tier registry', () => {
	it('starts with the tiers it was given, as version 1', () => {
		const tiers = defineTiers(spec('BHP'));
		const registry = createTierRegistry(tiers);
		expect(registry.current).toBe(tiers);
		expect(registry.version).toBe(1);
	});

	it('takes a spec, compiles it and counts the version up', () => {
		const registry = registryOf();
		const returned = registry.replace(spec('CBA'));
		expect(registry.current).toBe(returned);
		expect([registry.version, returned.tierOf('CBA'), returned.tierOf('BHP')]).toEqual([2, 'tier1', 'rest']);
	});

	it('takes tiers that are already defined as they are', () => {
		const registry = registryOf();
		const next = defineTiers(spec('CBA'));
		expect(registry.replace(next)).toBe(next);
		expect(registry.current).toBe(next);
	});

	it('cannot be changed from outside', () => {
		const registry = registryOf();
		expect(() => Object.assign(registry, { current: null })).toThrow(TypeError);
		expect(() => Object.assign(registry, { version: 7 })).toThrow(TypeError);
	});

	it('refuses initial tiers that defineTiers did not make', () => {
		const lookAlike: Tiers = { names: [], tierOf: () => '', priorityOf: () => '' };
		expect(() => createTierRegistry(lookAlike)).toThrow('tiers: an object must be made by defineTiers');
	});

	it('keeps the old tiers and tells nobody when the new ones are wrong', () => {
		const registry = registryOf();
		const before = registry.current;
		const heard: number[] = [];
		registry.subscribe((_, version) => heard.push(version));
		expect(() => registry.replace({ tiers: 'BHP' })).toThrow(ConfigError);
		expect([registry.current === before, registry.version, heard]).toEqual([true, 1, []]);
	});

	it('T1: a replacement takes everything or nothing, and the version counts exactly the swaps', () => {
		fc.assert(
			fc.property(
				specArbitrary,
				fc.array(fc.tuple(wildSpecArbitrary, fc.boolean())),
				keyArbitrary,
				(first, next, key) => {
					const registry = createTierRegistry<string>(defineTiers(first));
					bindRegistry(registry, 'the ladder', ['critical', 'high', 'normal', 'low']);
					const heard: { tiers: Tiers; version: number; current: Tiers; key: string }[] = [];
					registry.subscribe((tiers, version) =>
						heard.push({ tiers, version, current: registry.current, key: tiers.tierOf(key) }),
					);
					let swaps = 0;
					for (const [wild, asTiers] of next) {
						const before = registry.current;
						const seen = before.tierOf(key);
						try {
							const given = asTiers ? defineTiers(wild as typeof first) : wild;
							const returned = registry.replace(given);
							swaps += 1;
							expect(registry.current).toBe(returned);
							expect(heard.at(-1)).toEqual({
								tiers: returned,
								version: swaps + 1,
								current: returned,
								key: returned.tierOf(key),
							});
						} catch (error) {
							expect(error).toBeInstanceOf(ConfigError);
							expect(registry.current).toBe(before);
						}
						expect(registry.version).toBe(swaps + 1);
						expect(heard).toHaveLength(swaps);
						// Whoever still holds the old tiers sees them unchanged.
						expect(before.tierOf(key)).toBe(seen);
					}
				},
			),
		);
	});
});

describe('the subscribers of a tier registry', () => {
	it('hear the new tiers and their version, after the swap', () => {
		const registry = registryOf();
		const heard: unknown[] = [];
		registry.subscribe((tiers, version) =>
			heard.push([tiers === registry.current, version === registry.version, version]),
		);
		registry.replace(spec('CBA'));
		registry.replace(spec('REA'));
		expect(heard).toEqual([
			[true, true, 2],
			[true, true, 3],
		]);
	});

	it('hear nothing any more once they have ended it, even in the middle of a replacement', () => {
		const registry = registryOf();
		const heard: string[] = [];
		registry.subscribe(() => endSecond());
		const endSecond = registry.subscribe(() => heard.push('second'));
		registry.subscribe(() => heard.push('third'));
		registry.replace(spec('CBA'));
		registry.replace(spec('REA'));
		expect(heard).toEqual(['third', 'third']);
	});

	it('may be the same function twice, each ended on its own', () => {
		const registry = registryOf();
		let heard = 0;
		const listener = () => {
			heard += 1;
		};
		const end = registry.subscribe(listener);
		registry.subscribe(listener);
		registry.replace(spec('CBA'));
		end();
		end();
		registry.replace(spec('REA'));
		expect(heard).toBe(3);
	});

	it('all hear it even if some throw; the first error reaches the caller and the swap stands', () => {
		const registry = registryOf();
		const heard: string[] = [];
		const first = new Error('first');
		registry.subscribe(() => {
			throw first;
		});
		registry.subscribe(() => heard.push('second'));
		registry.subscribe(() => {
			throw new Error('third');
		});
		registry.subscribe(() => heard.push('fourth'));
		let thrown: unknown;
		try {
			registry.replace(spec('CBA'));
		} catch (error) {
			thrown = error;
		}
		expect(thrown).toBe(first);
		expect(heard).toEqual(['second', 'fourth']);
		expect([registry.version, registry.current.tierOf('CBA')]).toEqual([2, 'tier1']);
	});

	it('never hear an older version after a newer one', () => {
		const registry = registryOf();
		const heard: number[] = [];
		registry.subscribe((_, version) => {
			if (version === 2) registry.replace(spec('REA'));
		});
		registry.subscribe((_, version) => heard.push(version));
		registry.replace(spec('CBA'));
		expect(heard).toEqual([3]);
		expect(registry.current.tierOf('REA')).toBe('tier1');
	});

	it('that subscribe during a replacement hear the next one only', () => {
		const registry = registryOf();
		const heard: number[] = [];
		const end = registry.subscribe(() => {
			end();
			registry.subscribe((_, version) => heard.push(version));
		});
		registry.replace(spec('CBA'));
		registry.replace(spec('REA'));
		expect(heard).toEqual([3]);
	});
});

describe('a bound ladder', () => {
	it('refuses the current tiers at once when it lacks one of their priorities', () => {
		expect(() => bindRegistry(registryOf(), 'the ladder', ['critical', 'high'])).toThrow(
			'invalid tiers (1 problem):\nfallback.priority: "normal" must be a priority of the ladder ("critical", "high")',
		);
	});

	it('makes the registry refuse tiers that it could not treat', () => {
		const registry = registryOf();
		bindRegistry(registry, 'quotes', ['critical', 'normal']);
		bindRegistry(registry, 'trades', ['critical', 'urgent', 'normal']);
		expect(() => registry.replace(spec('CBA', 'urgent'))).toThrow(
			'invalid tiers (1 problem):\ntiers[0].priority: "urgent" must be a priority of quotes ("critical", "normal")',
		);
		expect(() => registry.replace(defineTiers(spec('CBA', 'urgnt')))).toThrow('invalid tiers (2 problems):');
		expect(registry.version).toBe(1);
	});

	it('refuses nothing any more once it is unbound', () => {
		const registry = registryOf();
		const unbind = bindRegistry(registry, 'quotes', ['critical', 'normal']);
		unbind();
		unbind();
		registry.replace(spec('CBA', 'urgent'));
		expect(registry.current.priorityOf('CBA')).toBe('urgent');
	});
});
