import { cooldownOf } from '../backoff.js';
import type { Moment } from '../moment.js';
import type { Hold } from '../state.js';
import type { Standing } from './hold.js';

/** Holds an earned recovery for at most one further cooldown, so that no estimate can forbid it for ever. */
export function oneMoreCooldown(reason: Hold['reason'], { ladder, atMs }: Moment, now: Standing): Hold | null {
	// How long it will be is known once the recovery is earned.
	if (now.heldMs === null) return { reason };
	const remainingMs = cooldownOf(ladder, now.backoff, now.automatic) - now.heldMs;
	return remainingMs > 0 ? { reason, untilMs: atMs + remainingMs } : null;
}
