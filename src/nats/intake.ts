import { type PullIntake, pullIntake } from '../brokers/pull.js';
import { verify } from '../core/errors.js';
import type { NatsConnection, NatsConsumer, NatsMessage } from './client.js';
import { openSource } from './source.js';

export interface NatsIntakeOptions<Raw extends NatsMessage> {
	/** The connection of the consumer. */
	readonly connection: NatsConnection;
	/** A pull consumer that acknowledges explicitly: `await jetstream(connection).consumers.get(stream, name)`. */
	readonly consumer: NatsConsumer<Raw>;
	/**
	 * Most messages that are here at once: asked for, waiting, and in the hands of the handler, 1 .. 10 000. Default 100. Also
	 * the largest batch, all of which is decided on at once, and what may still arrive after a pause.
	 */
	readonly maxMessages?: number | undefined;
	/** How long a request for messages stays open, ms, 1 000 .. 60 000. Default 2 000. To stop takes as long. */
	readonly expiresMs?: number | undefined;
}

/** The intake, and the consumer, of a stream of JetStream. */
export interface NatsIntake<Raw extends NatsMessage> extends PullIntake<Raw> {}

/**
 * Consumes a stream of JetStream, and can be paused.
 *
 * It asks for messages by `fetch` rather than `consume()`: whoever stops the latter throws away what is on its way, which then
 * comes again after `ack_wait` only, out of order and one delivery older. Paused, it asks for no more; what was asked for
 * arrives, is handled and acknowledged, so nothing is held while it is paused. What is here is extended by `working()` three
 * times in `ack_wait`.
 *
 * A connection that is lost takes what is on its way with it (it comes again after `ack_wait`); the consumer goes on when the
 * client has reconnected, paused or not as it was.
 *
 * @throws ConfigError when an option is impossible. A consumer that cannot be used (no explicit acknowledgement; `max_deliver`
 * where a level rejects) is told to `onError` as a ConfigError.
 * @see docs/nats.md
 */
export function natsIntake<Raw extends NatsMessage>(options: NatsIntakeOptions<Raw>): NatsIntake<Raw> {
	const { connection, consumer, maxMessages = 100, expiresMs = 2_000 } = options;
	verify('natsIntake', (must) => {
		const whole = (path: string, value: number, least: number, most: number) => {
			const fits = Number.isInteger(value) && value >= least && value <= most;
			must(fits, path, value, `a whole number from ${least} to ${most}`);
		};
		must(typeof connection?.status === 'function', 'connection', connection, 'a connection of NATS');
		must(typeof consumer?.fetch === 'function', 'consumer', consumer, 'a pull consumer of JetStream');
		whole('maxMessages', maxMessages, 1, 10_000);
		whole('expiresMs', expiresMs, 1_000, 60_000);
	});
	return pullIntake('natsIntake', maxMessages, (handler, events) =>
		openSource({ connection, consumer, expiresMs, rejects: handler.rejects === true }, events),
	);
}
