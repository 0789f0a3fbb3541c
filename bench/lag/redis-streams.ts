/**
 * What one reading of `redisStreamsLag` and of `redisStreamsAge` costs: `npx tsx bench/lag/redis-streams.ts`, with a Redis
 * server at REDIS_URL or 127.0.0.1:6379.
 */
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { redisStreamsAge, redisStreamsLag } from '../../src/redis-streams/index.js';
import { measureReads } from './measure.js';

/** The server counts up to 1 000. */
const WAITING = [0, 100, 10_000, 100_000];
/** As long as that of a trade in JSON, about. */
const PAYLOAD = 'x'.repeat(200);

const url = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379';
const admin = new Redis(url);
for (const [library, client] of [
	['ioredis', new Redis(url, { lazyConnect: true })],
	['redis', createClient({ url })],
] as const) {
	const stream = `bench-${randomUUID()}`;
	await admin.xgroup('CREATE', stream, 'group', '0', 'MKSTREAM');
	const place = { client, stream, group: 'group' };
	const [lag, age] = [redisStreamsLag(place), redisStreamsAge(place)];
	let length = 0;
	for (const waiting of WAITING) {
		const add = 'for i = 1, ARGV[1] do redis.call("XADD", KEYS[1], "*", "trade", ARGV[2]) end';
		await admin.eval(add, 1, stream, waiting - length, PAYLOAD);
		length = waiting;
		await measureReads(`${library}, lag, ${waiting} messages waiting`, () => lag.read());
	}
	await measureReads(`${library}, age, ${length} messages waiting`, () => age.read());
	await lag.close?.();
	await age.close?.();
	await admin.del(stream);
}
admin.disconnect();
