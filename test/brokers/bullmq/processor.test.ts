import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Job } from 'bullmq';
import { describe, expect, it } from 'vitest';
import { bullmqProcessor } from '../../../src/bullmq/index.js';
import { createLoadShedder, defineLadder, memorySpill, type SpillStore } from '../../../src/index.js';
import { type FileSystem, nodeFileSystem } from '../../../src/spill-file/file-system.js';
import { settingsOf } from '../../../src/spill-file/options.js';
import { thisHost } from '../../../src/spill-file/owner.js';
import { FileSpillStore } from '../../../src/spill-file/store.js';
import { describeWith, redis, until } from '../../support/services.js';
import { at, type Place } from './place.js';

interface Order {
	readonly n: number;
	readonly action: 'process' | 'drop' | 'spill' | 'reject';
}

const PRIORITY = { process: 'critical', spill: 'high', reject: 'normal', drop: 'low' } as const;

/** A shedder that does with a message what the message says. */
function makeShedder(spill: SpillStore = memorySpill(), level = 'SHED') {
	const ladder = defineLadder({
		priorities: { protected: 'critical', sheddable: ['high', 'normal', 'low'] },
		signals: { lag: { recoverBelow: 0.5 } },
		levels: [
			{ name: 'NORMAL' },
			{ name: 'SHED', enterAt: { lag: 1 }, shed: { high: 'spill', normal: 'reject', low: 'drop' } },
		],
		cooldownMs: 1,
	});
	const shedder = createLoadShedder({
		ladder,
		signals: { lag: () => (level === 'SHED' ? 1 : 0) },
		priorityOf: ({ action }: Order) => PRIORITY[action],
		spill,
	});
	return {
		shedder,
		relax: () => {
			level = 'NORMAL';
		},
	};
}

await describeWith(redis, 'bullmqProcessor', ({ url }) => {
	const orders = (queue: Place['queue'], actions: readonly Order['action'][], opts = {}) =>
		queue.addBulk(actions.map((action, n) => ({ name: 'order', data: { n, action }, opts })));
	const decode = ({ data }: Job<Order>) => data;

	it('completes with what the handler returns, or with what became of the job instead', () =>
		at(url, async ({ queue, worker: makeWorker, errors }) => {
			const { shedder } = makeShedder();
			await shedder.check();
			makeWorker(bullmqProcessor(shedder, { decode, handle: ({ n }) => `done ${n}` }));
			await orders(queue, ['process', 'drop', 'spill']);
			await until('they are completed', async () => (await queue.getCompletedCount()) === 3);
			const completed = await queue.getCompleted();
			const values = completed.toSorted((a, b) => a.data.n - b.data.n).map(({ returnvalue }) => returnvalue);
			expect(values).toEqual(['done 0', { brownout: 'dropped' }, { brownout: 'spilled' }]);
			expect(shedder.stats()).toMatchObject({ processed: 1, dropped: 1, spilled: 1, waiting: 1 });
			expect(errors).toEqual([]);
			await shedder.stop();
		}));

	it('completes a spilled job only when it is durable', () =>
		at(url, async ({ queue, worker: makeWorker, counts }) => {
			const store = memorySpill();
			let durable = () => {};
			const gate = new Promise<void>((resolve) => {
				durable = resolve;
			});
			const slow: SpillStore = { ...store, append: (batch, options) => gate.then(() => store.append(batch, options)) };
			const { shedder } = makeShedder(slow);
			await shedder.check();
			makeWorker(bullmqProcessor(shedder, { decode, handle: () => {} }));
			await orders(queue, ['spill']);
			await until('it is being kept', async () => shedder.stats().inFlight === 1);
			expect(await counts()).toMatchObject({ active: 1 });
			expect(await queue.getCompletedCount()).toBe(0);
			durable();
			await until('it is completed', async () => (await queue.getCompletedCount()) === 1);
			await shedder.stop();
		}));

	it('hands a rejected job back for longer each time, and takes none of its attempts', () =>
		at(url, async ({ queue, worker: makeWorker, errors, counts }) => {
			const { shedder, relax } = makeShedder();
			await shedder.check();
			const waits: number[] = [];
			const processor = bullmqProcessor(shedder, { decode, handle: ({ n }) => n, retryMs: 50, retryMaxMs: 300 });
			makeWorker(async (job: Job<Order>, token) => {
				try {
					return await processor(job, token);
				} catch (error) {
					waits.push(job.delay);
					throw error;
				}
			});
			await orders(queue, ['reject'], { attempts: 1 });
			await until('it came back five times', () => waits.length === 5);
			// The delay is what is left of it when it is written.
			for (const [at, most] of [50, 100, 200, 300, 300].entries()) {
				expect(waits[at]).toBeLessThanOrEqual(most);
				expect(waits[at]).toBeGreaterThan(most / 2);
			}
			relax();
			await until('the level is NORMAL', async () => {
				await shedder.check();
				return shedder.level === 'NORMAL';
			});
			await until('it is done', async () => (await queue.getCompletedCount()) === 1);
			const [job] = await queue.getCompleted();
			expect(job).toMatchObject({ returnvalue: 0, attemptsMade: 1 });
			expect(job?.attemptsStarted).toBe(shedder.stats().rejected + 1);
			expect(await counts()).toEqual({ wait: 0, prioritized: 0, delayed: 0, active: 0 });
			expect(errors).toEqual([]);
			await shedder.stop();
		}));

	it('does not turn a backlog of rejected jobs into a hot loop', () =>
		at(url, async ({ queue, worker: makeWorker, counts }) => {
			const { shedder } = makeShedder();
			await shedder.check();
			makeWorker(bullmqProcessor(shedder, { decode, handle: () => {}, retryMs: 60_000, retryMaxMs: 60_000 }), {
				concurrency: 10,
			});
			await orders(
				queue,
				Array.from({ length: 50 }, () => 'reject' as const),
			);
			await orders(queue, ['process']);
			await until('the one behind them is done', async () => (await queue.getCompletedCount()) === 1);
			await until('the others are away', async () => (await counts()).delayed === 50);
			expect(shedder.stats().rejected).toBe(50);
			await shedder.stop();
		}));

	it('lets a job fail whose decode or handler throws, as any worker does', () =>
		at(url, async ({ queue, worker: makeWorker }) => {
			const { shedder } = makeShedder();
			const processor = bullmqProcessor(shedder, {
				decode: ({ data }: Job<Order>) => {
					if (data.n === 0) throw new Error('not an order');
					return data;
				},
				handle: () => {
					throw new Error('no stock');
				},
			});
			makeWorker(processor);
			await orders(queue, ['process', 'process'], { attempts: 2 });
			await until('both failed', async () => (await queue.getFailedCount()) === 2);
			const failed = (await queue.getFailed()).toSorted((a, b) => a.data.n - b.data.n);
			expect(failed.map(({ failedReason, attemptsMade }) => [failedReason, attemptsMade])).toEqual([
				['not an order', 2],
				['no stock', 2],
			]);
			expect(shedder.stats()).toMatchObject({ failed: 2, inFlight: 0 });
			await shedder.stop();
		}));

	it('has the store write together what is spilled at the same time', () =>
		at(url, async ({ queue, worker: makeWorker }) => {
			const directory = await mkdtemp(join(tmpdir(), 'brownout-bullmq-'));
			let syncs = 0;
			const files: FileSystem = {
				...nodeFileSystem,
				async open(path, how) {
					const file = await nodeFileSystem.open(path, how);
					const datasync = file.datasync.bind(file);
					return Object.assign(file, {
						datasync() {
							syncs++;
							return datasync();
						},
					});
				},
			};
			const options = settingsOf({ directory, maxBytes: 2 ** 24 });
			const store = new FileSpillStore(options, { files, host: thisHost, now: Date.now, lookEveryMs: 10 });
			const { shedder } = makeShedder(store);
			await store.open();
			const before = syncs;
			await shedder.check();
			makeWorker(bullmqProcessor(shedder, { decode, handle: () => {} }), { concurrency: 50 });
			await orders(
				queue,
				Array.from({ length: 400 }, () => 'spill' as const),
			);
			await until('they are kept', async () => (await queue.getCompletedCount()) === 400);
			expect(shedder.stats().spilled).toBe(400);
			expect(syncs - before).toBeLessThan(200);
			await shedder.stop();
			await rm(directory, { recursive: true });
		}));
});

describe('bullmqProcessor', () => {
	it('refuses options that cannot work', () => {
		const { shedder } = makeShedder();
		const options = { decode: 1 as never, handle: () => {}, retryMs: 0, retryMaxMs: -1 };
		expect(() => bullmqProcessor(shedder, options)).toThrow(
			[
				'invalid bullmqProcessor (3 problems):',
				'decode: 1 must be a function',
				'retryMs: 0 must be a whole number from 1 to 3600000',
				'retryMaxMs: -1 must be a whole number from 1 to 3600000',
			].join('\n'),
		);
	});
});
