import { randomUUID } from 'node:crypto';
import { type Processor, Queue, Worker, type WorkerOptions } from 'bullmq';
import { Redis } from 'ioredis';

/** A queue of a test's own. */
export interface Place {
	readonly name: string;
	readonly queue: Queue;
	/** The server without BullMQ: to count by other means, and to cut connections. */
	readonly redis: Redis;
	/** What a worker or another queue needs; all connections of a place have its name. */
	readonly connection: { readonly url: string; readonly connectionName: string };
	/** A worker whose errors are collected. */
	worker<T = unknown, R = unknown>(processor: Processor<T, R>, options?: Partial<WorkerOptions>): Worker<T, R>;
	readonly errors: readonly Error[];
	/** Jobs that are neither done nor failed, by state. */
	counts(): Promise<{ readonly wait: number; readonly prioritized: number; readonly delayed: number; active: number }>;
	destroy(): Promise<void>;
}

export function makePlace(url: string): Place {
	const name = `brownout-${randomUUID()}`;
	const connection = { url, connectionName: name };
	const queue = new Queue(name, { connection });
	const redis = new Redis(url);
	const errors: Error[] = [];
	const workers: { close(force: boolean): Promise<void> }[] = [];
	queue.on('error', (error) => errors.push(error));
	redis.on('error', (error) => errors.push(error));
	const key = (state: string) => `bull:${name}:${state}`;
	return {
		name,
		queue,
		redis,
		connection,
		errors,
		worker<T, R>(processor: Processor<T, R>, options: Partial<WorkerOptions> = {}) {
			const worker = new Worker<T, R>(name, processor, { connection, ...options });
			worker.on('error', (error) => errors.push(error));
			workers.push(worker);
			return worker;
		},
		async counts() {
			const [wait, active] = await Promise.all([redis.llen(key('wait')), redis.llen(key('active'))]);
			const [prioritized, delayed] = await Promise.all([redis.zcard(key('prioritized')), redis.zcard(key('delayed'))]);
			return { wait, prioritized, delayed, active };
		},
		async destroy() {
			await Promise.all(workers.map((worker) => worker.close(true)));
			await queue.obliterate({ force: true });
			await queue.close();
			redis.disconnect();
		},
	};
}

/** Runs a test on a queue of its own. */
export async function at(url: string, run: (place: Place) => Promise<void>): Promise<void> {
	const place = makePlace(url);
	try {
		await run(place);
	} finally {
		await place.destroy();
	}
}

/** The connections of a queue's workers, and of what has its name. */
export async function connectionIds(redis: Redis, name: string): Promise<readonly string[]> {
	const worker = `bull:${Buffer.from(name).toString('base64')}`;
	const lines = String(await redis.client('LIST')).split('\n');
	return lines
		.filter((line) => line.includes(`name=${name}`) || line.includes(`name=${worker}`))
		.map((line) => /\bid=(\d+)/.exec(line)?.[1] ?? '');
}

export async function cutConnections(redis: Redis, name: string): Promise<void> {
	for (const id of await connectionIds(redis, name)) await redis.client('KILL', 'ID', id);
}
