import { type KafkajsMessageOptions, type KafkajsRun, runOf } from './each-batch.js';

/**
 * Handles the messages of a consumer one by one: `consumer.run({ ...kafkajsEachMessage({ consumer, shedder, decode, handle }) })`.
 *
 * Each is decided on when its turn has come, and its offset resolved before the next; a spilled one is a durable append of its
 * own, so where much is spilled `kafkajsEachBatch` is many times faster. It is built on `eachBatch`: in an `eachMessage` of its own
 * KafkaJS takes a message for done whatever becomes of it, so none could be handed back.
 *
 * @throws ConfigError when an option is out of range.
 * @see docs/kafkajs.md
 */
export function kafkajsEachMessage<M, C, V = unknown>(options: KafkajsMessageOptions<M, C, V>): KafkajsRun {
	return runOf('kafkajsEachMessage', { ...options, partMax: 1 });
}
