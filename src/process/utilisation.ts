import type { SignalSource } from '../ports/signal.js';

/** Two running totals of the same origin: how long something was busy, and how long it could have been. */
export interface Usage {
	readonly busyMs: number;
	readonly totalMs: number;
}

/**
 * Two reads that are closer than this share one reading: in a window of microseconds the reader itself is all there is to
 * see, and in one of 0 ms there is nothing to divide by.
 */
export const minWindowMs = 10;

/**
 * Busy / total, 0..1, in the window between two reads, never since the process began: an average over hours does not move.
 * The first read opens the window and is unknown, so that the work of starting up is no overload.
 */
export function utilisation(usage: () => Usage): SignalSource {
	let from: Usage | undefined;
	let reading = Number.NaN;
	return {
		read() {
			const to = usage();
			from ??= to;
			const windowMs = to.totalMs - from.totalMs;
			if (windowMs >= minWindowMs) {
				// The two totals are not taken at the same instant, so their quotient may be a hair above 1.
				reading = Math.min((to.busyMs - from.busyMs) / windowMs, 1);
				from = to;
			}
			return reading;
		},
		close() {
			from = undefined;
			reading = Number.NaN;
		},
	};
}
