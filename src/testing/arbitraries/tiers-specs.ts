import type { Fc } from './fast-check.js';

/** Few, so that tiers overlap, with the names that a plain object would trip over. */
export const KEYS = ['BHP', 'bhp', 'CBA', 'REA', 'TLS', 'XYZ', '', '__proto__', 'constructor'] as const;

/** Valid tiers with overlapping, empty and repeated keys; at most four, and the fallback. */
export function tiersSpecs<P extends string>(fc: Fc, priorities: readonly P[], keys: readonly string[]) {
	return fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 5 }).chain((names) =>
		fc.record({
			tiers: fc.tuple(
				...names.slice(1).map((name) =>
					fc.record({
						name: fc.constant(name),
						priority: fc.constantFrom(...priorities),
						keys: fc.array(fc.constantFrom(...keys), { maxLength: 6 }),
					}),
				),
			),
			fallback: fc.record({
				name: fc.constant(names[0] ?? ''),
				priority: fc.constantFrom(...priorities),
			}),
		}),
	);
}
