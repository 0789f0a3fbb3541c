import type { CompiledSignal } from './compile.js';
import { isReading, severityOf } from './hysteresis.js';
import { compiled, type Ladder } from './ladder.js';

/** What the signals that tell of a queue say: broker lag, the age of messages. Plain JSON. */
export interface Queues {
	/** Work is waiting all the time, so that what is finished shows what the consumer can do. */
	readonly waits: boolean;
	/** Live messages have begun to wait: soon enough for replay to make room. */
	readonly delayed: boolean;
	/** As far as a queue can tell from outside, nothing waits. */
	readonly empty: boolean;
	/** A queue tells from outside that something waits. */
	readonly held: boolean;
	/** By signal: its last good reading, and for how long it has been the same, ms. */
	readonly last: readonly number[];
	readonly stillMs: readonly number[];
}

export const noQueues: Queues = Object.freeze({
	waits: false,
	delayed: false,
	empty: false,
	held: false,
	last: [],
	stillMs: [],
});

/** How far towards its first threshold a signal says what. */
const WAITS = 0.5;
const EMPTY = 0.05;
/** Half of the way to the first release threshold, so that replay never breaks the calm that leads back to it. */
const DELAYED = 0.5;
/** A queue that has read the same for this long, ms, may be one whose sensor is stuck: its word that it is empty is not taken. */
const STILL_MAX_MS = 60_000;

/**
 * Looks at the queues at a check. @param fed  whether a signal lives on the messages themselves, as their age does.
 * @param accepting  whether messages could arrive: what cannot fall while nothing is taken in says nothing then.
 */
export function lookAtQueues<S extends string>(
	ladder: Ladder<string, S>,
	before: Queues,
	readings: { readonly [K in S]: number },
	fed: (name: S) => boolean,
	accepting: boolean,
	elapsedMs: number,
): Queues {
	const { signals } = compiled(ladder);
	const readingOf = ({ name }: CompiledSignal) => readings[name as S];
	const atBroker = ({ policy }: CompiledSignal) => policy.fallsWhilePaused === false;
	const tells = (signal: CompiledSignal) =>
		atBroker(signal) && signal.thresholds.length > 0 && isReading(readingOf(signal));
	const towards = signals.map((signal) =>
		atBroker(signal) || fed(signal.name as S) ? severityOf(signal, readingOf(signal)) : 0,
	);
	const stillMs = signals.map((signal, i) =>
		readingOf(signal) === before.last[i] ? (before.stillMs[i] ?? 0) + elapsedMs : 0,
	);
	return {
		waits: towards.some((severity) => severity >= WAITS),
		delayed: signals.some(
			(signal) =>
				(atBroker(signal) ? accepting : fed(signal.name as S)) &&
				readingOf(signal) >= DELAYED * (signal.thresholds[0]?.release ?? Number.POSITIVE_INFINITY),
		),
		empty: signals.some(
			(signal, i) => tells(signal) && (towards[i] as number) <= EMPTY && (stillMs[i] as number) < STILL_MAX_MS,
		),
		held: signals.some((signal, i) => tells(signal) && (towards[i] as number) > EMPTY),
		last: signals.map(readingOf),
		stillMs,
	};
}
