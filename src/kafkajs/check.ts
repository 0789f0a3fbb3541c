import type { Must } from '../core/errors.js';
import type { KafkaConsumer } from './client.js';

export function checkConsumer(must: Must, consumer: KafkaConsumer): void {
	const { on, pause, resume, paused }: Partial<KafkaConsumer> = Object(consumer);
	must(
		[on, pause, resume, paused].every((method) => typeof method === 'function'),
		'consumer',
		consumer,
		'a consumer of kafkajs: it has on, pause, resume and paused',
	);
}
