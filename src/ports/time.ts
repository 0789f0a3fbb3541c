import type { Clock } from './clock.js';

/** `performance.now()` and unref'd intervals. */
export const systemClock: Clock = {
	nowMs: () => performance.now(),
	every(periodMs, run) {
		const timer: unknown = setInterval(run, periodMs);
		// Node's timer keeps the process alive unless told otherwise; a browser's is a number.
		if (typeof timer === 'object' && timer !== null && 'unref' in timer) (timer as { unref(): void }).unref();
		return () => clearInterval(timer as number);
	},
};

/** Something outside did not answer in time. Its late answer is ignored. */
export class TimeoutError extends Error {
	readonly code = 'TIMED_OUT';
	constructor(what: string, ms: number) {
		super(`${what} took longer than ${ms} ms`);
		this.name = 'TimeoutError';
	}
}

/** Bounds a wait (rule M6): rejects with a {@link TimeoutError} after `ms`, whatever the work does later. */
export function within<T>(clock: Clock, ms: number, what: string, work: PromiseLike<T>): Promise<T> {
	return new Promise((resolve, reject) => {
		const cancel = clock.every(ms, () => {
			cancel();
			reject(new TimeoutError(what, ms));
		});
		work.then(
			(value) => {
				cancel();
				resolve(value);
			},
			(error: unknown) => {
				cancel();
				reject(error);
			},
		);
	});
}
