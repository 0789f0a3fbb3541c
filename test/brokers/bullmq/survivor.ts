import { Queue, Worker } from 'bullmq';
import { bullmqIntake, bullmqLag, bullmqProcessor } from '../../../src/bullmq/index.js';
import type { Message, Survivor } from '../survival/course.js';

export const survivor: Survivor = {
	async consume({ url, name }, makeShedder, handle) {
		const connection = { url: url as string, connectionName: name as string };
		const queue = new Queue(name as string, { connection });
		const intake = bullmqIntake();
		const shedder = makeShedder(bullmqLag({ queue }), intake);
		const processor = bullmqProcessor(shedder, { decode: ({ data }) => data as Message, handle });
		const worker = intake.attach(
			new Worker(name as string, processor, {
				connection,
				concurrency: 50,
				// The jobs of a killed worker are given to the next one when their locks have run out.
				lockDuration: 5_000,
				stalledInterval: 1_000,
				maxStalledCount: 100,
			}),
		);
		// Connections that are cut, by the test.
		queue.on('error', () => {});
		worker.on('error', () => {});
		await worker.waitUntilReady();
		return async () => {
			await worker.close();
			await queue.close();
		};
	},
};
