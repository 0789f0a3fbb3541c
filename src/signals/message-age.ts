import type { FedSignal } from '../ports/signal.js';

/** Lowest ages seen while nothing was waiting. */
interface Calm {
	/** The lowest, ascending; at most {@link OUTLIERS} + 1. */
	readonly lowest: readonly number[];
	readonly count: number;
}

const NEVER: Calm = { lowest: [], count: 0 };
/** These many of the lowest are ignored: one message with a wrong time must not move the clock of all others. */
const OUTLIERS = 2;
/** A difference of clocks is believed after these many messages, so never at a start or a gap in the middle of a backlog. */
const BELIEVED_FROM = 10;
/** For how many reads a low age counts at most: about ten minutes of checks. */
const MEMORY = 1_200;

/**
 * The standing delay in ms: the minimum age of the messages offered since the last read. One old message is no delay; all
 * of them being old is. Fed by every shedder of its controller that has `timeOf`, so no sensor can be stuck or silent.
 *
 * The lowest age seen lately while nothing was waiting is taken off: it is the difference between the producer's and the
 * consumer's clocks, never a backlog (rule R9). No messages are no delay, unless a handler has been busy all along: then
 * the last delay stands. Messages of which no time can be told make it unknown.
 */
export function messageAge(): FedSignal {
	let lowest = Number.POSITIVE_INFINITY;
	let delayMs = 0;
	let offered = 0;
	let inFlight = 0;
	let reads = 0;
	let calm = NEVER;
	let calmBefore = NEVER;
	return {
		offered(ageMs, idle) {
			offered++;
			inFlight++;
			if (!Number.isFinite(ageMs)) return;
			if (ageMs < lowest) lowest = ageMs;
			if (idle) calm = withAge(calm, ageMs);
		},
		left() {
			inFlight--;
		},
		read() {
			// Two halves of the memory, so that what is old is forgotten without keeping everything.
			if (++reads % (MEMORY / 2) === 0) {
				calmBefore = calm;
				calm = NEVER;
			}
			const skewMs = calmBefore.lowest.reduce(withAge, calm);
			if (lowest !== Number.POSITIVE_INFINITY) delayMs = Math.max(0, lowest - differenceOf(skewMs, calmBefore.count));
			else if (offered > 0) delayMs = Number.NaN;
			else if (inFlight === 0) delayMs = 0;
			lowest = Number.POSITIVE_INFINITY;
			offered = 0;
			return delayMs;
		},
	};
}

function withAge({ lowest, count }: Calm, ageMs: number): Calm {
	return { lowest: [...lowest, ageMs].sort((a, b) => a - b).slice(0, OUTLIERS + 1), count: count + 1 };
}

/** The difference of the clocks, ms; 0 until it can be believed. */
function differenceOf({ lowest, count }: Calm, before: number): number {
	return count + before >= BELIEVED_FROM ? (lowest.at(-1) ?? 0) : 0;
}
