import fc from 'fast-check';
import { KEYS, tiersSpecs } from '../../src/testing/arbitraries/tiers-specs.js';

export const keyArbitrary = fc.constantFrom(...KEYS);

/** Correct specs with overlapping, empty and repeated keys. */
export const specArbitrary = tiersSpecs(fc, ['critical', 'high', 'normal', 'low'], KEYS);

/** Specs of which some are wrong: a repeated name, an unknown priority, keys given as one string. */
export const wildSpecArbitrary = fc.oneof(
	specArbitrary,
	specArbitrary.map((spec) => ({ ...spec, fallback: { ...spec.fallback, priority: 'unheard-of' } })),
	specArbitrary.map((spec) => ({
		...spec,
		tiers: [...spec.tiers, { name: spec.fallback.name, priority: 'low', keys: [] }],
	})),
	specArbitrary.map((spec) => ({ ...spec, tiers: [...spec.tiers, { name: 'trap', priority: 'low', keys: 'BHP' }] })),
	fc.constantFrom(null, undefined, 7, 'tiers', []),
);
