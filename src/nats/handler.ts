import { checkHandling, type Handling } from '../brokers/handling.js';
import type { BatchHandler } from '../brokers/pull.js';
import { settleEach } from '../brokers/settle-each.js';
import { verify } from '../core/errors.js';
import type { MessageShedder } from '../ports/shedder.js';
import type { NatsMessage } from './client.js';

export interface NatsHandling<Raw, M, C, V = unknown> extends Handling<Raw, M, C, V> {
	/** When a message comes again that was rejected or whose handler threw, ms, 1 .. 3 600 000. Default 1 000. */
	readonly retryMs?: number | undefined;
}

/** Handles messages that came together. A single one is a batch too. */
export interface NatsHandler<Raw> extends BatchHandler<Raw> {
	/** Resolves when each message is settled; rejects then with what handlers threw. */
	(messages: readonly Raw[], options?: { readonly signal?: AbortSignal | undefined }): Promise<void>;
	readonly rejects: boolean;
}

/**
 * Handles messages of JetStream as the shedder decides: acknowledged (`ack`) when they are processed, durably spilled or
 * dropped on purpose; handed back (`nak` with `retryMs`) when they are rejected or their handler throws.
 *
 * For {@link natsIntake}, or a loop of your own: `for await (const message of messages) await handle([message])`.
 *
 * @throws ConfigError when an option is impossible.
 */
export function natsHandler<Raw extends NatsMessage, M, C, V = unknown>(
	shedder: MessageShedder<M, C>,
	handling: NatsHandling<Raw, M, C, V>,
): NatsHandler<Raw> {
	const { retryMs = 1_000 } = handling;
	verify('natsHandler', (must) => {
		must(typeof shedder?.wrapBatch === 'function', 'shedder', shedder, 'a load shedder');
		checkHandling(must, handling);
		const possible = Number.isInteger(retryMs) && retryMs >= 1 && retryMs <= 3_600_000;
		must(possible, 'retryMs', retryMs, 'a whole number from 1 to 3600000');
	});
	const handle = settleEach(shedder, handling, {
		done: (message: Raw) => message.ack(),
		back: (message) => message.nak(retryMs),
		release: (message) => message.nak(),
	});
	const rejects = shedder.ladder.spec.levels.some(({ shed = {} }) => Object.values(shed).includes('reject'));
	return Object.assign(handle, { rejects });
}
