import type { FedSignal } from '../ports/signal.js';

/**
 * The standing delay in ms: the minimum age of the messages offered since the last read. One old message is no delay; all
 * of them being old is. Fed by every shedder of its controller that has `timeOf`, so no sensor can be stuck or silent.
 *
 * Ages are told less the difference between the producers' and the consumer's clocks (rule R9). No messages are no delay,
 * unless a handler has been busy all along: then the last delay stands. Messages of which no time can be told make it
 * unknown.
 */
export function messageAge(): FedSignal {
	let lowest = Number.POSITIVE_INFINITY;
	let delayMs = 0;
	let offered = 0;
	let inFlight = 0;
	return {
		offered(ageMs) {
			offered++;
			inFlight++;
			if (ageMs < lowest && Number.isFinite(ageMs)) lowest = ageMs;
		},
		left() {
			inFlight--;
		},
		read() {
			if (lowest !== Number.POSITIVE_INFINITY) delayMs = Math.max(0, lowest);
			else if (offered > 0) delayMs = Number.NaN;
			else if (inFlight === 0) delayMs = 0;
			lowest = Number.POSITIVE_INFINITY;
			offered = 0;
			return delayMs;
		},
	};
}
