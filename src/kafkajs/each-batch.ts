import { checkHandling, type Handling } from '../brokers/handling.js';
import { inOrder } from '../brokers/in-order.js';
import { partSize } from '../brokers/part-size.js';
import { verify } from '../core/errors.js';
import type { Outcome } from '../ports/outcome.js';
import type { MessageShedder } from '../ports/shedder.js';
import { systemClock } from '../ports/time.js';
import { checkConsumer } from './check.js';
import type { KafkaBatch, KafkaConsumer, KafkaMessage } from './client.js';
import { type KafkaRecord, partOf } from './part.js';
import { type Pauses, pausesOf } from './pauses.js';
import { watchOver } from './watch.js';

export interface KafkajsMessageOptions<M, C, V = unknown> extends Handling<KafkaRecord, M, C, V> {
	/** The consumer that will run this. It stays the caller's. */
	readonly consumer: KafkaConsumer;
	readonly shedder: MessageShedder<M, C>;
	/**
	 * For how long a partition is paused when one of its messages is handed back (`reject`), before it is fetched again, ms, 1 to
	 * 3 600 000. Its other messages wait too: Kafka has no way to give back one message.
	 *
	 * @default 1_000
	 */
	readonly retryMs?: number | undefined;
}

export interface KafkajsBatchOptions<M, C, V = unknown> extends KafkajsMessageOptions<M, C, V> {
	/**
	 * Most messages that are decided on at once, a whole number of at least 1: those of them that are spilled are appended together
	 * and awaited once. It is fewer while handling takes long, so that a change of the level is followed within some 25 ms.
	 *
	 * @default 1_000
	 */
	readonly partMax?: number | undefined;
}

/** For `consumer.run`; what is spread after it wins. */
export interface KafkajsRun {
	readonly eachBatchAutoResolve: false;
	/** 1000 ms: by default KafkaJS commits only between batches, and a batch may last for minutes under overload. */
	readonly autoCommitInterval: number;
	readonly eachBatch: (batch: KafkaBatch) => Promise<void>;
}

const COMMIT_MS = 1_000;

/**
 * Handles the batches of a consumer: `consumer.run({ ...kafkajsEachBatch({ consumer, shedder, decode, handle }) })`.
 *
 * An offset is resolved once its message and all before it were handled, dropped on purpose or durably spilled. A pause, a stop,
 * a seek and a rebalance end the batch before its next message, which comes again later; appends under way are awaited
 * first. A handler that throws is a failed batch of KafkaJS, which retries from the message on and restarts at last.
 *
 * A message that is handed back (`reject`) ends the batch: its partition is paused for `retryMs`, and then fetched again from that
 * message on. Everything behind it in its partition, protected or not, waits with it.
 *
 * @throws ConfigError when an option is out of range.
 * @see docs/kafkajs.md (rule M2)
 */
export function kafkajsEachBatch<M, C, V = unknown>(options: KafkajsBatchOptions<M, C, V>): KafkajsRun {
	return runOf('kafkajsEachBatch', options);
}

/** @throws ConfigError with everything that is wrong. */
export function runOf<M, C, V>(caller: string, options: KafkajsBatchOptions<M, C, V>): KafkajsRun {
	const { consumer, shedder, decode, handle, name, retryMs = 1_000, partMax = 1_000 } = options;
	verify(`${caller} options`, (must) => {
		checkConsumer(must, consumer);
		must(typeof Object(shedder).wrapBatch === 'function', 'shedder', shedder, 'a load shedder: it has wrapBatch');
		checkHandling(must, options);
		must(retryMs >= 1 && retryMs <= 3_600_000, 'retryMs', retryMs, 'a number from 1 to 3600000');
		must(Number.isInteger(partMax) && partMax >= 1, 'partMax', partMax, 'a whole number of at least 1');
	});
	const pauses = pausesOf(consumer);
	const size = partSize(partMax);
	const handleAll = shedder.wrapBatch<V>(handle, { name });

	return {
		eachBatchAutoResolve: false,
		autoCommitInterval: COMMIT_MS,
		async eachBatch({ batch, resolveOffset, heartbeat, commitOffsetsIfNecessary, isRunning, isStale }) {
			const { topic, partition, messages } = batch;
			const watch = watchOver(pauses, batch, heartbeat, () => !isRunning() || isStale());
			const { signal } = watch;
			try {
				for (let from = 0; from < messages.length && !signal.aborted; ) {
					const sinceMs = systemClock.nowMs();
					let handledMs = sinceMs;
					// A look at the clock for every message would show in the cost of quick ones.
					const every = size.next >= 64 ? 16 : 1;
					const part = partOf(shedder, decode, batch, from, size.next);
					const settle = inOrder((at) => resolveOffset((messages[from + at] as KafkaMessage).offset));
					const onOutcome = (at: number, { action }: Outcome<V>): void => {
						// What is spilled is told of when the append has resolved, after all others.
						if (action === 'process' && at % every === 0) handledMs = systemClock.nowMs();
						if (action !== 'reject') settle(at);
						else if (!signal.aborted) {
							watch.end();
							holdFor(pauses, topic, partition, retryMs);
						}
					};
					await handleAll(part.decoded, { onOutcome, signal });
					if (part.failure !== undefined && !signal.aborted) throw part.failure.error;
					size.took(handledMs - sinceMs, part.decoded.length);
					from += part.decoded.length;
					await commitOffsetsIfNecessary();
					await watch.beat();
					// Handlers that wait for nothing would keep timers and answers, those of the controller too, from having their turn.
					await new Promise((resolve) => setImmediate(resolve));
				}
			} finally {
				watch.close();
			}
			if (watch.failure !== undefined) throw watch.failure.error;
		},
	};
}

function holdFor(pauses: Pauses, topic: string, partition: number, ms: number): void {
	const release = pauses.hold(topic, partition);
	const cancel = systemClock.every(ms, () => {
		cancel();
		release();
	});
}
