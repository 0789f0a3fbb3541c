/**
 * A BullMQ worker that is overloaded: orders of the important customers are done at once, the others are kept on disk and done
 * when there is time, reports are left out. The queue tells the lag, and the worker is paused when nothing else helps.
 *
 *     npx tsx examples/bullmq.ts
 *
 * It needs a Redis at REDIS_URL, or on the usual port.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Job, Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { bullmqIntake, bullmqLag, bullmqProcessor } from '../src/bullmq/index.js';
import { createLoadShedder, defineLadder } from '../src/index.js';
import { fileSpill } from '../src/spill-file/index.js';

interface Order {
	readonly id: number;
	readonly customer: 'gold' | 'other';
	readonly kind: 'order' | 'report';
}

const JOBS = 800;
const url = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379';

if (await answers(url)) await overload();
else console.log(`There is no Redis at ${url}. Start one with "redis-server", or set REDIS_URL.`);

async function overload(): Promise<void> {
	const connection = { url };
	const name = `brownout-example-${process.pid}`;
	const directory = mkdtempSync(join(tmpdir(), 'brownout-bullmq-'));
	const queue = new Queue(name, { connection });
	const intake = bullmqIntake();
	const shedder = createLoadShedder({
		ladder: defineLadder({
			priorities: { protected: 'gold', sheddable: ['other', 'report'] },
			signals: { lag: { recoverBelow: 0.5, fallsWhilePaused: false } },
			levels: [
				{ name: 'NORMAL' },
				{ name: 'BUSY', enterAt: { lag: 100 }, shed: { report: 'drop' } },
				{ name: 'OVERLOADED', enterAt: { lag: 250 }, shed: { other: 'spill' } },
				{ name: 'STOPPED', enterAt: { lag: 20_000 }, intake: 'paused' },
			],
			cooldownMs: 500,
			probe: { afterMs: 5_000, forMs: 1_000 },
		}),
		signals: { lag: bullmqLag({ queue }) },
		intake,
		checkEveryMs: 100,
		keyOf: ({ customer }: Order) => customer,
		priorityOf: ({ kind, customer }: Order) => (kind === 'report' ? 'report' : customer),
		spill: fileSpill({ directory, maxBytes: 2 ** 26 }),
	});
	shedder.on('transitioned', ({ from, to, causes }) =>
		console.log(`${from} -> ${to}${causes.map(({ signal, reading }) => `, ${signal} ${reading}`).join('')}`),
	);
	shedder.on('failed', ({ during, name, error }) => console.log(`${during} ${name}: ${String(error)}`));
	shedder.start();

	console.log(`${JOBS} jobs arrive at once`);
	await queue.addBulk(
		Array.from({ length: JOBS }, (_, id) => ({
			name: 'order',
			data: { id, customer: id % 10 === 0 ? 'gold' : 'other', kind: id % 3 === 0 ? 'report' : 'order' } satisfies Order,
			opts: { removeOnComplete: true },
		})),
	);
	const processor = bullmqProcessor(shedder, {
		decode: ({ data }: Job<Order>) => data,
		handle: () => sleep(10),
	});
	const worker = intake.attach(new Worker(name, processor, { connection, concurrency: 50 }));

	const lag = bullmqLag({ queue });
	while ((await lag.read()) > 0 || shedder.level !== 'NORMAL' || shedder.stats().waiting > 0) await sleep(100);
	const { processed, spilled, replayed, dropped, protectedShed } = shedder.stats();
	console.log(`
${processed} done at once, ${spilled} kept on disk and ${replayed} of them done since, ${dropped} reports left out
${processed + replayed + dropped} of ${JOBS}; ${protectedShed} of the gold customers' were shed`);

	await worker.close();
	await shedder.stop();
	await queue.obliterate({ force: true });
	await queue.close();
	rmSync(directory, { recursive: true });
}

async function answers(url: string): Promise<boolean> {
	const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null, connectTimeout: 2_000 });
	client.on('error', () => {});
	return client.connect().then(
		() => {
			client.disconnect();
			return true;
		},
		() => false,
	);
}
