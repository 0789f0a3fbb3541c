import { verify } from '../core/errors.js';
import type { SignalSource } from '../ports/signal.js';
import { type BullmqJob, type BullmqQueue, mustBeQueue } from './client.js';

/**
 * How long the job that is next has been ready, ms, by the clock of this process: the oldest of those that wait, or the
 * first of those with a priority, whichever is older. 0 when none waits. With `lifo` or priorities others may wait longer.
 *
 * It costs one call for each of the two and reads both jobs, their data included. It grows while intake is paused.
 *
 * @throws ConfigError when the queue is none.
 */
export function bullmqAge({ queue }: { readonly queue: BullmqQueue }): SignalSource {
	verify('bullmqAge', (must) => mustBeQueue(must, queue));
	return {
		fallsWhilePaused: false,
		async read() {
			const [waiting, prioritized] = await Promise.all([
				queue.getJobs(['waiting'], 0, 0, true),
				queue.getJobs(['prioritized'], 0, 0, true),
			]);
			const next = [...waiting, ...prioritized].filter((job) => job !== undefined);
			const readySinceMs = next.map(readyAtMs);
			return readySinceMs.length > 0 ? Math.max(0, Date.now() - Math.min(...readySinceMs)) : 0;
		},
	};
}

/** A job that was to come later has not been late all the while. */
const readyAtMs = ({ timestamp, opts }: BullmqJob): number => timestamp + (opts.delay ?? 0);
