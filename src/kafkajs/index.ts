/** Lag, intake and handlers for consumers of `kafkajs` 2, the optional peer. */
export type {
	KafkaAdmin,
	KafkaBatch,
	KafkaClient,
	KafkaConsumer,
	KafkaHeaders,
	KafkaMessage,
	TopicPartitions,
} from './client.js';
export {
	type KafkajsBatchOptions,
	type KafkajsMessageOptions,
	type KafkajsRun,
	kafkajsEachBatch,
} from './each-batch.js';
export { kafkajsEachMessage } from './each-message.js';
export { type KafkajsIntakeOptions, kafkajsIntake } from './intake.js';
export { type KafkajsLagOptions, kafkajsLag } from './lag.js';
export type { KafkaRecord } from './part.js';
