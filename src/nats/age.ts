import { verify } from '../core/errors.js';
import type { SignalSource } from '../ports/signal.js';
import type { NatsConsumer, NatsManager } from './client.js';

export interface NatsAgeOptions {
	readonly consumer: Pick<NatsConsumer, 'info'>;
	/** `await jetstreamManager(connection)`, with the domain or prefix that you use. */
	readonly manager: NatsManager;
}

/**
 * How long the oldest message that is not acknowledged has been in the stream, ms; 0 when everything is. Two requests a read,
 * the second of which brings the message itself (one for each filter of the consumer).
 *
 * Told by the server's clock from NATS 2.10 on; before that by the clock of this machine, whose difference to that of the
 * server goes into it. A message that is handed back again and again ages all the while: `messageAge()` of the root tells the
 * standing delay. It cannot fall while intake is paused (rule R8).
 *
 * @throws ConfigError for something that is no consumer or no manager.
 */
export function natsAge({ consumer, manager }: NatsAgeOptions): SignalSource {
	verify('natsAge', (must) => {
		must(typeof consumer?.info === 'function', 'consumer', consumer, 'a consumer of JetStream');
		must(typeof manager?.streams?.getMessage === 'function', 'manager', manager, 'a JetStream manager');
	});
	return {
		fallsWhilePaused: false,
		async read() {
			const { stream_name, num_pending, num_ack_pending, ack_floor, ts, config } = await consumer.info();
			if (num_pending + num_ack_pending === 0) return 0;
			const { filter_subject = '>', filter_subjects = [filter_subject] } = config;
			// Everything up to the floor is acknowledged, so the next one that the consumer is for is the oldest.
			const seq = ack_floor.stream_seq + 1;
			const found = await Promise.all(
				filter_subjects.map((next_by_subj) => manager.streams.getMessage(stream_name, { seq, next_by_subj })),
			);
			const times = found.flatMap((message) => (message === null ? [] : [message.time.getTime()]));
			// It was acknowledged and removed since the first answer.
			if (times.length === 0) return Number.NaN;
			return Math.max(0, (ts === undefined ? Date.now() : Date.parse(ts)) - Math.min(...times));
		},
	};
}
