/** What is done with a message, in order of severity (rule D1): `drop` is the only one that loses. */
export type Action = 'process' | 'spill' | 'reject' | 'drop';

/** How one signal is judged. Thresholds stand at the levels; readings are finite numbers >= 0 in the thresholds' unit. */
export interface SignalPolicy<N extends string = string> {
	/** Release threshold = `enterAt x recoverBelow`, 0 < x < 1: the ladder recovers only below it (rule R3). */
	readonly recoverBelow: number;
	/** `false` when the reading cannot fall while intake is paused, as broker lag cannot (rule R8). Default `true`. */
	readonly fallsWhilePaused?: boolean | undefined;
	/** A bad reading is bridged by the last good one up to this age in ms (rule R5). Default 0: unknown at once. */
	readonly maxAgeMs?: number | undefined;
	/** Unknown for longer than this many ms is stale and follows {@link onStale}. Default 60 000. */
	readonly staleAfterMs?: number | undefined;
	/** What a stale signal does: the other signals decide, recovery holds, or the demand is at least a level. Default `'ignore'`. */
	readonly onStale?: 'ignore' | 'hold' | { readonly atLeast: N } | undefined;
	/** The same value for this many ms while traffic moves is a stuck sensor, thus unknown. Default off. */
	readonly stuckAfterMs?: number | undefined;
}

/** One rung. It inherits everything that the levels below it give up. */
export interface LevelSpec<N extends string, S extends string, R extends string, F extends string> {
	readonly name: N;
	/** A reading at or above its number demands this level. Required on every level but the first, which has none. */
	readonly enterAt?: { readonly [K in S]?: number | undefined } | undefined;
	/** Features that are off from here up. */
	readonly disable?: readonly F[] | undefined;
	/** What happens to a priority from here up, unless a level above is stricter. */
	readonly shed?: { readonly [K in R]?: Exclude<Action, 'process'> | undefined } | undefined;
	/** `'paused'`: no new messages are taken in from here up. */
	readonly intake?: 'paused' | undefined;
	/** This level's own cooldown in ms (rule R4). Default: the ladder's. */
	readonly cooldownMs?: number | undefined;
}

/** A ladder as the user writes it: plain data, mildest level first. See `docs/concepts.md`. */
export interface LadderSpec<N extends string, S extends string, G extends string, R extends string, F extends string> {
	/** The protected priority is always processed (rule D3); sheddable ones are listed most important first. */
	readonly priorities: { readonly protected: G; readonly sheddable: readonly R[] };
	/** Optional work that a level may switch off. */
	readonly features?: readonly F[] | undefined;
	readonly signals: { readonly [K in S]: SignalPolicy<NoInfer<N>> };
	readonly levels: readonly LevelSpec<N, NoInfer<S>, NoInfer<R>, NoInfer<F>>[];
	/** How long in ms a level must have been calm, unbroken, before it is left (rule R4). >= 0. */
	readonly cooldownMs: number;
	/** `'step'` climbs one level a sample, `'jump'` goes straight to the demand (rule R2). Default `'step'`. */
	readonly escalation?: 'step' | 'jump' | undefined;
	/** `'jump'` recovers at once to the lowest level that has earned it, `'step'` one level a sample (rule R4). Default `'jump'`. */
	readonly recovery?: 'jump' | 'step' | undefined;
	/** Applies a level's changes progressively by severity (rule D8). Default `false`. */
	readonly gradual?: boolean | undefined;
	/** A flap multiplies the cooldown (rule R6). Default `{ factor: 2, maxMs: 300_000, quietMs: 600_000 }`. */
	readonly backoff?:
		| {
				readonly factor?: number | undefined;
				readonly maxMs?: number | undefined;
				readonly quietMs?: number | undefined;
		  }
		| false
		| undefined;
	/** Holds a recovery to a level that could not carry the load (rule R7). Defaults when on: 0.9 and 600 000. Default off. */
	readonly guard?:
		| { readonly maxUtilisation?: number | undefined; readonly forgetAfterMs?: number | undefined }
		| false
		| undefined;
	/**
	 * Opens a paused intake for a look, so that a level held by broker lag is not held for ever (rule R8). `minFall` 0.05.
	 * Without it only a level whose signals cannot be heard any more is looked at: after 30 s, for 5 s.
	 */
	readonly probe?:
		| { readonly afterMs: number; readonly forMs: number; readonly minFall?: number | undefined }
		| undefined;
	/** After a longer gap between two samples (sleep, blocked loop) every calm starts anew (rule R9). Default 60 000 ms. */
	readonly maxGapMs?: number | undefined;
}
