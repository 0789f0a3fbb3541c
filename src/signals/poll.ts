import { verify } from '../core/errors.js';
import type { Clock } from '../ports/clock.js';
import type { SignalSource } from '../ports/signal.js';
import { systemClock, within } from '../ports/time.js';

/**
 * Asks for one reading. `null` or `NaN` = unknown. A throw or a rejection is unknown too, and reported.
 *
 * @param abort fires when the answer is no longer wanted: after `timeoutMs` and when the source is closed. After a failure
 * too, so that nothing of a call is left running.
 */
export type Poll = (abort: AbortSignal) => number | null | Promise<number | null>;

export interface PollOptions {
	/**
	 * Least time between two calls, ms. Reads in between are answered with the last reading.
	 *
	 * @default 0: every read makes a call of its own and waits for it
	 */
	readonly everyMs?: number | undefined;
	/**
	 * For how long an answer is waited for, ms. A later one is ignored.
	 *
	 * @default 5_000
	 */
	readonly timeoutMs?: number | undefined;
	/**
	 * For how long a reading counts, ms since its call began. While it does, a read never waits; afterwards it waits for the
	 * call under way, and is unknown when there is none.
	 *
	 * @default 2 * everyMs + timeoutMs, so that one failed call leaves no gap; 0 without `everyMs`
	 */
	readonly maxAgeMs?: number | undefined;
}

/**
 * A signal that is asked: a broker's admin call, a query, the length of a queue.
 *
 * At most one call is under way. One that was given up counts until it comes back, so that a dependency that hangs is not
 * asked over and over: pass the `AbortSignal` on. A failure is heard by the reads that wait for it, or else by the next one;
 * a call that hangs, by every read for which no reading is left (`TimeoutError`). Without a call under way there is no
 * timer. A closed source may be read again.
 *
 * @param poll  called at a read, not in the background: a source that nobody reads asks nobody.
 * @throws ConfigError when an option is out of range.
 * @see docs/signals.md (rules R5 and M6)
 */
export function pollSignal(poll: Poll, options: PollOptions = {}): SignalSource {
	return pollOn(systemClock, poll, options);
}

/** A call that has not come back yet, given up or not. */
interface Call {
	readonly abort: AbortController;
	readonly answer: Promise<number>;
	awaited: boolean;
}

/** {@link pollSignal} on any clock. */
export function pollOn(clock: Clock, poll: Poll, options: PollOptions = {}): SignalSource {
	const { everyMs = 0, timeoutMs = 5_000 } = options;
	const { maxAgeMs = everyMs && 2 * everyMs + timeoutMs } = options;
	verify('pollSignal options', (must) => {
		must(everyMs >= 0 && everyMs < Infinity, 'everyMs', everyMs, 'a finite number of at least 0');
		must(timeoutMs > 0 && timeoutMs < 2 ** 31, 'timeoutMs', timeoutMs, 'above 0 and below 2 ** 31');
		must(maxAgeMs >= 0, 'maxAgeMs', maxAgeMs, 'at least 0');
	});
	let startedAtMs = -Infinity;
	let reading = Number.NaN;
	let measuredAtMs = -Infinity;
	let call: Call | undefined;
	let unheard: { readonly error: unknown } | undefined;

	const keep = (value: number | null, atMs: number): number => {
		measuredAtMs = atMs;
		reading = value ?? Number.NaN;
		return reading;
	};

	const ask = (nowMs: number): void => {
		startedAtMs = nowMs;
		const abort = new AbortController();
		// Listens before the call does, so that a close ends as unknown and not as the failure that it makes of the call.
		const closed = new Promise<null>((resolve) => abort.signal.addEventListener('abort', () => resolve(null)));
		const result = poll(abort.signal);
		if (typeof result !== 'object' || result === null) {
			keep(result, nowMs);
			return;
		}
		const answer = within(clock, timeoutMs, 'the poll', Promise.race([closed, result])).then((value) =>
			abort.signal.aborted ? Number.NaN : keep(value, nowMs),
		);
		const asked: Call = { abort, answer, awaited: false };
		answer.catch((error: unknown) => {
			abort.abort(error);
			if (!asked.awaited) unheard = { error };
		});
		const over = () => {
			call = undefined;
		};
		Promise.resolve(result).then(over, over);
		call = asked;
	};

	return {
		read() {
			const nowMs = clock.nowMs();
			if (!call && nowMs - startedAtMs >= everyMs) ask(nowMs);
			if (unheard) {
				const { error } = unheard;
				unheard = undefined;
				throw error;
			}
			if (nowMs - measuredAtMs <= maxAgeMs) return reading;
			if (!call) return Number.NaN;
			call.awaited = true;
			return call.answer;
		},
		close() {
			call?.abort.abort();
		},
	};
}
