/**
 * What one reading of `platformaticKafkaLag` costs: `npx tsx bench/lag/platformatic-kafka.ts`, with a Kafka at KAFKA_BROKERS or
 * 127.0.0.1:9092 (`npm run kafka`).
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Admin, Consumer } from '@platformatic/kafka';
import { platformaticKafkaLag } from '../../src/platformatic-kafka/index.js';
import { measureReads } from './measure.js';

const client = {
	clientId: 'bench',
	bootstrapBrokers: (process.env.KAFKA_BROKERS ?? '127.0.0.1:9092').split(','),
};
const admin = new Admin(client);
for (const [count, partitions] of [
	[1, 12],
	[5, 12],
] as const) {
	const topics = Array.from({ length: count }, () => `bench-${randomUUID()}`);
	await admin.createTopics({ topics, partitions, replicas: 1 });
	const consumer = new Consumer({ ...client, groupId: `bench-${randomUUID()}` });
	const options = { topics, mode: 'committed', fallbackMode: 'earliest', autocommit: false } as const;
	// A broker hands out its partitions a little later.
	while (!(await consumer.consume({ ...options }).catch(() => false))) await sleep(50);
	const lag = platformaticKafkaLag({ consumer, fallbackMode: 'earliest' });
	await measureReads(`@platformatic/kafka, topics: ${count}, partitions of each: ${partitions}`, () => lag.read());
	await consumer.close(true);
	await admin.deleteTopics({ topics });
}
await admin.close();
