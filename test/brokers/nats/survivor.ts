import { jetstream } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { natsHandler, natsIntake, natsLag } from '../../../src/nats/index.js';
import type { Message, Survivor } from '../survival/course.js';

export const survivor: Survivor = {
	async consume({ url, stream, maxMessages }, makeShedder, handle) {
		const connection = await connect({ servers: url as string, maxReconnectAttempts: -1, reconnectTimeWait: 20 });
		const consumer = await jetstream(connection).consumers.get(stream as string, 'consumer');
		const intake = natsIntake({ connection, consumer, maxMessages: Number(maxMessages) });
		const shedder = makeShedder(natsLag({ consumer }), intake);
		const consuming = intake.consume(
			natsHandler(shedder, { decode: (message) => message.json<Message>(), handle, name: 'survivor' }),
			{ onError: (error) => console.error('nats survivor:', String(error)) },
		);
		return async () => {
			await consuming.stop();
			await connection.close();
		};
	},
};
