/** What is believed of the difference between the producers' clocks and ours. Plain JSON. */
export interface ClockDifference {
	/** To be taken off every age, ms; below 0 where the producers are ahead. 0 until it is known. */
	readonly ms: number;
	readonly known: boolean;
	/** The median ages of the last windows in which nothing was waiting, ms, oldest first. */
	readonly windows: readonly number[];
	/** The lowest of all so far, ms; `null` before the first. */
	readonly lowestMs: number | null;
}

export const noDifference: ClockDifference = Object.freeze({
	ms: 0,
	known: false,
	windows: Object.freeze([]),
	lowestMs: null,
});

/** So many windows are remembered; a quarter of them may be wrong. */
const WINDOWS = 15;
/** Ages that are farther above the lowest are those of a queue, which grows and shrinks, rather than a difference of clocks. */
const SPREAD_MS = 500;
/** Clocks that are set at all are no farther apart, ms. */
const BELIEVABLE_MS = 60_000;
/**
 * It grows no faster than clocks drift apart: 0.1 ms a window is 200 millionths at two checks a second. So a sensor that is
 * stuck, or a silence that is none, hides an overload of an hour by less than a second.
 */
const DRIFT_MS = 0.1;

/**
 * Learns the difference of the clocks from the ages of messages that came while nothing was waiting (rule R9), a window of
 * them each time. That nothing waited is the word of a sensor or of a silence, which may be wrong, and a backlog must not
 * pass for a difference: it begins only where most ages are about as low as any before, and grows slowly.
 *
 * Medians, because the clock of one producer must not become that of all others.
 *
 * @param ages  ms, none where nothing is known.
 */
export function learnDifference(before: ClockDifference, ages: readonly number[]): ClockDifference {
	if (ages.length === 0) return before;
	const { ms, known } = before;
	const window = quantile(ages, 0.5);
	const windows = Object.freeze([...before.windows, window].slice(-WINDOWS));
	const lowestMs = Math.min(before.lowestMs ?? window, window);
	const middle = quantile(windows, 0.5);
	const believable = windows.length === WINDOWS && Math.abs(middle) <= BELIEVABLE_MS;
	const begins = believable && !known && middle - lowestMs <= SPREAD_MS;
	const shrinks = believable && known && quantile(windows, 0.75) < ms;
	const grown = known ? Math.max(ms, Math.min(middle, ms + DRIFT_MS)) : ms;
	return Object.freeze({ ms: begins || shrinks ? middle : grown, known: known || begins, windows, lowestMs });
}

function quantile(numbers: readonly number[], q: number): number {
	return [...numbers].sort((a, b) => a - b)[Math.floor(q * numbers.length)] as number;
}
