import { checkHandling, type Handling } from '../brokers/handling.js';
import { settleEach } from '../brokers/settle-each.js';
import { verify } from '../core/errors.js';
import type { MessageShedder } from '../ports/shedder.js';
import { type Acks, acksOf } from './acks.js';
import type { AmqplibAcks, AmqplibMessage } from './client.js';

export interface AmqplibHandling<Raw, M, C, V = unknown> extends Handling<Raw, M, C, V> {
	/**
	 * When a message is handed back that was rejected or whose handler threw, ms, 1 to 600 000. Until then it counts as
	 * delivered, so at most `prefetch` of them wait. Well below the broker's `consumer_timeout`. Default 1 000.
	 */
	readonly retryMs?: number | undefined;
	/** How many messages are worked on at a time, at least 1. With more than one their order is lost. Default 1. */
	readonly concurrency?: number | undefined;
	/** Told what handlers threw, and `decode`. The messages come again after `retryMs`. Must not throw. */
	readonly onError: (error: unknown) => void;
	/** Told that the broker has cancelled the consumer, such as when its queue was deleted. */
	readonly onCancelled?: (() => void) | undefined;
}

/** Handles the messages of any number of channels, one after the other. */
export interface AmqplibHandler<Raw> {
	/** What is to be given to `intake.consume`, or called for `channel.consume(queue, handler(channel))`. */
	(channel: AmqplibAcks<Raw>): (message: Raw | null) => void;
	/**
	 * Ends it: messages under way are finished and acknowledged, the others given back to the broker, and what is still
	 * delivered is left to it. Resolves when everything is settled; then close the channel. Idempotent.
	 */
	close(): Promise<void>;
}

/** A delivered message and where to acknowledge it. */
interface Delivery<Raw> {
	readonly raw: Raw;
	readonly acks: Acks<Raw>;
}

/** Most messages that are decided on at once, where a user has set no prefetch. */
const BATCH_MAX = 1_000;

/**
 * Handles messages as the shedder decides: acknowledged (`ack`) when they are processed, durably spilled or dropped on purpose;
 * given back (`nack` with requeue) after `retryMs` when they are rejected or their handler throws. A channel that has closed
 * gets no acknowledgement any more: its messages come again.
 *
 * What is delivered while others are handled makes a batch, whose spilled messages are appended together.
 *
 * @throws ConfigError when an option is wrong.
 * @see docs/amqplib.md (rule M2)
 */
export function amqplibHandler<Raw extends AmqplibMessage, M, C, V = unknown>(
	shedder: MessageShedder<M, C>,
	handling: AmqplibHandling<Raw, M, C, V>,
): AmqplibHandler<Raw> {
	const { decode, handle, name, retryMs = 1_000, concurrency = 1, onError, onCancelled } = handling;
	verify('amqplibHandler', (must) => {
		must(typeof shedder?.wrapBatch === 'function', 'shedder', shedder, 'a load shedder');
		checkHandling(must, handling);
		const isRetry = Number.isInteger(retryMs) && retryMs >= 1 && retryMs <= 600_000;
		must(isRetry, 'retryMs', retryMs, 'a whole number from 1 to 600000');
		const isCount = Number.isInteger(concurrency) && concurrency >= 1;
		must(isCount, 'concurrency', concurrency, 'a whole number of at least 1');
		must(typeof onError === 'function', 'onError', onError, 'a function');
		const isListener = onCancelled === undefined || typeof onCancelled === 'function';
		must(isListener, 'onCancelled', onCancelled, 'a function');
	});
	let pending: Delivery<Raw>[] = [];
	/** Not reached by a batch that was ended. */
	const released: Delivery<Raw>[] = [];
	const batches = new Map<Promise<void>, AbortController>();
	const channels = new Set<Acks<Raw>>();
	let scheduled = false;
	let closed = false;

	const handleEach = settleEach<Delivery<Raw>, M, C, V>(
		shedder,
		{ decode: ({ raw }) => decode(raw), handle, name },
		{
			done: ({ raw, acks }) => acks.ack(raw),
			back: ({ raw, acks }) => acks.giveBack(raw, closed ? 0 : retryMs),
			release: (delivery) => released.push(delivery),
		},
	);
	/** Begins batches while there is something to do and somebody is free. */
	const work = (): void => {
		scheduled = false;
		while (pending.length > 0 && batches.size < concurrency && !closed) {
			const share = Math.ceil(pending.length / (concurrency - batches.size));
			begin(pending.splice(0, Math.min(share, BATCH_MAX)));
		}
	};
	const begin = (batch: readonly Delivery<Raw>[]): void => {
		const abort = new AbortController();
		const handled = handleEach(batch, { signal: abort.signal })
			.catch(onError)
			.then(() => {
				batches.delete(handled);
				pending = [...released.splice(0), ...pending];
				sort();
				work();
			});
		batches.set(handled, abort);
	};
	/** Forgets what comes again, and gives back what will not be handled here. */
	const sort = (): void => {
		pending = pending.filter(({ acks }) => acks.isOpen);
		if (closed) for (const { raw, acks } of pending.splice(0)) acks.giveBack(raw, 0);
	};
	return Object.assign(
		(channel: AmqplibAcks<Raw>) => {
			const acks = acksOf(channel, onError);
			channels.add(acks);
			channel.on('close', () => {
				channels.delete(acks);
				// Its messages come again, to whom they are delivered then. What is under way ends first.
				for (const abort of batches.values()) abort.abort();
				sort();
			});
			return (raw: Raw | null) => {
				if (raw === null) return onCancelled?.();
				if (closed) return;
				pending.push({ raw, acks });
				if (scheduled) return;
				scheduled = true;
				// Everything that came with it makes one batch.
				setImmediate(work);
			};
		},
		{
			async close() {
				closed = true;
				sort();
				for (const acks of channels) acks.giveBackNow();
				for (const abort of batches.values()) abort.abort();
				await Promise.all(batches.keys());
			},
		},
	);
}
