import type { Cell, Stage } from './compile.js';
import { compiled, type Ladder } from './ladder.js';
import type { Action } from './spec.js';

/** What to do with a message. Frozen and interned: the same object for the same treatment (rule D1). */
export interface Decision<N extends string = string, P extends string = string, F extends string = string> {
	readonly action: Action;
	/** The level in force. */
	readonly level: N;
	readonly priority: P;
	/** Which features are on for this message. */
	readonly features: { readonly [K in F]: boolean };
}

/**
 * The shedding decision: one cell of the table level x priority (rules D1 to D3). Allocates nothing.
 *
 * @param level  a level's index, 0 is the mildest.
 * @throws RangeError for a level or priority that the ladder does not have.
 */
export function decide<N extends string, S extends string, G extends string, R extends string, F extends string>(
	ladder: Ladder<N, S, G, R, F>,
	level: number,
	priority: NoInfer<G | R>,
): Decision<N, G | R, F> {
	const form = compiled(ladder);
	return decisionOf(form.table[level]?.[form.priorityIndex.get(priority) ?? -1], level, priority);
}

/**
 * The shedding decision under gradual treatment (rule D8): the level is a cap, and as the severity goes from L to L + 1
 * the changes of level L reach more and more keys: features first, then the least important priority. Monotone in
 * severity, and the same key is always among the first.
 *
 * @param severity  as `step` returns it.
 * @param position  a stable hash of the message's key in [0, 1).
 * @throws RangeError for a level or priority that the ladder does not have.
 */
export function decideGradually<
	N extends string,
	S extends string,
	G extends string,
	R extends string,
	F extends string,
>(
	ladder: Ladder<N, S, G, R, F>,
	level: number,
	severity: number,
	priority: NoInfer<G | R>,
	position: number,
): Decision<N, G | R, F> {
	const form = compiled(ladder);
	const p = form.priorityIndex.get(priority) ?? -1;
	if (!(severity < level + 1)) return decisionOf(form.table[level]?.[p], level, priority);
	const towards = Math.max(0, Math.floor(severity));
	const changes = form.changes[towards];
	if (changes === undefined) return decisionOf(undefined, level, priority);
	const { parts, features, partOf } = changes;
	const done = (severity - towards) * parts;
	const part = partOf[p] ?? -1;
	const stage: Stage = part >= 0 && position < done - part ? 2 : features && position < done ? 1 : 0;
	return decisionOf(form.graded[level]?.[towards]?.[p]?.[stage], level, priority);
}

function decisionOf<D>(cell: Cell | undefined, level: number, priority: string): D {
	if (cell === undefined) throw new RangeError(`the ladder has no level ${level} with a priority "${priority}"`);
	return cell as D;
}
