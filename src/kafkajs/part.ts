import type { MessageShedder } from '../ports/shedder.js';
import type { KafkaBatch, KafkaMessage } from './client.js';

/** One message and where it lies. */
export interface KafkaRecord {
	readonly topic: string;
	readonly partition: number;
	readonly message: KafkaMessage;
}

/** The next part of a batch, up to a message that cannot be decoded. */
export interface Part<M> {
	readonly decoded: readonly M[];
	readonly failure?: { readonly error: unknown };
}

export function partOf<M, C>(
	shedder: MessageShedder<M, C>,
	decode: (record: KafkaRecord) => M,
	{ topic, partition, messages }: KafkaBatch['batch'],
	from: number,
	most: number,
): Part<M> {
	const decoded: M[] = [];
	const mayReject = rejects(shedder);
	for (let at = from; at < messages.length && decoded.length < most; at++) {
		try {
			decoded.push(decode({ topic, partition, message: messages[at] as KafkaMessage }));
		} catch (error) {
			return { decoded, failure: { error } };
		}
		// What lies behind one that is handed back comes again; to spill it now would spill it each time.
		if (mayReject && shedder.decide(decoded[at - from] as M).action === 'reject') break;
	}
	return { decoded };
}

/** Some level hands messages back. Most ladders have none, and need no second look at each message. */
function rejects<M, C>({ ladder }: MessageShedder<M, C>): boolean {
	return ladder.spec.levels.some(({ shed }) => shed !== undefined && Object.values(shed).includes('reject'));
}
