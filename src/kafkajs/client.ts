/**
 * What is needed of `kafkajs` 2, so that any compatible client fits: of a `Kafka`, of its consumer, of its admin, and of what a
 * consumer delivers.
 */
export interface KafkaClient {
	admin(): KafkaAdmin;
}

export interface KafkaAdmin {
	connect(): Promise<void>;
	disconnect(): Promise<void>;
	/** Committed offsets; negative where nothing was committed. */
	fetchOffsets(of: {
		groupId: string;
		topics: string[];
	}): Promise<
		{ readonly topic: string; readonly partitions: { readonly partition: number; readonly offset: string }[] }[]
	>;
	/** The oldest offset and the next one to be written, of every partition. */
	fetchTopicOffsets(
		topic: string,
	): Promise<{ readonly partition: number; readonly low: string; readonly high: string }[]>;
}

/** Partitions of a topic; all of them when they are not named. */
export interface TopicPartitions {
	topic: string;
	partitions?: number[];
}

export interface KafkaConsumer {
	/** Replaced once an adapter looks after the consumer, and so is `resume`: the user's pauses are told from ours. */
	pause(topics: TopicPartitions[]): void;
	resume(topics: TopicPartitions[]): void;
	paused(): { readonly topic: string; readonly partitions: readonly number[] }[];
	on(
		event: 'consumer.group_join',
		listener: (event: {
			readonly payload: {
				readonly groupId: string;
				readonly memberAssignment: { readonly [topic: string]: readonly number[] };
			};
		}) => void,
	): () => void;
	on(event: 'consumer.rebalancing', listener: () => void): () => void;
	on(event: 'consumer.stop', listener: () => void): () => void;
}

/** A message of Kafka as the consumer delivers it. */
export interface KafkaMessage {
	readonly key: Buffer | null;
	readonly value: Buffer | null;
	/** Epoch ms, by the clock of the producer or of the broker. */
	readonly timestamp: string;
	readonly offset: string;
	readonly headers?: KafkaHeaders | undefined;
}

export interface KafkaHeaders {
	readonly [name: string]: Buffer | string | readonly (Buffer | string)[] | undefined;
}

/** What `eachBatch` is given. */
export interface KafkaBatch {
	readonly batch: {
		readonly topic: string;
		readonly partition: number;
		readonly messages: readonly KafkaMessage[];
	};
	resolveOffset(offset: string): void;
	heartbeat(): Promise<void>;
	commitOffsetsIfNecessary(): Promise<void>;
	isRunning(): boolean;
	isStale(): boolean;
}
