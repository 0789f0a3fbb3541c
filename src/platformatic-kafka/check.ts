import type { Must } from '../core/errors.js';
import type { PlatformaticConsumer, PlatformaticStream } from './client.js';

export function checkConsumer(must: Must, consumer: PlatformaticConsumer, path = 'consumer'): void {
	const { on, listOffsets, listCommittedOffsets, commit }: Partial<PlatformaticConsumer> = Object(consumer);
	must(
		[on, listOffsets, listCommittedOffsets, commit].every((method) => typeof method === 'function'),
		path,
		consumer,
		'a consumer of @platformatic/kafka: it has on, listOffsets, listCommittedOffsets and commit',
	);
}

export function checkStream(must: Must, stream: PlatformaticStream<unknown>): void {
	const { pause, resume, close, read }: Partial<PlatformaticStream<unknown>> = Object(stream);
	const isStream = [pause, resume, close, read].every((method) => typeof method === 'function');
	must(isStream, 'stream', stream, 'a stream of @platformatic/kafka, which consumer.consume makes');
	if (isStream) checkConsumer(must, stream.consumer, 'stream.consumer');
}
