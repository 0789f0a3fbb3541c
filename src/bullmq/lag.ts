import { verify } from '../core/errors.js';
import type { SignalSource } from '../ports/signal.js';
import { type BullmqQueue, mustBeQueue } from './client.js';

export interface BullmqLagOptions {
	/** A queue of the name of the workers. It has a connection of its own, which no worker blocks. It stays the caller's. */
	readonly queue: BullmqQueue;
	/**
	 * Delayed jobs that are due within this time count too, ms. `retryMaxMs` of the processor, if a level of the ladder
	 * rejects: what was handed back is delayed, and is work all the same. Default 0: those that are due.
	 */
	readonly dueWithinMs?: number | undefined;
}

/**
 * The jobs of a queue that are still to be done: waiting, prioritised (which BullMQ does not count as waiting), delayed and
 * due, and active, of any worker. A globally paused queue has as many as an open one. Parents that wait for their children
 * are not ready to be worked on and do not count.
 *
 * It cannot fall while intake is paused (rule R8). While Redis does not answer it is unknown.
 *
 * @throws ConfigError when an option is wrong.
 * @see docs/bullmq.md
 */
export function bullmqLag({ queue, dueWithinMs = 0 }: BullmqLagOptions): SignalSource {
	verify('bullmqLag', (must) => {
		mustBeQueue(must, queue);
		const isTime = dueWithinMs >= 0 && dueWithinMs < Infinity;
		must(isTime, 'dueWithinMs', dueWithinMs, 'a finite number of at least 0');
	});
	const countDue = dueCounter(queue);
	return {
		fallsWhilePaused: false,
		async read() {
			const counting = queue.getJobCounts('waiting', 'prioritized', 'active');
			// BullMQ promotes what is due only when a worker asks for a job, so nobody does while all are paused.
			const [counts, due] = await Promise.all([counting, countDue(Date.now() + dueWithinMs)]);
			// BullMQ 5 adds the jobs of a paused queue under a name of their own.
			return Object.values(counts).reduce((sum, count) => sum + count, due);
		},
	};
}

/** BullMQ scores a delayed job with its time, and with twelve more bits that order those of one millisecond. */
const SCORES_PER_MS = 0x1000;

/** Counts the delayed jobs that are due at a time. */
function dueCounter(queue: BullmqQueue): (atMs: number) => Promise<number> {
	if (queue.getDelayedCount.length > 0) return (atMs) => queue.getDelayedCount(Math.ceil(atMs) + 1);
	// BullMQ 5 cannot be asked, but its connection can.
	return async (atMs) => {
		const client = (await queue.client) as { zcount(key: string, min: string, max: number): Promise<number> };
		return client.zcount(queue.toKey?.('delayed') ?? '', '-inf', (Math.ceil(atMs) + 1) * SCORES_PER_MS - 1);
	};
}
