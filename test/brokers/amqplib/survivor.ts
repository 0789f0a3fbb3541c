import { type Channel, type ChannelModel, type ConsumeMessage, connect } from 'amqplib';
import { amqplibHandler, amqplibIntake, amqplibLag } from '../../../src/amqplib/index.js';
import type { Message, Survivor } from '../survival/course.js';

export const survivor: Survivor = {
	async consume({ url, queue }, makeShedder, handle) {
		let current: ChannelModel | undefined;
		let channel: Channel | undefined;
		const intake = amqplibIntake<ConsumeMessage>({ prefetch: 1_000 });
		const lag = amqplibLag({ queue: queue as string, connection: () => current, intake });
		const handler = amqplibHandler(makeShedder(lag, intake), {
			decode: ({ content }: ConsumeMessage): Message => JSON.parse(content.toString()),
			handle,
			onError: (error) => {
				throw error;
			},
		});
		const connection = await connect(url as string, {
			recovery: {
				initialDelay: 50,
				async setup(connected: ChannelModel) {
					current = connected;
					connected.on('close', () => {
						current = undefined;
					});
					const opened = await connected.createChannel();
					await intake.consume(opened, queue as string, handler);
					channel = opened;
				},
			},
		});
		// Connections that are cut, by the test.
		connection.on('error', () => {});
		return async () => {
			await handler.close();
			await channel?.close();
			await connection.close();
		};
	},
};
