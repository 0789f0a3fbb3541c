import type { Moment } from '../moment.js';
import type { Hold, LadderState } from '../state.js';
import { cooldown } from './cooldown.js';
import { guard } from './guard.js';
import type { HoldRule, Standing } from './hold.js';
import { override } from './override.js';
import { probe } from './probe.js';
import { spill } from './spill.js';
import { unknown } from './unknown.js';

/** A recovery is earned once these let go of it ... */
const EARNED: readonly HoldRule[] = [cooldown, unknown];
/** ... and is carried out once these do too. */
const PRUDENT: readonly HoldRule[] = [guard, spill];
/** All that is told to people, in this order. */
const TOLD: readonly HoldRule[] = [cooldown, unknown, guard, probe, override, spill];

const NONE: readonly Hold[] = Object.freeze([]);

/** The lowest level that the ladder may recover to: by what it has earned, and by what is prudent. */
export function recoverableTo(moment: Moment): { readonly earned: number; readonly prudent: number } {
	const { automatic, level, backoff, probing, probe } = moment.before;
	if (moment.demand >= automatic) return { earned: automatic, prudent: automatic };
	const now: Standing = { automatic, level, backoff, probing, probe, calmMs: moment.calmMs, heldMs: moment.heldMs };
	const earned = lowest(moment, now, moment.demand, EARNED);
	return { earned, prudent: lowest(moment, now, earned, PRUDENT) };
}

function lowest(moment: Moment, now: Standing, from: number, rules: readonly HoldRule[]): number {
	let target = from;
	while (target < now.automatic && isHeld(moment, now, target, rules)) target++;
	return target;
}

function isHeld(moment: Moment, now: Standing, target: number, rules: readonly HoldRule[]): boolean {
	for (const rule of rules) if (rule(moment, now, target) !== null) return true;
	return false;
}

/** What keeps the ladder from the next milder level, in order. */
export function holdsOn(moment: Moment, now: LadderState): readonly Hold[] {
	if (now.level === 0 && now.automatic === 0) return NONE;
	const holds: Hold[] = [];
	for (const rule of TOLD) {
		const hold = rule(moment, now, Math.max(0, now.automatic - 1));
		if (hold !== null) holds.push(Object.freeze(hold));
	}
	return Object.freeze(holds);
}
