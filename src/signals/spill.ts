import type { Clock } from '../ports/clock.js';
import type { SpillFedSignal } from '../ports/signal.js';
import { systemClock } from '../ports/time.js';

const nothing = (): void => {};

/**
 * How full the spill is, 0..1: the fullest store of the shedders of its controller, as of the last check; 0 without one.
 * Replay empties a store while intake is paused, so it can fall then.
 */
export function spillFullness(): SpillFedSignal {
	let now = 0;
	let fullest = 0;
	return {
		appending: () => nothing,
		filled(ratio) {
			fullest = Math.max(fullest, ratio);
		},
		read() {
			now = fullest;
			fullest = 0;
			return now;
		},
	};
}

/**
 * How long appends to the spill take, ms: the slowest since the last read, and those that are still under way. 0 when
 * nothing is spilled.
 */
export function appendDelay(clock: Clock = systemClock): SpillFedSignal {
	const underWay = new Set<{ readonly sinceMs: number }>();
	let slowestMs = 0;
	return {
		appending() {
			const append = { sinceMs: clock.nowMs() };
			underWay.add(append);
			return () => {
				if (underWay.delete(append)) slowestMs = Math.max(slowestMs, clock.nowMs() - append.sinceMs);
			};
		},
		filled: nothing,
		read() {
			// A set keeps the order in which its members came: the first is the oldest.
			const [oldest] = underWay;
			const delayMs = Math.max(slowestMs, oldest === undefined ? 0 : clock.nowMs() - oldest.sinceMs);
			slowestMs = 0;
			return delayMs;
		},
	};
}
