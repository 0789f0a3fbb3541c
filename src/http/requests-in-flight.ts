import type { FedSignal } from '../ports/signal.js';

/**
 * How many requests are being served, fed by every shedder of its controller: what a server can tell about its own load
 * without asking anybody. A request counts until its response was sent or its client has gone away.
 *
 * Reads the most that there were at a time since the last read, so that a short crowd between two checks is seen.
 */
export function requestsInFlight(): FedSignal {
	let now = 0;
	let most = 0;
	return {
		offered() {
			now++;
			if (now > most) most = now;
		},
		left() {
			now--;
		},
		read() {
			const reading = most;
			most = now;
			return reading;
		},
	};
}
