import type { AmqplibAcks, AmqplibChannel, AmqplibMessage } from './client.js';
import { watchCancel } from './watch-cancel.js';

/** A queue that is consumed on one channel, until that is closed, or the consumer is cancelled by somebody else. */
export interface Consumption {
	readonly queue: string;
	/** Messages that were delivered and are not acknowledged yet. */
	readonly held: number;
	/** Makes it as it is wanted. Rejects with what the broker says. */
	begin(): Promise<void>;
	/** The same; what fails because the channel has closed is no failure: the next channel begins anew. */
	assert(): Promise<void>;
	/** Lets go of the channel. */
	end(): void;
}

interface Subject<Raw> {
	readonly channel: AmqplibChannel<Raw>;
	readonly queue: string;
	readonly deliver: (channel: AmqplibAcks<Raw>) => (message: Raw | null) => void;
	readonly options: { readonly consumerTag: string };
}

interface Surroundings {
	isPaused(): boolean;
	/** It is cancelled or closed, and nothing is held any more. */
	gone(): void;
}

export function consumption<Raw extends AmqplibMessage>(
	{ channel, queue, deliver, options }: Subject<Raw>,
	{ isPaused, gone }: Surroundings,
): Consumption {
	const held = new Set<number>();
	const closeListeners: (() => void)[] = [];
	/** Cancelled by somebody else, or closed. */
	let over = false;
	let consuming = false;
	let turn = Promise.resolve();

	const letGo = (): void => {
		if (!over || held.size > 0) return;
		channel.off('close', end);
		gone();
	};
	const stop = (): void => {
		over = true;
		unwatch();
		letGo();
	};
	const end = (): void => {
		held.clear();
		stop();
		for (const listener of closeListeners) listener();
	};
	const settled = ({ fields }: Raw, allUpTo = false): void => {
		held.delete(fields.deliveryTag);
		if (allUpTo) for (const tag of held) if (tag <= fields.deliveryTag) held.delete(tag);
		letGo();
	};
	const onMessage = deliver({
		ack(message, allUpTo) {
			channel.ack(message, allUpTo);
			settled(message, allUpTo);
		},
		nack(message, allUpTo, requeue) {
			channel.nack(message, allUpTo, requeue);
			settled(message, allUpTo);
		},
		on: (_, listener) => closeListeners.push(listener),
	});
	const delivered = (message: Raw | null): void => {
		if (message === null) stop();
		else held.add(message.fields.deliveryTag);
		onMessage(message);
	};
	/** One step after the other: a consumer is cancelled before its tag is used again. */
	const begin = (): Promise<void> => {
		const step = async () => {
			const wanted = !over && !isPaused();
			if (over || wanted === consuming) return;
			await (wanted ? channel.consume(queue, delivered, options) : cancel());
			consuming = wanted;
		};
		// A failure is told to whoever asked for that step.
		turn = turn.then(step, step);
		return turn;
	};
	const { cancel, unwatch } = watchCancel(channel, options.consumerTag, async (cancelled) => {
		const isConsuming = () => consuming;
		await turn.then(isConsuming, isConsuming);
		stop();
		return consuming ? cancelled() : { consumerTag: options.consumerTag };
	});
	channel.on('close', end);
	return {
		queue,
		get held() {
			return held.size;
		},
		begin,
		async assert() {
			try {
				await begin();
			} catch (error) {
				if (!over) throw error;
			}
		},
		end,
	};
}
