import type { Clock } from '../../src/ports/clock.js';

interface Timer {
	dueMs: number;
	readonly periodMs: number;
	readonly run: () => void;
}

/** A clock that a test moves by hand. */
export function steppingClock() {
	let nowMs = 1_000;
	const timers = new Set<Timer>();
	const next = () => [...timers].sort((a, b) => a.dueMs - b.dueMs)[0];
	const fireUpTo = (untilMs: number, during: (timer: Timer) => void) => {
		for (let timer = next(); timer && timer.dueMs <= untilMs; timer = next()) {
			during(timer);
			timer.dueMs = Math.max(timer.dueMs, nowMs) + timer.periodMs;
			timer.run();
		}
	};
	const clock: Clock = {
		nowMs: () => nowMs,
		every(periodMs, run) {
			const timer = { dueMs: nowMs + periodMs, periodMs, run };
			timers.add(timer);
			return () => timers.delete(timer);
		},
	};
	return {
		...clock,
		/** Time passes and every timer runs when it is due. */
		advance(ms: number) {
			const untilMs = nowMs + ms;
			fireUpTo(untilMs, (timer) => {
				nowMs = timer.dueMs;
			});
			nowMs = untilMs;
		},
		/** Time passes while nothing can run, as in a synchronous call. */
		block(ms: number) {
			nowMs += ms;
		},
		/** What is overdue runs, late. */
		catchUp: () => fireUpTo(nowMs, () => {}),
		timers: () => timers.size,
	};
}
