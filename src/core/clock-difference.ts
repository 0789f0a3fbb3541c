/** What is believed of the difference between the producers' clocks and ours. Plain JSON. */
export interface ClockDifference {
	/** To be taken off every age, ms; below 0 where the producers are ahead. 0 until it can be believed. */
	readonly ms: number;
	/** Lowest ages after a silence, ascending, of the present half of the memory and of the one before. */
	readonly silent: Lowest;
	readonly silentBefore: Lowest;
	readonly checks: number;
	/** Lowest ages of the last windows in which the queue was empty, oldest first. */
	readonly empty: readonly number[];
	/** What these say, ms; `null` before there are enough of them. */
	readonly emptyMs: number | null;
}

interface Lowest {
	/** At most {@link OUTLIERS} + 1. */
	readonly ages: readonly number[];
	readonly count: number;
}

/** What was seen between two checks. */
export interface AgesSeen {
	/** Ages of messages that came after a silence, so that nothing can have been waiting, ms. */
	readonly afterSilence: readonly number[];
	/** The lowest age of all, ms, where the queue was empty before and after; else `NaN`. */
	readonly whileEmpty: number;
}

const NEVER: Lowest = Object.freeze({ ages: Object.freeze([]), count: 0 });
/** So many of the lowest are ignored: one message with a wrong time must not move the clock of all others. */
const OUTLIERS = 2;
/** A difference is believed after so many messages, so never at a start or a gap in the middle of a backlog. */
const BELIEVED_FROM = 10;
/** For how many checks a low age after a silence counts at most: about ten minutes. */
const MEMORY = 1_200;
/** The median of so many windows is what an empty queue says. */
const WINDOWS = 9;
/**
 * A queue that is said to be empty may be one whose sensor is stuck, so on its word the difference grows no faster than
 * clocks drift apart: 0.1 ms a check is 200 millionths at two checks a second, and a stuck sensor hides an overload of an
 * hour by less than a second.
 */
const DRIFT_MS = 0.1;
/** And on its word alone it begins only with ages that are steady, and no farther apart than clocks that are set at all. */
const STEADY_MS = 500;
const BELIEVABLE_MS = 60_000;

export const noDifference: ClockDifference = Object.freeze({
	ms: 0,
	silent: NEVER,
	silentBefore: NEVER,
	checks: 0,
	empty: Object.freeze([]),
	emptyMs: null,
});

/**
 * Learns the difference of the clocks from one window: the lowest age seen while nothing was waiting, never a backlog
 * (rule R9). A silence proves that nothing waited; where there is none, a queue that is said to be empty has to do.
 */
export function learnDifference(before: ClockDifference, { afterSilence, whileEmpty }: AgesSeen): ClockDifference {
	const checks = before.checks + 1;
	// Two halves of the memory, so that what is old is forgotten without keeping everything.
	const turns = checks % (MEMORY / 2) === 0;
	const silentBefore = turns ? before.silent : before.silentBefore;
	const silent = withAges(turns ? NEVER : before.silent, afterSilence);
	const proven = withAges(silent, silentBefore.ages);

	const known = !Number.isNaN(whileEmpty);
	const empty = known ? [...before.empty, whileEmpty].slice(-WINDOWS) : before.empty;
	const emptyMs = known && empty.length === WINDOWS ? follow(before.emptyMs, empty) : before.emptyMs;

	const ms = silent.count + silentBefore.count >= BELIEVED_FROM ? (proven.ages.at(-1) as number) : (emptyMs ?? 0);
	return Object.freeze({ ms, silent, silentBefore, checks, empty, emptyMs });
}

function follow(before: number | null, ages: readonly number[]): number | null {
	const ageMs = median(ages);
	if (before !== null) return Math.min(ageMs, before + DRIFT_MS);
	const steady = Math.max(...ages) - Math.min(...ages) <= STEADY_MS;
	return steady && Math.abs(ageMs) <= BELIEVABLE_MS ? ageMs : null;
}

function withAges({ ages, count }: Lowest, more: readonly number[]): Lowest {
	if (more.length === 0) return { ages, count };
	const lowest = [...ages, ...more].sort((a, b) => a - b).slice(0, OUTLIERS + 1);
	return { ages: lowest, count: count + more.length };
}

function median(numbers: readonly number[]): number {
	return [...numbers].sort((a, b) => a - b)[numbers.length >> 1] as number;
}
