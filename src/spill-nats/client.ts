/** What is needed of a connection; that of `@nats-io/transport-node` 3 or another transport is one. */
export interface NatsConnection {
	readonly info?: { readonly max_payload: number; readonly version: string } | undefined;
	request(subject: string, payload: Uint8Array, options: { timeout: number }): Promise<{ readonly data: Uint8Array }>;
	subscribe(
		subject: string,
		options: { callback: (error: Error | null, message: NatsClientMessage) => void },
	): { unsubscribe(): void };
	flush(): Promise<void>;
	/** Says `disconnect` and `reconnect`, and ends with the connection. */
	status(): AsyncIterable<{ readonly type: string }>;
}

/** A message that asks for an answer. */
export interface NatsClientMessage {
	respond(payload: Uint8Array): boolean;
}

/** What is needed of a manager of streams; that of `jetstreamManager(connection)` of `@nats-io/jetstream` 3 is one. */
export interface NatsManager {
	jetstream(): {
		publish(
			subject: string,
			payload: Uint8Array,
			options: { timeout: number; expect: { lastSequence: number; streamName: string } },
		): Promise<{ readonly seq: number }>;
	};
	readonly streams: {
		info(stream: string): Promise<NatsStreamInfo>;
		add(config: NatsStreamConfig): Promise<NatsStreamInfo>;
		purge(
			stream: string,
			options: { filter: string; seq: number } | { filter: string; keep: number },
		): Promise<unknown>;
		getMessage(
			stream: string,
			query: { seq: number; next_by_subj: string } | { last_by_subj: string },
		): Promise<NatsStoredMessage | null>;
	};
	/** Any replica answers, twice as fast, but perhaps without the newest messages. */
	readonly direct: {
		getMessage(stream: string, query: { seq: number; next_by_subj: string }): Promise<NatsStoredMessage | null>;
	};
}

export interface NatsStoredMessage {
	readonly seq: number;
	readonly subject: string;
	readonly data: Uint8Array;
}

/** The settings of a stream on which a store depends. Others are left to the server. */
export interface NatsStreamConfig {
	readonly name: string;
	subjects: string[];
	readonly storage: 'file' | 'memory';
	readonly retention: 'limits' | 'interest' | 'workqueue';
	readonly discard: 'new' | 'old';
	readonly num_replicas: number;
	readonly max_bytes: number;
	readonly max_msgs: number;
	readonly max_msgs_per_subject: number;
	/** Nanoseconds; 0 = for ever. */
	readonly max_age: number;
	readonly max_msg_size: number;
	readonly deny_purge: boolean;
	readonly allow_direct: boolean;
}

export interface NatsStreamInfo {
	readonly config: NatsStreamConfig & { readonly no_ack?: boolean; readonly persist_mode?: string };
	readonly state: { readonly last_seq: number };
}
