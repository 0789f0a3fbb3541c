import { checkHandling, type Handling } from '../brokers/handling.js';
import type { BatchHandler } from '../brokers/pull.js';
import { settleEach } from '../brokers/settle-each.js';
import { verify } from '../core/errors.js';
import type { MessageShedder } from '../ports/shedder.js';
import type { StreamMessage } from './message.js';

/** Handles messages that came together. A single one is a batch too. */
export interface RedisStreamsHandler<Raw> extends BatchHandler<Raw> {
	/** Resolves when each message is settled; rejects then with what handlers threw. */
	(messages: readonly Raw[], options?: { readonly signal?: AbortSignal | undefined }): Promise<void>;
}

/**
 * Handles messages of a stream as the shedder decides: acknowledged when they are processed, durably spilled or dropped on
 * purpose; left pending, to come again after `retryMs` of the intake, when they are rejected or their handler throws.
 *
 * @throws ConfigError when an option is impossible.
 */
export function redisStreamsHandler<M, C, V = unknown, Value = string>(
	shedder: MessageShedder<M, C>,
	handling: Handling<StreamMessage<Value>, M, C, V>,
): RedisStreamsHandler<StreamMessage<Value>> {
	verify('redisStreamsHandler', (must) => {
		must(typeof shedder?.wrapBatch === 'function', 'shedder', shedder, 'a load shedder');
		checkHandling(must, handling);
	});
	return settleEach(shedder, handling, {
		done: (message: StreamMessage<Value>) => message.ack(),
		back: (message) => message.nak(),
		release: (message) => message.release(),
	});
}
