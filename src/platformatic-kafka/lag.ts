import { verify } from '../core/errors.js';
import type { SignalSource } from '../ports/signal.js';
import { assignmentsOf } from './assignments.js';
import { checkConsumer } from './check.js';
import type { PlatformaticConsumer } from './client.js';

export interface PlatformaticKafkaLagOptions {
	/**
	 * The consumer whose lag it is. It stays the caller's. Fetches have connections of their own in this client, so the requests
	 * of the signal do not wait behind them.
	 */
	readonly consumer: PlatformaticConsumer;
	/**
	 * What `consumer.consume` was told: where a partition begins of which nothing was ever committed. `mode` has to be `'committed'`.
	 *
	 * @default 'latest', as in the client
	 */
	readonly fallbackMode?: 'latest' | 'earliest' | undefined;
}

/** Kafka's word for the oldest offset that is there. */
const EARLIEST = -2n;

/**
 * Messages that wait for this consumer: end of the partition - committed offset, over the partitions that it has now. It
 * does not fall while intake is paused.
 *
 * - Before the consumer has joined its group, during a rebalance and after it has left it is unknown (`NaN`). A member that got no
 *   partition has a lag of 0.
 * - Nothing committed yet: with `fallbackMode: 'earliest'` all that the partition holds, else what came since the first reading after the
 *   assignment, which is about where the client begins. (`consumer.getLag` says -1 of partitions that it does not know.)
 * - What was deleted before it was read does not count. Offsets come by several requests, so a difference below 0 is 0. A
 *   partition of which the broker says nothing makes the reading unknown.
 * - It moves as offsets are committed: `platformaticKafkaRun` does so each second.
 * - Offsets count what compaction and transactions leave out, so there it is an upper bound.
 *
 * A reading is three requests, at the same time. It rejects when the broker does not answer, after the retries of the consumer.
 *
 * @throws ConfigError when an option is out of range.
 * @see docs/platformatic-kafka.md
 */
export function platformaticKafkaLag({ consumer, fallbackMode = 'latest' }: PlatformaticKafkaLagOptions): SignalSource {
	verify('platformaticKafkaLag options', (must) => {
		checkConsumer(must, consumer);
		must(
			fallbackMode === 'latest' || fallbackMode === 'earliest',
			'fallbackMode',
			fallbackMode,
			'"latest" or "earliest"',
		);
	});
	const assignments = assignmentsOf(consumer);
	/** Where partitions begin of which nothing was committed, by topic and partition. */
	const begins = new Map<string, bigint>();
	assignments.onJoin(() => begins.clear());

	const beginOf = (id: string, low: bigint, high: bigint): bigint => {
		if (fallbackMode === 'earliest') return low;
		const begin = begins.get(id) ?? high;
		begins.set(id, begin);
		return begin;
	};
	const read = async (): Promise<number> => {
		const assignment = assignments.current;
		if (assignment === undefined) return Number.NaN;
		const assigned = [...assignment].filter(([, partitions]) => partitions.length > 0);
		if (assigned.length === 0) return 0;
		const topics = assigned.map(([topic]) => topic);
		const partitions = () => Object.fromEntries(assigned.map(([topic, numbers]) => [topic, [...numbers]]));
		const [committed, lows, highs] = await Promise.all([
			consumer.listCommittedOffsets({
				topics: assigned.map(([topic, numbers]) => ({ topic, partitions: [...numbers] })),
			}),
			consumer.listOffsets({ topics, partitions: partitions(), timestamp: EARLIEST }),
			consumer.listOffsets({ topics, partitions: partitions() }),
		]);
		// The answers are about partitions that are not ours any more.
		if (assignments.current !== assignment) return Number.NaN;
		let lag = 0n;
		for (const [topic, numbers] of assigned) {
			for (const partition of numbers) {
				const [offset, low, high] = [committed, lows, highs].map((of) => of.get(topic)?.[partition]);
				if (offset === undefined || low === undefined || high === undefined) return Number.NaN;
				const next = offset < 0n ? beginOf(`${topic}:${partition}`, low, high) : offset;
				const waiting = high - (next > low ? next : low);
				if (waiting > 0n) lag += waiting;
			}
		}
		return Number(lag);
	};
	return { fallsWhilePaused: false, read };
}
