import { setImmediate as immediate, setTimeout as sleep } from 'node:timers/promises';

/** Keeps simulated time in step with a person's time. */
export interface Pacer {
	/** So much simulated time has passed. Resolves when it has passed for the person too, all promises settled. */
	passed(simulatedMs: number): Promise<void>;
	/** Lets the person read; the simulation stands still. */
	pause(ms: number): Promise<void>;
}

/** Shorter sleeps are saved up: timers are not that exact. */
const SLEEP_LEAST_MS = 10;
const LATE_MOST_MS = 100;

/** @param speed  simulated ms per ms; `Infinity` waits for nobody. */
export function createPacer(speed: number): Pacer {
	let dueMs = performance.now();
	const catchUp = async () => {
		// Also when nobody waits: every promise of this step settles before the next one, so that each run is the same.
		await immediate();
		const aheadMs = dueMs - performance.now();
		if (aheadMs > SLEEP_LEAST_MS) await sleep(aheadMs);
		// A slow machine does not make up for lost time.
		else if (aheadMs < -LATE_MOST_MS) dueMs = performance.now();
	};
	return {
		async passed(simulatedMs) {
			dueMs += simulatedMs / speed;
			await catchUp();
		},
		async pause(ms) {
			if (speed === Number.POSITIVE_INFINITY) return;
			dueMs += ms;
			await catchUp();
		},
	};
}
