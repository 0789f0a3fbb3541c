/** What one read of `bullmqLag` takes: `npx tsx bench/lag/bullmq.ts`, with a Redis at REDIS_URL or on the usual port. */
import { Queue } from 'bullmq';
import { bullmqAge, bullmqLag } from '../../src/bullmq/index.js';
import { report } from './report.js';

const url = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379';
const queue = new Queue(`brownout-bench-${process.pid}`, { connection: { url } });
const jobs = (count: number, opts = {}) => Array.from({ length: count }, () => ({ name: 'job', data: {}, opts }));
await queue.addBulk([...jobs(1_000), ...jobs(1_000, { priority: 1 }), ...jobs(1_000, { delay: 1 })]);
await report('bullmqLag', bullmqLag({ queue }));
await report('bullmqAge', bullmqAge({ queue }));
await queue.obliterate({ force: true });
await queue.close();
