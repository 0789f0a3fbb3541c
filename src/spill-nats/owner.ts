import { SpillError } from '../ports/spill.js';
import { systemClock, within } from '../ports/time.js';
import type { NatsConnection } from './client.js';
import { hasNoResponders } from './failure.js';
import { subjects } from './stream.js';

/** A server says at once when nobody listens; who listens and does not answer for this long is busy, and alive. */
const ANSWER_MS = 2_000;
/**
 * Nothing waits longer for a server. A client that connects again does not say that an answer was lost, so this is what an
 * append under way then takes; the shedder gives it up after 10 s.
 */
export const TIMEOUT_MS = 5_000;

/** @throws SpillError `SPILL_LOCKED` when somebody answers for the store, or may. */
export async function refuseIfOwned(connection: NatsConnection, stream: string): Promise<void> {
	const asking = connection.request(subjects.owner(stream), new Uint8Array(), { timeout: ANSWER_MS });
	let cause: unknown;
	try {
		await within(systemClock, TIMEOUT_MS, 'asking for the owner', asking);
	} catch (error) {
		if (hasNoResponders(error)) return;
		cause = error;
	}
	throw locked(stream, cause);
}

/** Answers for the store from now on. @returns what ends that. */
export async function answer(connection: NatsConnection, stream: string): Promise<() => void> {
	const subscription = connection.subscribe(subjects.owner(stream), {
		callback(error, message) {
			// A subscription that the server refuses leaves the fence, which refuses the older of two owners.
			if (!error) message.respond(new Uint8Array());
		},
	});
	try {
		// Only then does the server know that somebody listens.
		await within(systemClock, TIMEOUT_MS, 'subscribing', connection.flush());
	} catch (error) {
		subscription.unsubscribe();
		throw error;
	}
	return () => subscription.unsubscribe();
}

export const locked = (stream: string, cause?: unknown): SpillError =>
	new SpillError(`the nats spill ${stream} is open elsewhere: it has one owner at a time`, {
		code: 'SPILL_LOCKED',
		cause,
	});
