import type { Compiled } from './compile.js';
import { isStale, readingOf, type Sensor } from './sensor.js';

/** `'yes'`: calm. `'no'`: a signal is at or above its release threshold. `'unknown'`: nobody can tell, so time stands still. */
export type Verdict = 'yes' | 'no' | 'unknown';

/**
 * Whether a level is calm, given what is known (rules R3 and R5). A stale signal that is ignored leaves the decision to
 * the others; when none is left the level holds.
 */
export function calmVerdict({ signals }: Compiled, sensors: readonly Sensor[], level: number): Verdict {
	// Nothing asks for the first level.
	if (level === 0) return 'yes';
	let asked = 0;
	let answered = 0;
	let verdict: Verdict = 'yes';
	for (let i = 0; i < signals.length; i++) {
		const signal = signals[i] as (typeof signals)[number];
		const sensor = sensors[i] as Sensor;
		const stale = isStale(signal, sensor);
		if (stale && signal.staleLevel >= level) return 'no';
		const threshold = signal.at[level];
		if (threshold === undefined) continue;
		asked++;
		const value = readingOf(sensor);
		if (value >= threshold.release || (stale && signal.policy.onStale === 'hold')) return 'no';
		if (stale) continue;
		answered++;
		if (Number.isNaN(value)) verdict = 'unknown';
	}
	return asked > 0 && answered === 0 ? 'no' : verdict;
}

/**
 * For how long each level has been calm. Time counts only between two samples in which the level's signals are known;
 * it starts anew when a signal turns stale, after a gap, and when the level was not calm.
 *
 * @param inSight  every signal is known, and was known a sample ago.
 */
export function calmTimes(
	ladder: Compiled,
	before: { readonly calmMs: readonly (number | null)[]; readonly sensors: readonly Sensor[] },
	sensors: readonly Sensor[],
	inSight: boolean,
	verdicts: readonly Verdict[],
	elapsedMs: number,
): readonly (number | null)[] {
	const gap = elapsedMs > (ladder.spec.maxGapMs ?? 60_000);
	return verdicts.map((verdict, level) => {
		const calmMs = before.calmMs[level] as number | null;
		if (verdict === 'no') return null;
		const sight = inSight ? CLEAR : sightOf(ladder, before.sensors, sensors, level);
		if (gap || sight.broken || calmMs === null) return verdict === 'yes' ? 0 : null;
		return verdict === 'yes' && !sight.frozen ? calmMs + elapsedMs : calmMs;
	});
}

const CLEAR = { frozen: false, broken: false };

/** Whether a signal of this level was unknown a sample ago, and whether one has just turned stale. */
function sightOf({ signals }: Compiled, before: readonly Sensor[], sensors: readonly Sensor[], level: number) {
	let frozen = false;
	let broken = false;
	signals.forEach((signal, i) => {
		if (signal.at[level] === undefined) return;
		const was = before[i] as Sensor;
		const wasStale = isStale(signal, was);
		frozen ||= was.unknownMs !== null && !wasStale;
		broken ||= !wasStale && isStale(signal, sensors[i] as Sensor);
	});
	return { frozen, broken };
}
