import type { AmqplibAcks } from './client.js';

/** Acknowledges the messages of one channel, for as long as it is open: a delivery tag means nothing to any other channel. */
export interface Acks<Raw> {
	readonly isOpen: boolean;
	ack(message: Raw): void;
	/** Gives it back to the broker after so many ms. */
	giveBack(message: Raw, afterMs: number): void;
	/** Gives back at once what waits for it. */
	giveBackNow(): void;
}

export function acksOf<Raw>(channel: AmqplibAcks<Raw>, onError: (error: unknown) => void): Acks<Raw> {
	const waiting = new Map<Raw, ReturnType<typeof setTimeout>>();
	let isOpen = true;
	const send = (how: () => void): void => {
		if (!isOpen) return;
		try {
			how();
		} catch (error) {
			// It is being closed, which amqplib tells when that is over. The broker gives its messages to others.
			isOpen = false;
			if ((error as Error | undefined)?.name !== 'IllegalOperationError') onError(error);
		}
	};
	const requeue = (message: Raw): void => send(() => channel.nack(message, false, true));
	channel.on('close', () => {
		isOpen = false;
		for (const timer of waiting.values()) clearTimeout(timer);
		waiting.clear();
	});
	return {
		get isOpen() {
			return isOpen;
		},
		ack: (message) => send(() => channel.ack(message)),
		giveBack(message, afterMs) {
			if (afterMs === 0) return requeue(message);
			const timer = setTimeout(() => {
				waiting.delete(message);
				requeue(message);
			}, afterMs);
			waiting.set(message, timer);
		},
		giveBackNow() {
			for (const [message, timer] of waiting) {
				clearTimeout(timer);
				requeue(message);
			}
			waiting.clear();
		},
	};
}
