import fc from 'fast-check';

/** Few keys, so that tiers overlap, and the names that a plain object would trip over. */
export const keyArbitrary = fc.constantFrom('BHP', 'bhp', 'CBA', 'REA', 'TLS', 'XYZ', '', '__proto__', 'constructor');

/** Correct specs with overlapping, empty and repeated keys. */
export const specArbitrary = fc
	.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 5 })
	.chain((names) =>
		fc.record({
			tiers: fc.tuple(
				...names.slice(1).map((name) =>
					fc.record({
						name: fc.constant(name),
						priority: fc.constantFrom('critical', 'high', 'normal', 'low'),
						keys: fc.array(keyArbitrary, { maxLength: 6 }),
					}),
				),
			),
			fallback: fc.record({
				name: fc.constant(names[0] ?? ''),
				priority: fc.constantFrom('critical', 'high', 'normal', 'low'),
			}),
		}),
	);

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
