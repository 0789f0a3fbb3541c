import { compiled, type Ladder } from './ladder.js';

/** What decides whether spilled messages may be fed back. */
export interface ReplayGate {
	/** The level in force and the level asked for, indices. */
	readonly level: number;
	readonly demand: number;
	readonly severity: number;
	/** Intake is closed: there is room, and a full spill must be able to drain. */
	readonly paused: boolean;
}

/**
 * Whether replay may run (rule M3): while intake is paused; under gradual treatment while nothing but features is given
 * up, whatever level a cooldown still holds; else at or below `upTo`, by default (and when the ladder has no such level)
 * the last level that spills nothing.
 */
export function mayReplay<N extends string>(ladder: Ladder<N>, gate: ReplayGate, upTo?: NoInfer<N>): boolean {
	const { spec, leanLevel, lastUnspilled } = compiled(ladder);
	if (gate.paused) return true;
	const named = upTo === undefined ? -1 : ladder.levels.indexOf(upTo);
	if (spec.gradual === true && named < 0) return gate.severity <= leanLevel + 1;
	return Math.max(gate.level, gate.demand) <= (named < 0 ? lastUnspilled : named);
}
