import type { CompiledSignal } from './compile.js';
import { isReading } from './hysteresis.js';

/** What is remembered of one signal between samples. Plain JSON. */
export interface Sensor {
	/** The last good reading, `null` before the first. */
	readonly good: number | null;
	/** Age of the last good reading, ms. */
	readonly ageMs: number;
	/** For how long the reading has been the same while traffic moved, ms. */
	readonly sameMs: number;
	/** For how long the signal has been unknown, ms; `null` while it is known. */
	readonly unknownMs: number | null;
}

/** A signal is unknown until its first good reading. */
export const newSensor: Sensor = Object.freeze({ good: null, ageMs: 0, sameMs: 0, unknownMs: 0 });

/**
 * Judges one reading (rule R5): good, bridged by the last good one up to `maxAgeMs`, or unknown. A reading that stays the
 * same for `stuckAfterMs` while traffic moves is unknown too, and is not bridged by itself; that time begins anew when the
 * broker has assigned anew.
 */
export function sense(
	{ policy, stuckAfterMs }: CompiledSignal,
	before: Sensor,
	reading: number,
	elapsedMs: number,
	trafficMoves: boolean,
	assignedAnew: boolean,
): Sensor {
	const good = isReading(reading);
	const ageMs = good ? 0 : before.ageMs + elapsedMs;
	const moved = good && reading !== before.good;
	// Nothing at all is what a queue reads that is kept up with.
	const counts = good && reading !== 0 && trafficMoves && stuckAfterMs !== Number.POSITIVE_INFINITY;
	const sameMs = moved || assignedAnew ? 0 : before.sameMs + (counts ? elapsedMs : 0);
	const stuck = sameMs >= stuckAfterMs;
	const bridged = !good && before.good !== null && ageMs <= (policy.maxAgeMs ?? -1);
	const unknown = stuck || !(good || bridged);
	if (good && !moved && !unknown && before.unknownMs === null && sameMs === before.sameMs && before.ageMs === 0)
		return before;
	return Object.freeze({
		good: good ? reading : before.good,
		ageMs,
		sameMs,
		unknownMs: !unknown ? null : before.unknownMs === null ? 0 : before.unknownMs + elapsedMs,
	});
}

/** The reading that counts, `NaN` while unknown. */
export function readingOf(sensor: Sensor): number {
	return sensor.unknownMs === null && sensor.good !== null ? sensor.good : Number.NaN;
}

/** Unknown for longer than `staleAfterMs`: from here on the signal's `onStale` decides. */
export function isStale(signal: CompiledSignal, sensor: Sensor): boolean {
	return sensor.unknownMs !== null && sensor.unknownMs > signal.staleAfterMs;
}
