import type { Compiled } from './compile.js';

/** An escalation this soon after a recovery is a flap (rule R6). */
const FLAP_MS = 60_000;

/** What flaps have done to the cooldowns. Plain JSON. */
export interface Backoff {
	/** What every cooldown is multiplied by, at least 1. */
	readonly factor: number;
	/** Time at the first level, ms. */
	readonly quietMs: number;
	/** Time since a recovery that no escalation has followed yet, ms. */
	readonly sinceRecoveryMs: number | null;
	/** Flaps since the start. */
	readonly flaps: number;
}

export const noBackoff: Backoff = Object.freeze({ factor: 1, quietMs: 0, sinceRecoveryMs: null, flaps: 0 });

/** How long a level must have been calm before it is left: its own cooldown, longer after flaps (rules R4 and R6). */
export function cooldownOf({ spec, cooldownMs }: Compiled, { factor }: Backoff, level: number): number {
	const baseMs = cooldownMs[level] as number;
	return Math.max(baseMs, Math.min(baseMs * factor, (spec.backoff || undefined)?.maxMs ?? 300_000));
}

/** A flap multiplies the cooldown; a quiet time at the first level brings it back to its base (rule R6). */
export function advanceBackoff(
	{ spec, cooldownMs }: Compiled,
	before: Backoff,
	from: number,
	to: number,
	elapsedMs: number,
): Backoff {
	const waited = before.sinceRecoveryMs === null ? null : before.sinceRecoveryMs + elapsedMs;
	const sinceRecoveryMs = waited !== null && waited <= FLAP_MS ? waited : null;
	// Most samples change nothing here.
	if (from === to && sinceRecoveryMs === before.sinceRecoveryMs && (before.factor === 1 || from > 0)) return before;
	const { factor = 2, maxMs = 300_000, quietMs = 600_000 } = spec.backoff || {};
	const quietForMs = from === 0 ? before.quietMs + elapsedMs : 0;
	const now = from === 0 && quietForMs >= quietMs ? 1 : before.factor;
	const flapped = to > from && sinceRecoveryMs !== null;
	// Beyond this factor every cooldown is at its cap; growing further would only overflow.
	const factorMax = () => Math.max(1, maxMs / Math.max(1, Math.min(...cooldownMs)));
	return Object.freeze({
		factor: flapped && spec.backoff !== false ? Math.min(now * factor, factorMax()) : now,
		quietMs: to === 0 ? quietForMs : 0,
		sinceRecoveryMs: to > from ? null : to < from ? 0 : sinceRecoveryMs,
		flaps: before.flaps + (flapped ? 1 : 0),
	});
}
