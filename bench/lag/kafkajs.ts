/**
 * What one reading of `kafkajsLag` costs: `npx tsx bench/lag/kafkajs.ts`, with a Kafka at KAFKA_BROKERS or 127.0.0.1:9092
 * (`npm run kafka`).
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import { kafkajsLag } from '../../src/kafkajs/index.js';
import { measureReads } from './measure.js';

const brokers = (process.env.KAFKA_BROKERS ?? '127.0.0.1:9092').split(',');
const kafka = new Kafka({ brokers, logLevel: logLevel.NOTHING });
const admin = kafka.admin();
await admin.connect();
for (const [topics, numPartitions] of [
	[1, 12],
	[5, 12],
] as const) {
	const names = Array.from({ length: topics }, () => `bench-${randomUUID()}`);
	await admin.createTopics({ topics: names.map((topic) => ({ topic, numPartitions })), waitForLeaders: false });
	// A broker hands out its partitions a little later.
	for (const name of names) while (!(await admin.fetchTopicOffsets(name).catch(() => false))) await sleep(50);
	const consumer = kafka.consumer({ groupId: `bench-${randomUUID()}` });
	await consumer.connect();
	await consumer.subscribe({ topics: names, fromBeginning: true });
	const lag = kafkajsLag({ kafka, consumer, fromBeginning: true });
	const joined = new Promise((resolve) => consumer.on('consumer.group_join', resolve));
	await consumer.run({ eachMessage: async () => {} });
	await joined;
	await measureReads(`kafkajs, topics: ${topics}, partitions of each: ${numPartitions}`, () => lag.read());
	await lag.close?.();
	await consumer.disconnect();
	await admin.deleteTopics({ topics: names });
}
await admin.disconnect();
