/**
 * What is needed of `@platformatic/kafka` 1, so that any compatible client fits: of a consumer, of the stream that its `consume`
 * makes, and of the messages in it.
 */
export interface PlatformaticConsumer {
	/** What it was given; `null` before it has joined its group and after it has left. */
	readonly assignments: readonly { readonly topic: string; readonly partitions: readonly number[] }[] | null;
	isActive(): boolean;
	on(event: GroupEvent, listener: () => void): unknown;
	/** Committed offsets by partition; negative where nothing was committed. */
	listCommittedOffsets(of: { topics: { topic: string; partitions: number[] }[] }): Promise<OffsetsByTopic>;
	/** The next offset to be written by partition; with the timestamp -2 the oldest that is there. */
	listOffsets(of: {
		topics: string[];
		partitions: Record<string, number[]>;
		timestamp?: bigint;
	}): Promise<OffsetsByTopic>;
	commit(of: { offsets: { topic: string; partition: number; offset: bigint; leaderEpoch: number }[] }): Promise<void>;
}

export type GroupEvent = 'consumer:group:join' | 'consumer:group:rebalance' | 'consumer:group:leave';

/** Holes where partitions were not asked for. */
export type OffsetsByTopic = ReadonlyMap<string, readonly (bigint | undefined)[]>;

/** The stream of a consumer. */
export interface PlatformaticStream<Raw> {
	readonly consumer: PlatformaticConsumer;
	/** Replaced once an adapter looks after the stream, and so are `resume` and `close`: the user's pauses are told from ours. */
	pause(): unknown;
	resume(): unknown;
	close(): Promise<void>;
	close(callback: (error?: Error | null) => void): void;
	isPaused(): boolean;
	readonly readableFlowing: boolean | null;
	read(): Raw | null;
	listenerCount(event: string): number;
	on(event: 'readable' | 'end' | 'close', listener: () => void): unknown;
	on(event: 'error', listener: (error: Error) => void): unknown;
	off(event: 'readable' | 'end' | 'close', listener: () => void): unknown;
	off(event: 'error', listener: (error: Error) => void): unknown;
}

/** A message of Kafka as the stream delivers it. Key, value and headers are what the deserializers of the consumer make of them. */
export interface PlatformaticMessage<Key = unknown, Value = unknown> {
	readonly key: Key;
	readonly value: Value;
	readonly headers: ReadonlyMap<unknown, unknown>;
	readonly topic: string;
	readonly partition: number;
	/** Epoch ms, by the clock of the producer or of the broker. */
	readonly timestamp: bigint;
	readonly offset: bigint;
	readonly commit: unknown;
}
