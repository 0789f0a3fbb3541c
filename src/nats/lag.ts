import { verify } from '../core/errors.js';
import type { SignalSource } from '../ports/signal.js';
import type { NatsConsumer } from './client.js';

/**
 * The lag of a JetStream consumer, messages: what was not delivered yet and what is delivered and not acknowledged, by
 * whichever process. One request for the info of the consumer a read, over the connection of its client, which does not
 * hold it up; the client's own time-out bounds it (5 s unless set otherwise).
 *
 * Unknown when the server cannot be reached or the consumer does not exist. It cannot fall while intake is paused (rule R8).
 *
 * @throws ConfigError for something that is no consumer.
 * @see docs/nats.md
 */
export function natsLag({ consumer }: { readonly consumer: Pick<NatsConsumer, 'info'> }): SignalSource {
	verify('natsLag', (must) =>
		must(typeof consumer?.info === 'function', 'consumer', consumer, 'a consumer of JetStream'),
	);
	return {
		fallsWhilePaused: false,
		async read() {
			const { num_pending, num_ack_pending } = await consumer.info();
			return num_pending + num_ack_pending;
		},
	};
}
