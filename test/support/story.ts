import type { Sample } from '../../src/core/state.js';
import type { Spec } from './spec.js';

/** A small ladder for examples: `lag` and `heap` on three levels above the first, one second of cooldown. */
export const small = {
	priorities: { protected: 'critical', sheddable: ['rest'] },
	features: ['extra'],
	signals: { lag: { recoverBelow: 0.5 }, heap: { recoverBelow: 0.9 } },
	levels: [
		{ name: 'NORMAL' },
		{ name: 'SOFT', enterAt: { lag: 10, heap: 0.5 }, disable: ['extra'] },
		{ name: 'HARD', enterAt: { lag: 20, heap: 0.7 }, shed: { rest: 'spill' } },
		{ name: 'LAST', enterAt: { lag: 30, heap: 0.9 } },
	],
	cooldownMs: 1_000,
	backoff: false,
} as const satisfies Spec;

/** One sample of {@link small} and of ladders that have more signals. */
export const at = (atMs: number, lag: number, heap = 0, rest: Omit<Partial<Sample>, 'atMs'> = {}): Sample => ({
	atMs,
	readings: { lag, heap },
	...rest,
});
