import type { Moment } from '../moment.js';
import type { Hold, LadderState } from '../state.js';
import { cooldown } from './cooldown.js';
import { guard } from './guard.js';
import type { HoldRule, ReportRule, Standing } from './hold.js';
import { override } from './override.js';
import { probe } from './probe.js';
import { spill } from './spill.js';
import { unknown } from './unknown.js';

/** A recovery is earned once these let go of it ... */
const EARNED: readonly HoldRule[] = [cooldown, unknown];
/** ... and is carried out once these do too. */
const PRUDENT: readonly HoldRule[] = [guard, spill];
/** All that is told to people, in this order. */
const TOLD: readonly (HoldRule | ReportRule)[] = [cooldown, unknown, guard, probe, override, spill];
/** At the first level only a person can keep another one in force. */
const TOLD_AT_FIRST: readonly ReportRule[] = [override];

const NONE: readonly Hold[] = Object.freeze([]);

/** The lowest level that the ladder may recover to: by what it has earned, and by what is prudent. */
export function recoverableTo(moment: Moment): { readonly earned: number; readonly prudent: number } {
	const { automatic, backoff } = moment.before;
	if (moment.demand >= automatic) return { earned: automatic, prudent: automatic };
	const now: Standing = { automatic, backoff, calmMs: moment.calmMs, heldMs: moment.heldMs };
	// What holds one level holds all below it.
	let earned = automatic;
	while (earned > moment.demand && !isHeld(moment, now, earned - 1, EARNED)) earned--;
	// Of these, one level may be held and the next one not.
	let prudent = earned;
	while (prudent < automatic && isHeld(moment, now, prudent, PRUDENT)) prudent++;
	return { earned, prudent };
}

function isHeld(moment: Moment, now: Standing, target: number, rules: readonly HoldRule[]): boolean {
	return rules.some((rule) => rule(moment, now, target) !== null);
}

/** What keeps the ladder from the next milder level, in order. */
export function holdsOn(moment: Moment, now: LadderState): readonly Hold[] {
	if (now.level === 0 && now.automatic === 0) return NONE;
	const holds: Hold[] = [];
	for (const rule of now.automatic > 0 ? TOLD : TOLD_AT_FIRST) {
		const hold = rule(moment, now, now.automatic - 1);
		if (hold !== null) holds.push(Object.freeze(hold));
	}
	return Object.freeze(holds);
}
