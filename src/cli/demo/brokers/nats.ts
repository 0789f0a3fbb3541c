import { natsHandler, natsIntake, natsLag } from '../../../nats/index.js';
import type { Broker, Place } from './broker.js';
import { readMessage, writeMessage } from './wire.js';

const CONSUMER = 'demo';
/** A broker on a machine under load takes its time. */
const CONFIRM_MS = 30_000;

/** A stream of JetStream, and one consumer of it. */
export const nats: Broker = {
	title: 'NATS server with JetStream',
	variable: 'NATS_URL',
	localUrl: 'nats://127.0.0.1:4222',
	packages: ['@nats-io/transport-node', '@nats-io/jetstream'],

	async open(place) {
		const { jetstream, jetstreamManager, AckPolicy } = await import('@nats-io/jetstream');
		const connection = await connectTo(place);
		const manager = await jetstreamManager(connection);
		await manager.streams.add({ name: place.name, subjects: [place.name] });
		await manager.consumers.add(place.name, { durable_name: CONSUMER, ack_policy: AckPolicy.Explicit });
		const consumer = await jetstream(connection).consumers.get(place.name, CONSUMER);
		const intake = natsIntake({ connection, consumer });
		let consuming: { stop(): Promise<void> } | undefined;
		return {
			lag: natsLag({ consumer }),
			intake,
			async consume(shedder, handle, failed) {
				const handler = natsHandler(shedder, { decode: ({ data }) => readMessage(data), handle });
				consuming = intake.consume(handler, { onError: failed });
			},
			async left() {
				// Acknowledged up to here; the rest of the stream is left.
				const [{ state }, { ack_floor }] = await Promise.all([
					manager.streams.info(place.name),
					manager.consumers.info(place.name, CONSUMER),
				]);
				return state.last_seq - ack_floor.stream_seq;
			},
			async close() {
				await consuming?.stop();
				await manager.streams.delete(place.name);
				await connection.close();
			},
		};
	},

	async produce(place) {
		const { jetstream } = await import('@nats-io/jetstream');
		const connection = await connectTo(place);
		const stream = jetstream(connection);
		return {
			async send(messages) {
				await Promise.all(
					messages.map((message) => stream.publish(place.name, writeMessage(message), { timeout: CONFIRM_MS })),
				);
			},
			close: () => connection.close(),
		};
	},
};

async function connectTo({ url }: Place) {
	const { connect } = await import('@nats-io/transport-node');
	return connect({ servers: url });
}
