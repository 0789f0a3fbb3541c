import type { FedSignal } from '../ports/signal.js';

/** A message from farther in the future than this has a wrong clock, rather than just been sent. */
const AHEAD_MS = 1_000;

/**
 * The standing delay in ms: the minimum age of the messages offered since the last read. One old message is no delay; all
 * of them being old is. Fed by every shedder of its controller that has `timeOf`, so no sensor can be stuck or silent.
 *
 * Ages are told less the difference between the producers' and the consumer's clocks (rule R9); one that is still more than
 * a second below 0 is left out where there are others. No messages are no delay, unless a handler has been busy all along:
 * then the last delay stands. Messages of which no time can be told make it unknown.
 */
export function messageAge(): FedSignal {
	let lowest = Number.POSITIVE_INFINITY;
	let delayMs = 0;
	let ahead = false;
	let offered = 0;
	let inFlight = 0;
	return {
		offered(ageMs) {
			offered++;
			inFlight++;
			if (ageMs >= -AHEAD_MS) lowest = Math.min(lowest, ageMs);
			else if (ageMs < 0) ahead = true;
		},
		left() {
			inFlight--;
		},
		read() {
			if (lowest !== Number.POSITIVE_INFINITY) delayMs = Math.max(0, lowest);
			else if (ahead || (offered === 0 && inFlight === 0)) delayMs = 0;
			else if (offered > 0) delayMs = Number.NaN;
			lowest = Number.POSITIVE_INFINITY;
			ahead = false;
			offered = 0;
			return delayMs;
		},
	};
}
