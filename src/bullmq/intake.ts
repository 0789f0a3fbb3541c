import { verify } from '../core/errors.js';
import type { Intake } from '../ports/intake.js';
import type { BullmqWorker } from './client.js';
import { type SharedWorker, shareWorker } from './shared-worker.js';

/** The intake of the workers that are attached to it. */
export interface BullmqIntake extends Intake {
	/**
	 * Takes a worker in: right after it was made, so that it begins paused where intake is. It is let go when it is closed.
	 *
	 * From here on `pause`, `resume` and `run` of this worker take the intake into account: it works when neither the user
	 * nor the intake has paused it.
	 *
	 * @returns the worker.
	 */
	attach<W extends BullmqWorker>(worker: W): W;
	/** As many jobs as its workers work on at a time. */
	readonly residual: number;
}

/**
 * Pauses and resumes workers, never the queue, which all workers of all processes share. Jobs under way go on, and BullMQ
 * extends their locks meanwhile; with those that were being fetched, they are the residual.
 *
 * @see docs/bullmq.md (rule M8)
 */
export function bullmqIntake(): BullmqIntake {
	const workers = new Map<BullmqWorker, SharedWorker>();
	let paused = false;
	const each = async (act: (worker: SharedWorker) => Promise<void>): Promise<void> => {
		const results = await Promise.allSettled([...workers.values()].map(act));
		const failed = results.find((result) => result.status === 'rejected');
		if (failed !== undefined) throw failed.reason;
	};
	return {
		attach(worker) {
			verify('bullmqIntake', (must) => {
				const isWorker = typeof worker?.pause === 'function' && typeof worker.isRunning === 'function';
				must(isWorker, 'worker', worker, 'a worker of bullmq: it has no pause or isRunning');
			});
			if (!workers.has(worker)) {
				workers.set(worker, shareWorker(worker, paused));
				worker.on('closed', () => workers.delete(worker));
			}
			return worker;
		},
		pause() {
			paused = true;
			return each((worker) => worker.hold());
		},
		resume() {
			paused = false;
			return each((worker) => worker.release());
		},
		get residual() {
			let jobs = 0;
			for (const worker of workers.keys()) jobs += worker.concurrency;
			return jobs;
		},
	};
}
