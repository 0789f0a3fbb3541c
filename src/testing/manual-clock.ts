import type { Clock } from '../ports/clock.js';

/** A clock that moves only when it is told to, for tests without sleeping. */
export interface ManualClock extends Clock {
	/**
	 * Moves time on by `ms` and runs every timer that falls due, in order. Between two timers the promises that they led to
	 * are settled, as far as they need no further time.
	 */
	advance(ms: number): Promise<void>;
	/** Timers that have not been cancelled. 0 after everything was closed. */
	readonly timers: number;
}

/** Turns of the microtask queue after each timer: enough for the promises of one check. */
const TURNS = 64;

/** @param startMs where it starts, ms; default 0. */
export function manualClock(startMs = 0): ManualClock {
	let now = startMs;
	const timers = new Set<{ dueMs: number; readonly periodMs: number; readonly run: () => void }>();
	const settle = async () => {
		for (let turn = 0; turn < TURNS; turn++) await Promise.resolve();
	};
	return {
		nowMs: () => now,
		every(periodMs, run) {
			const timer = { dueMs: now + periodMs, periodMs, run };
			timers.add(timer);
			return () => {
				timers.delete(timer);
			};
		},
		async advance(ms) {
			const endMs = now + ms;
			await settle();
			for (;;) {
				const [next] = [...timers].sort((a, b) => a.dueMs - b.dueMs);
				if (next === undefined || next.dueMs > endMs) break;
				now = Math.max(now, next.dueMs);
				next.dueMs += next.periodMs;
				next.run();
				await settle();
			}
			now = endMs;
		},
		get timers() {
			return timers.size;
		},
	};
}
