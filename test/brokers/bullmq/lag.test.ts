import { setTimeout as sleep } from 'node:timers/promises';
import { FlowProducer } from 'bullmq';
import { describe, expect, it } from 'vitest';
import { bullmqAge, bullmqLag } from '../../../src/bullmq/index.js';
import { describeWith, redis, startRedis, until } from '../../support/services.js';
import { at } from './place.js';

const jobs = (count: number, opts: { priority?: number; delay?: number } = {}) =>
	Array.from({ length: count }, () => ({ name: 'job', data: {}, opts }));

await describeWith(redis, 'bullmqLag', ({ url }) => {
	it('is 0 for a queue that nobody has used', () =>
		at(url, async ({ queue }) => {
			expect(await bullmqLag({ queue }).read()).toBe(0);
		}));

	it('counts waiting and prioritised jobs, and delayed ones once they are due', () =>
		at(url, async ({ queue, counts }) => {
			const lag = bullmqLag({ queue });
			await queue.addBulk(jobs(7));
			await queue.addBulk(jobs(5, { priority: 3 }));
			await queue.addBulk(jobs(3, { delay: 400 }));
			await queue.addBulk(jobs(2, { delay: 3_600_000 }));
			expect(await counts()).toEqual({ wait: 7, prioritized: 5, delayed: 5, active: 0 });
			expect(await lag.read()).toBe(12);
			await sleep(450);
			// Nobody has asked for a job, so BullMQ still calls them delayed.
			expect(await counts()).toMatchObject({ delayed: 5 });
			expect(await lag.read()).toBe(15);
			expect(await bullmqLag({ queue, dueWithinMs: 7_200_000 }).read()).toBe(17);
		}));

	it('counts the same while the queue is paused for everybody', () =>
		at(url, async ({ queue }) => {
			const lag = bullmqLag({ queue });
			await queue.addBulk(jobs(4));
			await queue.addBulk(jobs(3, { priority: 1 }));
			await queue.pause();
			await queue.addBulk(jobs(2));
			expect(await lag.read()).toBe(9);
			await queue.resume();
			expect(await lag.read()).toBe(9);
		}));

	it('counts the active jobs of every worker, those of a dead one too', () =>
		at(url, async ({ queue, worker: makeWorker, counts }) => {
			const lag = bullmqLag({ queue });
			let finish = () => {};
			const work = new Promise<void>((resolve) => {
				finish = resolve;
			});
			await queue.addBulk(jobs(10));
			// Takes a job and is never heard of again.
			const dead = makeWorker(async () => {}, { autorun: false });
			await dead.getNextJob('token');
			makeWorker(() => work, { concurrency: 4 });
			await until('four more are active', async () => (await counts()).active === 5);
			expect(await counts()).toMatchObject({ wait: 5 });
			expect(await lag.read()).toBe(10);
			finish();
			await until('only that of the dead worker is left', async () => (await lag.read()) === 1);
			expect(await counts()).toMatchObject({ wait: 0, active: 1 });
		}));

	it('counts a parent once its children are done, and nothing that is done', () =>
		at(url, async ({ name, queue, connection, counts, worker: makeWorker }) => {
			const lag = bullmqLag({ queue });
			const flows = new FlowProducer({ connection });
			const child = { name: 'child', queueName: name, data: {} };
			await flows.add({ name: 'parent', queueName: name, data: {}, children: [child, child] });
			await flows.close();
			expect(await counts()).toEqual({ wait: 2, prioritized: 0, delayed: 0, active: 0 });
			expect(await lag.read()).toBe(2);
			const worker = makeWorker(async () => {}, { autorun: false });
			for (const expected of [1, 1]) {
				const job = await worker.getNextJob('token');
				await job?.moveToCompleted(undefined, 'token', false);
				expect(await lag.read()).toBe(expected);
			}
			expect(await counts()).toMatchObject({ wait: 1 });
			const parent = await worker.getNextJob('token');
			await parent?.moveToCompleted(undefined, 'token', false);
			expect(await lag.read()).toBe(0);
			expect(await queue.getCompletedCount()).toBe(3);
		}));

	it('counts the due jobs of a queue of BullMQ 5, whose connection has to be asked', () =>
		at(url, async ({ queue, redis: client }) => {
			await queue.addBulk(jobs(4));
			await queue.addBulk(jobs(3, { delay: 1 }));
			await queue.addBulk(jobs(2, { delay: 3_600_000 }));
			const older = {
				getJobCounts: queue.getJobCounts.bind(queue),
				getJobs: queue.getJobs.bind(queue),
				getDelayedCount: () => queue.getDelayedCount(),
				client: Promise.resolve(client),
				toKey: (name: string) => queue.toKey(name),
			};
			await until('they are due', async () => (await bullmqLag({ queue: older }).read()) === 7);
			expect(await bullmqLag({ queue: older, dueWithinMs: 7_200_000 }).read()).toBe(9);
		}));

	it('says how old the next job is', () =>
		at(url, async ({ queue }) => {
			const age = bullmqAge({ queue });
			expect(await age.read()).toBe(0);
			const day = 24 * 3_600_000;
			const ago = (ms: number, opts = {}) => queue.add('job', {}, { timestamp: Date.now() - ms, ...opts });
			const is = async (ms: number) => {
				const read = await age.read();
				expect(read).toBeGreaterThanOrEqual(ms);
				expect(read).toBeLessThan(ms + 60_000);
			};
			await ago(600_000);
			await ago(300_000);
			await is(600_000);
			await ago(1_200_000, { priority: 5 });
			await is(1_200_000);
			// Added yesterday for now: it is late since now.
			await queue.drain();
			await ago(day, { delay: day });
			await (await queue.getDelayed())[0]?.promote();
			await is(0);
		}));
});

await describeWith(startRedis, 'bullmqLag whose server goes', (server) => {
	it(
		'has no answer while there is no server, and the right one afterwards',
		() =>
			at(server.url, async ({ queue }) => {
				const lag = bullmqLag({ queue });
				await queue.addBulk(jobs(3));
				expect(await lag.read()).toBe(3);
				await server.kill();
				const reading = Promise.resolve(lag.read()).catch(() => Number.NaN);
				expect(await Promise.race([reading, sleep(1_000).then(() => 'no answer')])).not.toBeTypeOf('number');
				await server.restart();
				// It kept nothing on disk.
				expect(await reading).toBe(0);
				await queue.addBulk(jobs(2));
				expect(await lag.read()).toBe(2);
			}),
		60_000,
	);
});

describe('bullmqLag', () => {
	it('refuses what is no queue, and a time that is none', () => {
		const options = { queue: {} as never, dueWithinMs: -1 };
		expect(() => bullmqLag(options)).toThrow(
			[
				'invalid bullmqLag (2 problems):',
				'queue: an object must be a queue of bullmq: it has no getJobCounts or getDelayedCount',
				'dueWithinMs: -1 must be a finite number of at least 0',
			].join('\n'),
		);
		expect(() => bullmqAge({ queue: undefined as never })).toThrow('invalid bullmqAge (1 problem):\nqueue: undefined');
	});
});
