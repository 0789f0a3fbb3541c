import { describeWith, rabbitmq } from '../../support/services.js';
import { survives } from '../survival/survives.js';
import { makePlace, openWire } from './place.js';

await describeWith(rabbitmq, 'a consumer of amqplib', ({ url }) => {
	survives({
		broker: 'amqplib',
		ordered: true,
		disturbance: 'reconnect',
		async prepare() {
			const [{ queue, produce, ready, destroy }, wire] = await Promise.all([makePlace(url), openWire(url)]);
			return {
				place: { url: wire.url, queue },
				produce: (messages) => produce(messages.map((message) => JSON.stringify(message))),
				async disturb() {
					wire.cut();
				},
				left: ready,
				async destroy() {
					await destroy();
					await wire.close();
				},
			};
		},
	});
});
