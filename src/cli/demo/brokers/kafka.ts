import { kafkajsEachBatch, kafkajsIntake, kafkajsLag } from '../../../kafkajs/index.js';
import type { Broker, Place } from './broker.js';
import { readMessage, writeMessage } from './wire.js';

const PARTITIONS = 4;

/** A topic, and a consumer group of one. */
export const kafka: Broker = {
	title: 'Kafka broker',
	variable: 'KAFKA_BROKERS',
	localUrl: '127.0.0.1:9092',
	packages: ['kafkajs'],

	async open(place) {
		const client = await clientOf(place);
		const admin = client.admin();
		await admin.connect();
		await admin.createTopics({ topics: [{ topic: place.name, numPartitions: PARTITIONS }], waitForLeaders: true });
		// How soon a resume is noticed, and how often the group hears of a consumer that is busy.
		const consumer = client.consumer({ groupId: place.name, maxWaitTimeInMs: 200, heartbeatInterval: 1_000 });
		const lag = kafkajsLag({ kafka: client, consumer, fromBeginning: true });
		return {
			lag,
			intake: kafkajsIntake({ consumer }),
			async consume(shedder, handle) {
				await consumer.connect();
				await consumer.subscribe({ topic: place.name, fromBeginning: true });
				const decode = ({ message }: { readonly message: { readonly value: Buffer | null } }) =>
					readMessage(message.value ?? new Uint8Array());
				const run = kafkajsEachBatch({ consumer, shedder, decode, handle });
				// A run lasts seconds, and the lag should be seen to move.
				await consumer.run({ ...run, autoCommitInterval: 100 });
			},
			async left() {
				const [ends, [committed]] = await Promise.all([
					admin.fetchTopicOffsets(place.name),
					admin.fetchOffsets({ groupId: place.name, topics: [place.name] }),
				]);
				const doneOf = new Map(committed?.partitions.map(({ partition, offset }) => [partition, Number(offset)]));
				return ends.reduce(
					(sum, { partition, high }) => sum + Number(high) - Math.max(0, doneOf.get(partition) ?? 0),
					0,
				);
			},
			async close() {
				await consumer.disconnect();
				await lag.close?.();
				await admin.deleteTopics({ topics: [place.name] });
				await admin.disconnect();
			},
		};
	},

	async produce(place) {
		const producer = (await clientOf(place)).producer({ allowAutoTopicCreation: false });
		await producer.connect();
		return {
			async send(messages) {
				// By key, so that the messages of a symbol stay in order.
				const lines = messages.map((message) => ({ key: message.symbol, value: writeMessage(message) }));
				await producer.send({ topic: place.name, messages: lines });
			},
			close: () => producer.disconnect(),
		};
	},
};

async function clientOf({ url }: Place) {
	// KafkaJS is CommonJS, whose names Node finds only in part.
	const library = await import('kafkajs');
	const { Kafka, logLevel } = library.default ?? library;
	return new Kafka({ clientId: 'brownout-demo', brokers: url.split(','), logLevel: logLevel.NOTHING });
}
