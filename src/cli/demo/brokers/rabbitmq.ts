import type { ChannelModel } from 'amqplib';
import { amqplibHandler, amqplibIntake, amqplibLag } from '../../../amqplib/index.js';
import type { Broker, Place } from './broker.js';
import { readMessage, writeMessage } from './wire.js';

/** A durable queue. */
export const rabbitmq: Broker = {
	title: 'RabbitMQ server',
	variable: 'AMQP_URL',
	localUrl: 'amqp://127.0.0.1:5672',
	packages: ['amqplib'],

	async open(place) {
		const connection = await connectTo(place);
		const { name: queue } = place;
		const channel = await connection.createChannel();
		await channel.assertQueue(queue, { durable: true });
		const intake = amqplibIntake({ prefetch: 200 });
		let close = async () => {};
		return {
			lag: amqplibLag({ queue, connection: () => connection, intake }),
			intake,
			async consume(shedder, handle, failed) {
				const handler = amqplibHandler(shedder, {
					decode: ({ content }) => readMessage(content),
					handle,
					onError: failed,
				});
				close = () => handler.close();
				await intake.consume(channel, queue, handler);
			},
			async left() {
				return (await channel.checkQueue(queue)).messageCount;
			},
			async close() {
				await close();
				await channel.deleteQueue(queue);
				await connection.close();
			},
		};
	},

	async produce(place) {
		const connection = await connectTo(place);
		const channel = await connection.createConfirmChannel();
		return {
			async send(messages) {
				for (const message of messages) {
					channel.sendToQueue(place.name, Buffer.from(writeMessage(message)), { persistent: true });
				}
				await channel.waitForConfirms();
			},
			close: () => connection.close(),
		};
	},
};

async function connectTo({ url }: Place): Promise<ChannelModel> {
	const { connect } = await import('amqplib');
	return connect(url);
}
