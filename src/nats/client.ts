/** What is needed of a connection; that of `@nats-io/transport-node` 3 or another transport is one. */
export interface NatsConnection {
	/** Says `disconnect` and `reconnect`, and ends with the connection. */
	status(): AsyncIterable<{ readonly type: string }>;
	flush(): Promise<void>;
}

/** What is needed of a pull consumer; that of `jetstream(connection).consumers.get(...)` of `@nats-io/jetstream` 3 is one. */
export interface NatsConsumer<Raw extends NatsMessage = NatsMessage> {
	info(): Promise<NatsConsumerInfo>;
	fetch(options: {
		max_messages: number;
		expires: number;
	}): Promise<AsyncIterable<Raw> & { stop(error?: Error): void }>;
}

/** A message as JetStream delivers it: a `JsMsg` is one. */
export interface NatsMessage {
	readonly data: Uint8Array;
	readonly subject: string;
	ack(): void;
	nak(delayMs?: number): void;
	working(): void;
}

export interface NatsConsumerInfo {
	readonly stream_name: string;
	readonly num_pending: number;
	readonly num_ack_pending: number;
	readonly ack_floor: { readonly stream_seq: number };
	/** When the server made this answer; NATS 2.10 says it. */
	readonly ts?: string | undefined;
	readonly config: {
		readonly ack_policy: string;
		/** Nanoseconds. */
		readonly ack_wait?: number | undefined;
		/** Nanoseconds: the wait after each delivery, instead of `ack_wait`. */
		readonly backoff?: readonly number[] | undefined;
		readonly max_deliver?: number | undefined;
		/** Most messages of a request. */
		readonly max_batch?: number | undefined;
		/** Nanoseconds. */
		readonly max_expires?: number | undefined;
		readonly filter_subject?: string | undefined;
		readonly filter_subjects?: readonly string[] | undefined;
	};
}

/** What is needed of a manager of streams; that of `jetstreamManager(connection)` is one. */
export interface NatsManager {
	readonly streams: {
		getMessage(
			stream: string,
			query: { seq: number; next_by_subj: string },
		): Promise<{ readonly time: Date; readonly seq: number } | null>;
	};
}
