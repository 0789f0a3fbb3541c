import type { Clock } from '../ports/clock.js';
import { type FedSignal, isFed, type SignalSource } from '../ports/signal.js';
import { systemClock } from '../ports/time.js';

/** The rate is averaged over about this time, ms: that of one check swings with the size of batches. */
const SMOOTH_MS = 3_000;

/**
 * Lag in seconds: lag in messages / messages per second that the shedders of its controller take from the queue. A
 * threshold in seconds holds at any rate, where 100 000 messages are five seconds for one consumer and an hour for another.
 *
 * 0 messages are 0 seconds; a lag of which nothing is taken is unknown. It cannot fall while intake is paused (rule R8).
 */
export function lagSeconds(
	lag: SignalSource | (() => number | Promise<number>),
	clock: Clock = systemClock,
): FedSignal {
	const source: SignalSource = typeof lag === 'function' ? { read: lag } : lag;
	const fed = isFed(source) ? source : undefined;
	let offered = 0;
	let sinceMs = clock.nowMs();
	let perS = Number.NaN;
	let before = { messages: Number.NaN, seconds: Number.NaN };
	const seconds = (messages: number): number => {
		// What has not moved is told as before, whatever the rate, so that a stuck sensor can be seen to be one (rule R5).
		const same = messages === before.messages && !Number.isNaN(before.seconds);
		if (!same) before = { messages, seconds: messages === 0 ? 0 : perS > 0 ? messages / perS : Number.NaN };
		return before.seconds;
	};
	return {
		fallsWhilePaused: false,
		offered(ageMs) {
			offered++;
			fed?.offered(ageMs);
		},
		left() {
			fed?.left();
		},
		read() {
			const elapsedMs = clock.nowMs() - sinceMs;
			// A silence says nothing about the rate until it has lasted; a rate that fades would make any lag look endless.
			if (elapsedMs > 0 && (offered > 0 || !(perS > 0) || elapsedMs >= SMOOTH_MS)) {
				const rate = (offered * 1000) / elapsedMs;
				perS = perS > 0 ? perS + (rate - perS) * Math.min(1, elapsedMs / SMOOTH_MS) : rate;
				offered = 0;
				sinceMs += elapsedMs;
			}
			const reading = source.read();
			return typeof reading === 'number' ? seconds(reading) : reading.then(seconds);
		},
		close: () => source.close?.(),
	};
}

/** The same in ms, the unit of `messageAge()` and of `recommendedLadder`. See {@link lagSeconds}. */
export function lagMs(lag: SignalSource | (() => number | Promise<number>), clock: Clock = systemClock): FedSignal {
	const inSeconds = lagSeconds(lag, clock);
	return {
		...inSeconds,
		read() {
			const seconds = inSeconds.read();
			return typeof seconds === 'number' ? seconds * 1000 : seconds.then((late) => late * 1000);
		},
	};
}
