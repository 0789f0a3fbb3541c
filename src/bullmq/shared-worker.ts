import type { BullmqWorker } from './client.js';

/** A worker that works when neither its user nor the intake has paused it. */
export interface SharedWorker {
	/** The intake pauses it. Idempotent. */
	hold(): Promise<void>;
	/** The intake no longer does. Idempotent. */
	release(): Promise<void>;
}

/**
 * Listens to the user's pause and resume by taking the place of the two functions of this worker: BullMQ tells nobody of
 * the pause of a worker that is paused already, and a resume would end both.
 */
export function shareWorker(worker: BullmqWorker, held: boolean): SharedWorker {
	const client = {
		pause: worker.pause.bind(worker),
		resume: worker.resume.bind(worker),
		run: worker.run.bind(worker),
	};
	let byUser = worker.isPaused();
	let byIntake = false;

	const hold = async (): Promise<void> => {
		byIntake = true;
		// The resume of a worker that never ran would start it. If it is started later, it begins paused.
		if (worker.isRunning() && !worker.isPaused()) await client.pause(true);
	};
	const release = async (): Promise<void> => {
		byIntake = false;
		if (byUser || !worker.isPaused()) return;
		await client.resume();
		// A worker that was about to end its loop has not noticed, and would never take a job again.
		await new Promise((resolve) => setImmediate(resolve));
		if (!worker.isRunning() && !worker.isPaused() && !byIntake) await client.resume();
	};
	worker.pause = async (doNotWaitActive) => {
		byUser = true;
		if (!byIntake || !worker.isPaused()) await client.pause(doNotWaitActive);
	};
	worker.resume = async () => {
		byUser = false;
		if (!byIntake) await client.resume();
	};
	worker.run = async () => {
		if (byIntake && !worker.isPaused()) await client.pause(true);
		await client.run();
	};
	// Not awaited: it is set at once, and all that can fail is what BullMQ tells through its `error` event.
	if (held) void hold();
	return { hold, release };
}
