/**
 * What one reading of `natsLag` and of `natsAge` costs: `npx tsx bench/lag/nats.ts`, with a NATS server with JetStream at
 * NATS_URL or 127.0.0.1:4222.
 */
import { randomUUID } from 'node:crypto';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { natsAge, natsLag } from '../../src/nats/index.js';
import { measureReads } from './measure.js';

const WAITING = [0, 10_000];
/** As long as that of a trade in JSON, about. */
const PAYLOAD = 'x'.repeat(200);

const connection = await connect({ servers: process.env.NATS_URL ?? 'nats://127.0.0.1:4222' });
const client = jetstream(connection);
const manager = await jetstreamManager(connection);
const stream = `bench-${randomUUID()}`;
await manager.streams.add({ name: stream, subjects: [stream], storage: 'memory' });
await manager.consumers.add(stream, { durable_name: 'consumer', ack_policy: 'explicit' });
const consumer = await client.consumers.get(stream, 'consumer');
const [lag, age] = [natsLag({ consumer }), natsAge({ consumer, manager })];
for (const waiting of WAITING) {
	for (let n = 0; n < waiting; n += 500) {
		await Promise.all(Array.from({ length: 500 }, () => client.publish(stream, PAYLOAD)));
	}
	await measureReads(`nats, lag, ${waiting} messages waiting`, () => lag.read());
	await measureReads(`nats, age, ${waiting} messages waiting`, () => age.read());
}
await manager.streams.delete(stream);
await connection.close();
