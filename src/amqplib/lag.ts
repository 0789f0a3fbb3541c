import { verify } from '../core/errors.js';
import type { SignalSource } from '../ports/signal.js';
import type { AmqplibConnection } from './client.js';
import type { AmqplibIntake } from './intake.js';

export interface AmqplibLagOptions {
	readonly queue: string;
	/**
	 * Where it opens a channel of its own. The present connection, or a function that tells it, `undefined` while there is none.
	 * A connection that also publishes is held up by a broker that is short of memory, and the lag with it.
	 */
	readonly connection: AmqplibConnection | (() => AmqplibConnection | undefined);
	/** Knows what was delivered here and is not acknowledged. */
	readonly intake: Pick<AmqplibIntake<never>, 'held'>;
}

/**
 * The messages of a queue that are ready, as the broker counts them, and those that were delivered to this process and are not
 * acknowledged yet. What is on its way between the two may be missing or counted twice, at most `prefetch` a consumer. Those
 * that other consumers hold are unknown to it: AMQP has no way to ask.
 *
 * It cannot fall while intake is paused (rule R8). It is unknown while there is no connection, and when the check fails, such as
 * for a queue that does not exist. That closes the channel; the next read opens another.
 *
 * @throws ConfigError when an option is wrong.
 * @see docs/amqplib.md
 */
export function amqplibLag({ queue, connection, intake }: AmqplibLagOptions): SignalSource {
	const connected = typeof connection === 'function' ? connection : () => connection;
	verify('amqplibLag', (must) => {
		must(typeof queue === 'string' && queue !== '', 'queue', queue, 'the name of a queue');
		const isConnection = typeof connection === 'function' || typeof connection?.createChannel === 'function';
		must(isConnection, 'connection', connection, 'a connection of amqplib, or a function that tells it');
		must(typeof intake?.held === 'function', 'intake', intake, 'an amqplibIntake');
	});
	let current: { readonly of: AmqplibConnection; readonly channel: Channel } | undefined;

	const channelOf = async (of: AmqplibConnection): Promise<Channel> => {
		if (current?.of === of) return current.channel;
		const channel = await of.createChannel();
		// Told by the check that fails as well; without a listener it would end the process.
		channel.on('error', () => {});
		channel.on('close', () => {
			if (current?.channel === channel) current = undefined;
		});
		current = { of, channel };
		return channel;
	};
	return {
		fallsWhilePaused: false,
		async read() {
			const of = connected();
			if (of === undefined) return Number.NaN;
			const { messageCount } = await (await channelOf(of)).checkQueue(queue);
			return messageCount + intake.held(queue);
		},
		async close() {
			const channel = current?.channel;
			current = undefined;
			await channel?.close();
		},
	};
}

type Channel = Awaited<ReturnType<AmqplibConnection['createChannel']>>;
