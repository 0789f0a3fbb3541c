import { randomUUID } from 'node:crypto';
import { type Consumer, type JetStreamManager, type JsMsg, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';

/** A stream and a consumer of the test's own. */
export interface Place {
	readonly connection: NatsConnection;
	readonly manager: JetStreamManager;
	readonly consumer: Consumer;
	readonly stream: string;
	/** Puts texts into the stream, under the last word of its subject; resolves when the server has them. */
	publish(texts: readonly string[], subject?: string): Promise<void>;
	/** The same without an answer for each: of the last one only, which comes after the others. */
	pour(texts: readonly string[]): Promise<void>;
	/** Fetches so many and leaves them unacknowledged. */
	take(count: number): Promise<JsMsg[]>;
	destroy(): Promise<void>;
}

export interface PlaceSettings {
	readonly stream?: Readonly<Record<string, unknown>>;
	readonly consumer?: Readonly<Record<string, unknown>>;
	/** The last word of the subjects that the consumer is for. Default: all. */
	readonly filter?: string;
}

export async function place(url: string, settings: PlaceSettings = {}): Promise<Place> {
	const stream = `brownout_test_${randomUUID().slice(0, 8)}`;
	const connection = await connect({ servers: url, maxReconnectAttempts: -1, reconnectTimeWait: 20 });
	const manager = await jetstreamManager(connection, { checkAPI: false });
	const client = jetstream(connection);
	await manager.streams.add({ name: stream, subjects: [`${stream}.>`], storage: 'memory', ...settings.stream });
	await manager.consumers.add(stream, {
		durable_name: 'consumer',
		ack_policy: 'explicit',
		ack_wait: 60e9,
		...(settings.filter === undefined ? {} : { filter_subject: `${stream}.${settings.filter}` }),
		...settings.consumer,
	});
	const consumer = await client.consumers.get(stream, 'consumer');
	return {
		connection,
		manager,
		consumer,
		stream,
		async publish(texts, subject = 'a') {
			const publish = (text: string) => client.publish(`${stream}.${subject}`, text);
			for (let at = 0; at < texts.length; at += 500) await Promise.all(texts.slice(at, at + 500).map(publish));
		},
		async pour(texts) {
			for (const text of texts.slice(0, -1)) connection.publish(`${stream}.a`, text);
			for (const text of texts.slice(-1)) await client.publish(`${stream}.a`, text, { timeout: 60_000 });
		},
		async take(count) {
			const taken: JsMsg[] = [];
			for await (const message of await consumer.fetch({ max_messages: count, expires: 5_000 })) taken.push(message);
			return taken;
		},
		async destroy() {
			await manager.streams.delete(stream);
			await connection.close();
		},
	};
}

/** `count` texts that differ. */
export const texts = (count: number, from = 0): string[] => Array.from({ length: count }, (_, i) => `m${from + i}`);
