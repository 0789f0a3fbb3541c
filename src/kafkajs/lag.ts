import { verify } from '../core/errors.js';
import type { SignalSource } from '../ports/signal.js';
import { assignmentsOf } from './assignments.js';
import { checkConsumer } from './check.js';
import type { KafkaAdmin, KafkaClient, KafkaConsumer } from './client.js';

export interface KafkajsLagOptions {
	/** Makes the admin client, whose connection is the signal's own: `new Kafka(...)`. */
	readonly kafka: KafkaClient;
	/** The consumer whose lag it is. It stays the caller's. Make the signal before `consumer.run`. */
	readonly consumer: KafkaConsumer;
	/**
	 * What `consumer.subscribe` was told: where a partition begins of which nothing was ever committed.
	 *
	 * @default false, as in KafkaJS
	 */
	readonly fromBeginning?: boolean | undefined;
}

/**
 * Messages that wait for this consumer: end of the partition - committed offset, over the partitions that it has now. It
 * does not fall while intake is paused.
 *
 * - Before the consumer has joined its group, during a rebalance and after a stop it is unknown (`NaN`). A member that got no
 *   partition has a lag of 0.
 * - Nothing committed yet: with `fromBeginning` all that the partition holds, else what came since the first reading after the
 *   assignment, which is about where KafkaJS begins.
 * - What was deleted before it was read does not count. Committed offsets and ends come by two requests, so a difference
 *   below 0 is 0. A partition of which the broker says nothing makes the reading unknown.
 * - It moves as offsets are committed: with the `autoCommitInterval` of `kafkajsEachBatch` each second.
 * - Offsets count what compaction and transactions leave out, so there it is an upper bound.
 *
 * A reading is one request for the group and three for each topic. It rejects when the broker does not answer as KafkaJS understands
 * it, after the retries of `kafka`; the next reading makes a new connection.
 *
 * @throws ConfigError when an option is out of range.
 * @see docs/kafkajs.md
 */
export function kafkajsLag({ kafka, consumer, fromBeginning = false }: KafkajsLagOptions): SignalSource {
	verify('kafkajsLag options', (must) => {
		must(typeof Object(kafka).admin === 'function', 'kafka', kafka, 'a Kafka of kafkajs: it has admin');
		checkConsumer(must, consumer);
		must(typeof fromBeginning === 'boolean', 'fromBeginning', fromBeginning, 'a boolean');
	});
	const assignments = assignmentsOf(consumer);
	const connection = connectionOf(kafka);
	/** Where partitions begin of which nothing was committed, by topic and partition. */
	const begins = new Map<string, bigint>();
	assignments.onJoin(() => begins.clear());

	const read = async (): Promise<number> => {
		const assignment = assignments.current;
		if (assignment === undefined) return Number.NaN;
		const { groupId, partitions } = assignment;
		const topics = Object.keys(partitions);
		if (topics.length === 0) return 0;
		const [committed, ...ends] = await connection.ask((admin) =>
			Promise.all([
				admin.fetchOffsets({ groupId, topics }),
				...topics.map(async (topic) => ({ topic, partitions: await admin.fetchTopicOffsets(topic) })),
			]),
		);
		// The answers are about partitions that are not ours any more.
		if (assignments.current !== assignment) return Number.NaN;
		let lag = 0n;
		for (const { topic, partitions: places } of ends) {
			const offsets = committed.find((one) => one.topic === topic)?.partitions;
			for (const partition of partitions[topic] ?? []) {
				const end = places.find((one) => one.partition === partition);
				const offset = offsets?.find((one) => one.partition === partition)?.offset;
				if (end === undefined || offset === undefined) return Number.NaN;
				const [low, high] = [BigInt(end.low), BigInt(end.high)];
				const next = BigInt(offset) < 0 ? beginOf(JSON.stringify([topic, partition]), low, high) : BigInt(offset);
				const waiting = high - (next > low ? next : low);
				if (waiting > 0) lag += waiting;
			}
		}
		return Number(lag);
	};
	const beginOf = (id: string, low: bigint, high: bigint): bigint => {
		if (fromBeginning) return low;
		const begin = begins.get(id) ?? high;
		begins.set(id, begin);
		return begin;
	};
	return { fallsWhilePaused: false, read, close: connection.close };
}

/** One connection, made when it is needed, and anew after a failure. */
function connectionOf(kafka: KafkaClient) {
	let admin: Promise<KafkaAdmin> | undefined;
	const connect = async (): Promise<KafkaAdmin> => {
		const made = kafka.admin();
		try {
			await made.connect();
			return made;
		} catch (error) {
			// It may have sockets that are half open. Why there is no connection is said by the first error.
			await made.disconnect().catch(() => {});
			throw error;
		}
	};
	const close = async (): Promise<void> => {
		const closing = admin;
		admin = undefined;
		// One that did not come about has nothing to be closed.
		const made = await closing?.catch(() => undefined);
		await made?.disconnect();
	};
	const ask = async <T>(question: (admin: KafkaAdmin) => Promise<T>): Promise<T> => {
		admin ??= connect();
		const asked = admin;
		try {
			return await question(await asked);
		} catch (error) {
			// Told already by what it failed with. A reading that comes later has a connection of its own.
			if (admin === asked) await close().catch(() => {});
			throw error;
		}
	};
	return { ask, close };
}
