import { verify } from '../core/errors.js';
import { defineLadder, type Ladder } from '../core/ladder.js';

/**
 * The ladder to start from: the levels of the market-data platform, measured in time instead of messages and applied
 * gradually, so that it holds at any rate and gives up no more than is needed. Tuned on recorded overloads.
 *
 * - `ageMs`, the standing delay (`messageAge()`), in ms: no sensor can hide it. SOFT, GRACEFUL and AGGRESSIVE from 0.25,
 *   0.35 and 0.67 of the objective up.
 * - `lagMs`, the lag in time (`lagMs()`), in ms: it tells how long what arrives now will wait, where the age tells how
 *   long what is handled now has waited, so it speaks earlier: 0.18, 0.25 and 0.43.
 * - `heap`, a ratio (`heapSignal()`): 0.82, 0.87, 0.91, and 0.95 for CIRCUIT_BREAK. Only memory stops intake.
 *
 * Use it with `skipToLive: { afterMs: 0.99 * sloMs }`, which keeps fresh messages on time behind a long backlog.
 *
 * @param options.sloMs  how old a message may be when it has been handled, ms, > 0.
 * @throws ConfigError when `sloMs` is not a finite number > 0.
 * @see docs/recommended.md for the reasons and for what each part is worth.
 */
export function recommendedLadder({ sloMs }: { readonly sloMs: number }): RecommendedLadder {
	verify('recommendedLadder', (must) => {
		must(Number.isFinite(sloMs) && sloMs > 0, 'sloMs', sloMs, 'a finite number > 0');
	});
	return defineLadder({
		priorities: { protected: 'critical', sheddable: ['high', 'normal', 'low'] },
		features: ['enrichment', 'strictValidation'],
		signals: {
			ageMs: { recoverBelow: 0.3, maxAgeMs: 5_000 },
			lagMs: { recoverBelow: 0.3, fallsWhilePaused: false, maxAgeMs: 5_000, stuckAfterMs: 30_000 },
			heap: { recoverBelow: 0.9, maxAgeMs: 5_000 },
		},
		levels: [
			{ name: 'NORMAL' },
			{
				name: 'SOFT',
				enterAt: { ageMs: 0.25 * sloMs, lagMs: 0.18 * sloMs, heap: 0.82 },
				disable: ['enrichment', 'strictValidation'],
			},
			{
				name: 'GRACEFUL',
				enterAt: { ageMs: 0.35 * sloMs, lagMs: 0.25 * sloMs, heap: 0.87 },
				shed: { low: 'drop' },
			},
			{
				name: 'AGGRESSIVE',
				enterAt: { ageMs: 0.67 * sloMs, lagMs: 0.43 * sloMs, heap: 0.91 },
				shed: { high: 'spill', normal: 'spill' },
			},
			// It pauses only while there is something to drain.
			{ name: 'CIRCUIT_BREAK', enterAt: { heap: 0.95 }, intake: 'paused', cooldownMs: 5_000 },
		],
		cooldownMs: 60_000,
		gradual: true,
		// A level only caps what is given up, so it costs nothing to hold it for longer once the load has shown that it comes back.
		backoff: { factor: 4 },
		probe: { afterMs: 30_000, forMs: 5_000 },
	});
}

/** What {@link recommendedLadder} makes. */
export type RecommendedLadder = Ladder<
	'NORMAL' | 'SOFT' | 'GRACEFUL' | 'AGGRESSIVE' | 'CIRCUIT_BREAK',
	'ageMs' | 'lagMs' | 'heap',
	'critical',
	'high' | 'normal' | 'low',
	'enrichment' | 'strictValidation'
>;
