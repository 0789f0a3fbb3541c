import { verify } from '../core/errors.js';
import type { Intake } from '../ports/intake.js';
import type { AmqplibAcks, AmqplibChannel, AmqplibMessage } from './client.js';
import { type Consumption, consumption } from './consumption.js';

export interface AmqplibIntakeOptions {
	/** Most messages that are delivered and not acknowledged, per consumer, 1 to 65 535. Default 100. */
	readonly prefetch?: number | undefined;
}

/** What is done with the messages of a channel: `amqplibHandler(...)`, or a function of your own. */
export type AmqplibDelivering<Raw> = (channel: AmqplibAcks<Raw>) => (message: Raw | null) => void;

/** The intake of the queues that are consumed through it. */
export interface AmqplibIntake<Raw = AmqplibMessage> extends Intake {
	/**
	 * Consumes a queue, in place of `channel.consume(queue, ...)`, as soon as intake is open. To be called for each new channel,
	 * since a channel takes its consumers with it when it closes. `channel.cancel(consumerTag)` ends it as usual.
	 *
	 * @returns the tag of the consumer, which keeps it through pauses.
	 * @throws ConfigError for arguments that cannot work; what the broker says, such as that there is no such queue.
	 */
	consume(
		channel: AmqplibChannel<Raw>,
		queue: string,
		deliver: AmqplibDelivering<Raw>,
		options?: AmqplibConsumeOptions,
	): Promise<{ readonly consumerTag: string }>;
	/** Messages that were delivered here and are not acknowledged yet, of one queue. */
	held(queue: string): number;
	/** `prefetch` for each consumer. */
	readonly residual: number;
}

/** Options of `channel.consume`, passed on. Messages have to be acknowledged. */
export interface AmqplibConsumeOptions {
	/** Default: one of its own. */
	readonly consumerTag?: string | undefined;
	readonly exclusive?: boolean | undefined;
	readonly priority?: number | undefined;
	readonly arguments?: unknown;
	readonly noAck?: false | undefined;
}

/**
 * Pauses by cancelling the consumers, and resumes by consuming again, on the same channels. Messages that were delivered before
 * stay with the handler: they are the residual. Nothing is held because of a pause, so `consumer_timeout` does not run out.
 *
 * @throws ConfigError when an option is wrong.
 * @see docs/amqplib.md (rule M8)
 */
export function amqplibIntake<Raw extends AmqplibMessage = AmqplibMessage>(
	options: AmqplibIntakeOptions = {},
): AmqplibIntake<Raw> {
	const { prefetch = 100 } = options;
	verify('amqplibIntake', (must) => {
		const isCount = Number.isInteger(prefetch) && prefetch >= 1 && prefetch <= 65_535;
		must(isCount, 'prefetch', prefetch, 'a whole number from 1 to 65535');
	});
	const consumptions = new Set<Consumption>();
	let paused = false;
	const assert = async (): Promise<void> => {
		const results = await Promise.allSettled([...consumptions].map((each) => each.assert()));
		const failed = results.find((result) => result.status === 'rejected');
		if (failed !== undefined) throw failed.reason;
	};
	return {
		async consume(channel, queue, deliver, consumeOptions = {}) {
			verify('amqplibIntake.consume', (must) => {
				must(typeof channel?.consume === 'function', 'channel', channel, 'a channel of amqplib');
				must(typeof queue === 'string' && queue !== '', 'queue', queue, 'the name of a queue');
				must(typeof deliver === 'function', 'deliver', deliver, 'an amqplibHandler, or a function');
				must(!consumeOptions.noAck, 'options.noAck', consumeOptions.noAck, 'left out: messages are to be acknowledged');
			});
			const { consumerTag = `brownout-${crypto.randomUUID()}` } = consumeOptions;
			const mine = consumption<Raw>(
				{ channel, queue, deliver, options: { ...consumeOptions, consumerTag } },
				{ isPaused: () => paused, gone: () => consumptions.delete(mine) },
			);
			consumptions.add(mine);
			try {
				await channel.prefetch(prefetch);
				await mine.begin();
			} catch (error) {
				mine.end();
				throw error;
			}
			return { consumerTag };
		},
		pause() {
			paused = true;
			return assert();
		},
		resume() {
			paused = false;
			return assert();
		},
		held(queue) {
			let messages = 0;
			for (const each of consumptions) if (each.queue === queue) messages += each.held;
			return messages;
		},
		get residual() {
			return prefetch * consumptions.size;
		},
	};
}
