import type { CompiledSignal } from './compile.js';
import { compiled, type Ladder } from './ladder.js';

/** One number per declared signal, in that signal's unit; `NaN` = unknown. */
export type Readings<S extends string> = { readonly [K in S]: number };

/**
 * The demand: the highest level for which any known signal is at or above its threshold (rule R1). Unknown readings ask
 * for nothing and mask nothing.
 *
 * @returns a level's index, 0 when nothing is asked for.
 */
export function demandOf<S extends string>(ladder: Ladder<string, S>, readings: Readings<NoInfer<S>>): number {
	let demand = 0;
	for (const signal of compiled(ladder).signals) {
		demand = Math.max(demand, Math.floor(severityOf(signal, readings[signal.name as S])));
	}
	return demand;
}

/**
 * Whether a level is calm: every signal with a threshold on it is known and below `enterAt x recoverBelow` (rule R3).
 *
 * @param level  a level's index; the first level is always calm.
 */
export function isCalm<S extends string>(
	ladder: Ladder<string, S>,
	level: number,
	readings: Readings<NoInfer<S>>,
): boolean {
	return compiled(ladder).signals.every((signal) => {
		const threshold = signal.at[level];
		const reading = readings[signal.name as S];
		return threshold === undefined || (isReading(reading) && reading < threshold.release);
	});
}

/** The release threshold of a signal on a level, in the signal's unit; `undefined` where it has none. */
export function releaseAt<S extends string>(
	ladder: Ladder<string, S>,
	level: number,
	signal: NoInfer<S>,
): number | undefined {
	return compiled(ladder).signals.find(({ name }) => name === signal)?.at[level]?.release;
}

/** What counts as a reading: thresholds are positive, so a negative number is as bad as `NaN` (rule R5). */
export function isReading(value: number | null | undefined): value is number {
	return Number.isFinite(value) && (value as number) >= 0;
}

// The fraction towards the next rung stays below 1, so that the whole part of a severity is always the demand.
export const ALMOST_ONE = 1 - 2 ** -40;

/**
 * The demand of one reading with its fraction towards the signal's next threshold (rule R1). Above the last threshold
 * the way to "fully applied" is as long as the way to that threshold was: heap 0.90 then 0.95 is complete at 1.0.
 */
export function severityOf(signal: CompiledSignal, reading: number): number {
	if (!isReading(reading) || signal.thresholds.length === 0) return 0;
	let rung = 0;
	let from = 0;
	let width = 0;
	for (const { level, enterAt } of signal.thresholds) {
		width = enterAt - from;
		if (reading < enterAt) break;
		rung = level;
		from = enterAt;
	}
	return rung + Math.min((reading - from) / width, ALMOST_ONE);
}
