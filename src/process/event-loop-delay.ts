import type { Clock } from '../ports/clock.js';
import type { SignalSource } from '../ports/signal.js';
import { systemClock } from '../ports/time.js';

/** A timer is due this often, and its lateness is measured. Waking up an idle process for it takes 0.3 % of a core. */
export const periodMs = 20;

/**
 * Event-loop delay: by how many ms a timer was late, at worst, since the previous read; 0 or more. One long garbage
 * collection or one slow synchronous call shows. The first reading is unknown: it starts the timer, which does not keep
 * the process alive and ends with `close()`. Give each controller a signal of its own.
 */
export function eventLoopDelaySignal(): SignalSource {
	return delayOn(systemClock);
}

/**
 * {@link eventLoopDelaySignal} on any clock.
 *
 * Node's own delay histogram is not used: its reset forgets when the timer last ran, so a block that begins right there is
 * never seen, and a window without samples is NaN. Here the last run outlives the window, and a timer that is late at the
 * moment of the read counts although it has not run yet.
 */
export function delayOn(clock: Clock): SignalSource {
	let cancel: (() => void) | undefined;
	let tickedAtMs = 0;
	let openedAtMs = 0;
	let worstMs = 0;
	let reading = Number.NaN;
	const tick = (): void => {
		const nowMs = clock.nowMs();
		worstMs = Math.max(worstMs, nowMs - tickedAtMs - periodMs);
		tickedAtMs = nowMs;
	};
	const open = (): void => {
		openedAtMs = tickedAtMs;
		worstMs = 0;
	};
	return {
		read() {
			if (!cancel) {
				tick();
				open();
				reading = Number.NaN;
				cancel = clock.every(periodMs, tick);
				return reading;
			}
			tick();
			// A window shorter than the period may hold no turn of the timer: it has nothing new to say.
			if (tickedAtMs - openedAtMs >= periodMs) {
				reading = worstMs;
				open();
			}
			return reading;
		},
		close() {
			cancel?.();
			cancel = undefined;
		},
	};
}
