import { Kafka, logLevel } from 'kafkajs';
import { kafkajsEachBatch, kafkajsIntake, kafkajsLag } from '../../../src/kafkajs/index.js';
import type { Message, Survivor } from '../survival/course.js';

/** A consumer as a user writes it; the course kills it. */
export const survivor: Survivor = {
	async consume({ brokers = '', topic = '', groupId = '', partMax }, makeShedder, handle) {
		const kafka = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING });
		// What the group takes for dead for, after kill -9; and how soon a resume is noticed.
		const consumer = kafka.consumer({ groupId, sessionTimeout: 6_000, heartbeatInterval: 500, maxWaitTimeInMs: 50 });
		await consumer.connect();
		await consumer.subscribe({ topic, fromBeginning: true });
		const lag = kafkajsLag({ kafka, consumer, fromBeginning: true });
		const shedder = makeShedder(lag, kafkajsIntake({ consumer }));
		const decode = ({ message }: { message: { value: Buffer | null } }) => JSON.parse(String(message.value)) as Message;
		const run = kafkajsEachBatch({ consumer, shedder, decode, handle, partMax: Number(partMax) });
		// The course is over in seconds, and the lag should be seen to move.
		await consumer.run({ ...run, autoCommitInterval: 100 });
		return () => consumer.disconnect();
	},
};
