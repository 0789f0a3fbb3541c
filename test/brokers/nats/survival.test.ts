import { describeWith, startNats } from '../../support/services.js';
import { survives } from '../survival/survives.js';
import { place } from './place.js';

/** A small part of all: what is here when the consumer is paused is still handled, and must not be the whole overload. */
const maxMessages = String(Number(process.env.SURVIVAL_MESSAGES ?? 5_000) / 50);

// A server of its own, which is taken away in the middle.
await describeWith(startNats, 'a consumer of NATS', (server) => {
	survives({
		broker: 'nats',
		// What was on its way to a consumer that died comes again after others have come.
		ordered: false,
		disturbance: 'reconnect',
		async prepare() {
			const { stream, manager, pour, destroy } = await place(server.url, {
				// What is acknowledged is removed from the stream, so what is left can be counted without the consumer.
				stream: { storage: 'file', retention: 'workqueue' },
				consumer: { ack_wait: 2e9 },
			});
			return {
				place: { url: server.url, stream, maxMessages },
				// Faster than any consumer, or there is no overload.
				produce: (messages) => pour(messages.map((message) => JSON.stringify(message))),
				disturb: () => server.restart(),
				left: async () => (await manager.streams.info(stream)).state.messages,
				destroy,
			};
		},
	});
});
