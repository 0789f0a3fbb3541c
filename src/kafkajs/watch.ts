import { systemClock } from '../ports/time.js';
import type { KafkaBatch } from './client.js';
import type { Pauses } from './pauses.js';

/** How often a long handler is looked after. KafkaJS sends a heartbeat only when one is due. */
const BEAT_MS = 500;

/** What keeps a batch alive, and ends it. */
export interface Watch {
	/** Aborts when no further message is to be handled. */
	readonly signal: AbortSignal;
	/** A heartbeat has failed: the group rebalances, or has given this member up. */
	readonly failure: { readonly error: unknown } | undefined;
	end(): void;
	/** Sends a heartbeat if one is due. Never rejects. */
	beat(): Promise<void>;
	close(): void;
}

export function watchOver(
	pauses: Pauses,
	{ topic, partition }: KafkaBatch['batch'],
	heartbeat: () => Promise<void>,
	isOver: () => boolean,
): Watch {
	const ending = new AbortController();
	let failure: { readonly error: unknown } | undefined;
	const look = (): void => {
		if (isOver() || pauses.isPaused(topic, partition)) ending.abort();
	};
	const beat = async (): Promise<void> => {
		look();
		if (failure !== undefined) return;
		try {
			await heartbeat();
		} catch (error) {
			failure = { error };
			ending.abort();
		}
	};
	look();
	const unwatch = pauses.onChange(look);
	const cancel = systemClock.every(BEAT_MS, () => void beat());
	return {
		signal: ending.signal,
		get failure() {
			return failure;
		},
		end: () => ending.abort(),
		beat,
		close() {
			unwatch();
			cancel();
		},
	};
}
