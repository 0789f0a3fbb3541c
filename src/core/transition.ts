import { compiled, type Ladder } from './ladder.js';
import type { Moment } from './moment.js';
import { readingOf, type Sensor } from './sensor.js';
import type { Cause, Transition } from './state.js';

/** Tells a change of the level in force, with its causes (rule D6). */
export function transitionOf<N extends string, S extends string>(
	ladder: Ladder<N, S>,
	moment: Moment,
	to: number,
	overridden: boolean,
): Transition<N, S> | null {
	const from = moment.before.level;
	if (from === to) return null;
	const direction = to > from ? 'escalate' : 'recover';
	const why = overridden
		? 'override'
		: direction === 'recover'
			? 'recovered'
			: moment.live >= to
				? 'signal'
				: moment.withStale >= to
					? 'stale'
					: 'spill-full';
	const causes = overridden ? [] : causesOf(ladder, moment, direction === 'escalate' ? to : from, direction);
	return Object.freeze({
		from: ladder.levels[from] as N,
		to: ladder.levels[to] as N,
		direction,
		causes: Object.freeze(causes),
		why,
		atMs: moment.atMs,
	});
}

/** Going up, the signals that ask for the new level or a higher one; coming down, all that had held the old one. */
function causesOf<S extends string>(
	ladder: Ladder<string, S>,
	{ sensors, live }: Moment,
	rung: number,
	direction: Transition['direction'],
): Cause<S>[] {
	return compiled(ladder).signals.flatMap((signal, i) => {
		const reading = readingOf(sensors[i] as Sensor);
		const cause = (threshold = Number.NaN) => [Object.freeze({ signal: signal.name as S, reading, threshold })];
		if (direction === 'recover') return signal.at[rung] === undefined ? [] : cause(signal.at[rung].release);
		const reached = signal.thresholds.find(({ level, enterAt }) => level >= rung && reading >= enterAt);
		if (reached !== undefined) return cause(reached.enterAt);
		// A stale signal demands its level without a reading.
		return live < rung && signal.staleLevel >= rung && Number.isNaN(reading) ? cause() : [];
	});
}
