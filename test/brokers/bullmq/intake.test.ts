import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from 'bullmq';
import { describe, expect, it, vi } from 'vitest';
import { bullmqIntake } from '../../../src/bullmq/index.js';
import { intakeConformance } from '../../../src/testing/index.js';
import { describeWith, redis, until } from '../../support/services.js';
import { at, connectionIds, cutConnections, makePlace } from './place.js';

const LOCK_MS = 1_500;

await describeWith(redis, 'bullmqIntake', ({ url }) => {
	const conformance = intakeConformance({
		place() {
			const { destroy, name, queue, redis: client, worker: makeWorker } = makePlace(url);
			const intake = bullmqIntake();
			const delivered: string[] = [];
			const locks = { lockDuration: LOCK_MS, stalledInterval: LOCK_MS / 2 };
			const processor = async ({ data }: Job<string>) => void delivered.push(data);
			const worker = intake.attach(makeWorker(processor, { concurrency: 5, ...locks }));
			return {
				intake,
				delivered,
				produce: async (ids: readonly string[]) =>
					void (await queue.addBulk(ids.map((id) => ({ name: 'job', data: id })))),
				destroy,
				worker,
				reconnect: async () => {
					const before = await connectionIds(client, name);
					await cutConnections(client, name);
					await until('the worker is back', async () => {
						const now = await connectionIds(client, name);
						return now.length === before.length && now.every((id) => !before.includes(id));
					});
				},
			};
		},
		user: { pause: ({ worker }) => worker.pause(true), resume: ({ worker }) => worker.resume() },
		reconnect: ({ reconnect }) => reconnect(),
		leaseMs: LOCK_MS,
	});
	for (const { name, run, timeoutMs } of conformance) it(name, run, timeoutMs);

	it('keeps the jobs under way while it is paused: BullMQ extends their locks', () =>
		at(url, async ({ queue, worker: makeWorker, errors }) => {
			const intake = bullmqIntake();
			const begun: string[] = [];
			let finish = () => {};
			const work = new Promise<void>((resolve) => {
				finish = resolve;
			});
			const locks = { lockDuration: LOCK_MS, stalledInterval: LOCK_MS / 4 };
			const processor = async ({ id }: { id?: string | undefined }) => {
				begun.push(`${id}`);
				await work;
			};
			intake.attach(makeWorker(processor, { concurrency: 3, ...locks }));
			// One that would take over what the first one lets go.
			const stalled: string[] = [];
			const other = makeWorker(async ({ id }) => void begun.push(`${id}, taken over`), { autorun: false, ...locks });
			other.on('stalled', (id) => stalled.push(id));
			await queue.addBulk(['a', 'b', 'c'].map((jobId) => ({ name: 'job', data: {}, opts: { jobId } })));
			await until('the jobs are begun', () => begun.length === 3);
			await intake.pause();
			void other.run();
			await sleep(4 * LOCK_MS);
			expect(begun.toSorted()).toEqual(['a', 'b', 'c']);
			expect(stalled).toEqual([]);
			finish();
			await until('they are done', async () => (await queue.getCompletedCount()) === 3);
			expect(errors).toEqual([]);
		}));

	it('pauses a worker that comes later, before its first job', () =>
		at(url, async ({ queue, worker: makeWorker }) => {
			const intake = bullmqIntake();
			const done = vi.fn(async () => {});
			await intake.pause();
			await queue.add('job', {});
			const worker = intake.attach(makeWorker(done));
			await worker.waitUntilReady();
			await sleep(500);
			expect(done).not.toHaveBeenCalled();
			await intake.resume();
			await until('the job is done', () => done.mock.calls.length === 1);
		}));

	it('does not start a worker that was never started', () =>
		at(url, async ({ worker: makeWorker, queue }) => {
			const intake = bullmqIntake();
			const done = vi.fn(async () => {});
			const worker = intake.attach(makeWorker(done, { autorun: false }));
			await queue.add('job', {});
			await intake.pause();
			await intake.resume();
			await sleep(200);
			expect(worker.isRunning()).toBe(false);
			// Started while intake is closed, it waits for it.
			await intake.pause();
			await worker.run();
			expect(done).not.toHaveBeenCalled();
			await intake.resume();
			await until('the job is done', () => done.mock.calls.length === 1);
		}));

	it('leaves the workers of others and the queue alone', () =>
		at(url, async ({ queue, worker: makeWorker }) => {
			const intake = bullmqIntake();
			intake.attach(makeWorker(async () => {}));
			const others = vi.fn(async () => {});
			makeWorker(others);
			await intake.pause();
			expect(await queue.isPaused()).toBe(false);
			await queue.addBulk(Array.from({ length: 10 }, () => ({ name: 'job', data: {} })));
			await until('the other worker does everything', () => others.mock.calls.length === 10);
		}));

	it('resumes a worker at any moment after it was paused', () =>
		at(url, async ({ queue, worker: makeWorker }) => {
			const intake = bullmqIntake();
			const done = vi.fn(async () => {});
			const worker = intake.attach(makeWorker(done, { drainDelay: 0.05 }));
			for (let round = 0; round < 30; round++) {
				await intake.pause();
				// About when its loop ends.
				if (round % 2 === 1) while (worker.isRunning()) await new Promise(setImmediate);
				await intake.resume();
				await queue.add('job', {});
				await until('the job is done', () => done.mock.calls.length === round + 1);
			}
		}));

	it('lets a closed worker go', () =>
		at(url, async ({ worker: makeWorker }) => {
			const intake = bullmqIntake();
			const worker = intake.attach(makeWorker(async () => {}, { concurrency: 7 }));
			intake.attach(makeWorker(async () => {}, { concurrency: 2 }));
			expect(intake.residual).toBe(9);
			intake.attach(worker);
			expect(intake.residual).toBe(9);
			await worker.close();
			expect(intake.residual).toBe(2);
			await intake.pause();
		}));
});

describe('bullmqIntake', () => {
	it('refuses what is no worker', () => {
		expect(() => bullmqIntake().attach({} as never)).toThrow(
			'invalid bullmqIntake (1 problem):\nworker: an object must be a worker of bullmq: it has no pause or isRunning',
		);
	});
});
