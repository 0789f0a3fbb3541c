import { checkHandling, type Handling } from '../brokers/handling.js';
import { verify } from '../core/errors.js';
import type { MessageShedder } from '../ports/shedder.js';
import type { BullmqJob } from './client.js';

/** How the jobs of a queue are processed. */
export interface BullmqProcessorOptions<J extends BullmqJob, M, C, V> extends Handling<J, M, C, V> {
	/**
	 * How long a job that is handed back stays away, ms, 1 to 3 600 000. Doubled each time it is handed back again.
	 * Default 1 000.
	 */
	readonly retryMs?: number | undefined;
	/** Most of it, ms, `retryMs` to 3 600 000. Default 30 000, or `retryMs` where that is more. */
	readonly retryMaxMs?: number | undefined;
}

/** The return value of a job that was given up or kept instead of processed. */
export interface BullmqShed {
	readonly brownout: 'dropped' | 'spilled';
}

const RETRY_MOST_MS = 3_600_000;
const DROPPED: BullmqShed = Object.freeze({ brownout: 'dropped' });
const SPILLED: BullmqShed = Object.freeze({ brownout: 'spilled' });

/**
 * The processor of a worker, `new Worker(name, bullmqProcessor(...), options)`. A job completes with the value of `handle`,
 * or as {@link BullmqShed}: one that is spilled once it is durable. One that is handed back is delayed, by BullMQ's own means:
 * it costs none of its attempts. One whose `decode` or `handle` throws fails as in any worker.
 *
 * Jobs are worked on as many at a time as the worker's `concurrency` says, and what is spilled at the same time is written
 * together by the store. So a worker that spills to a disk wants a concurrency of 50 rather than 1.
 *
 * @throws ConfigError when an option is wrong.
 * @see docs/bullmq.md (rule M2)
 */
export function bullmqProcessor<M, C, V, J extends BullmqJob = BullmqJob>(
	shedder: MessageShedder<M, C>,
	options: BullmqProcessorOptions<J, M, C, V>,
): (job: J, token?: string) => Promise<V | BullmqShed> {
	const { decode, handle, name, retryMs = 1_000, retryMaxMs = Math.max(30_000, retryMs) } = options;
	verify('bullmqProcessor', (must) => {
		checkHandling(must, options);
		const whole = (path: string, value: number, least: number) =>
			must(
				Number.isInteger(value) && value >= least && value <= RETRY_MOST_MS,
				path,
				value,
				`a whole number from ${least} to ${RETRY_MOST_MS}`,
			);
		whole('retryMs', retryMs, 1);
		whole('retryMaxMs', retryMaxMs, Math.max(1, retryMs));
	});
	const process = shedder.wrap(handle, { name });
	return async (job, token) => {
		const outcome = await process(decode(job));
		switch (outcome.action) {
			case 'process':
				return outcome.value;
			case 'spill':
				return SPILLED;
			case 'drop':
				return DROPPED;
			case 'reject': {
				const before = Math.max(0, job.attemptsStarted - job.attemptsMade - 1);
				await job.moveToDelayed(Date.now() + Math.min(retryMaxMs, retryMs * 2 ** before), token);
				throw delayedError(outcome.cause);
			}
		}
	};
}

/** What tells BullMQ that a job was moved, neither done nor failed. It knows the error by its name. */
function delayedError(cause: unknown): Error {
	return Object.assign(new Error('the job was handed back', { cause }), { name: 'DelayedError' });
}
