import { ConfigError } from '../core/errors.js';
import { seconds } from './survey.js';
import { at, type follow, holeMsOf, type Trace } from './trace.js';

/** So much of a hole is checked like any other time: after that, everything in a ladder that runs out usually has. */
const HOLE_CHECKED_MS = 3_600_000;
/** The rest of it is checked this often in the whole recording, so that a drawing of it has no gap. */
const PARTS = 600;

/**
 * The times of the checks: a multiple of `everyMs` after the begin of the trace, and its end. The follower goes along. Most of
 * a long hole is stepped over: nothing is known there, so nothing moves, and each step starts the calm anew (rule R9).
 */
export function* checksOf(
	{ timesMs }: Trace,
	everyMs: number,
	moments: ReturnType<typeof follow>,
): Generator<number, void> {
	const fromMs = at(timesMs, 0);
	const toMs = at(timesMs, timesMs.length - 1);
	const stride = Math.max(1, Math.ceil((toMs - fromMs) / PARTS / everyMs));
	let i = 0;
	while (true) {
		const atMs = Math.min(fromMs + i * everyMs, toMs);
		moments.to(atMs);
		yield atMs;
		if (atMs >= toMs) return;
		const hole = moments.hole();
		i =
			hole === null || atMs < hole.fromMs + HOLE_CHECKED_MS
				? i + 1
				: Math.max(i + 1, Math.min(i + stride, Math.ceil((hole.toMs - fromMs) / everyMs)));
	}
}

/** A trace that would be replayed for minutes or for ever has a time that is wrong. @throws ConfigError */
export function boundChecks(trace: Trace, everyMs: number, max: number, holes: 'checked' | 'stepped over'): void {
	const { timesMs } = trace;
	const holeMs = holeMsOf(trace);
	let checkedMs = 0;
	let longest = 0;
	let longestMs = 0;
	for (let i = 1; i < timesMs.length; i++) {
		const gapMs = at(timesMs, i) - at(timesMs, i - 1);
		checkedMs += holes === 'stepped over' && gapMs > holeMs ? Math.min(gapMs, HOLE_CHECKED_MS) : gapMs;
		if (gapMs > longestMs) [longest, longestMs] = [i, gapMs];
	}
	const checks = Math.ceil(checkedMs / everyMs);
	if (checks <= max) return;
	const message =
		`checks: ${whole(checks)} must be at most ${whole(max)}: the recording is long for one check every ${everyMs} ms. ` +
		`Its longest gap is ${seconds(longestMs)}, between the points ${whole(longest)} and ${whole(longest + 1)}: is a time wrong there?`;
	throw new ConfigError('simulation', [{ path: 'checks', message }]);
}

function whole(value: number): string {
	return value.toLocaleString('en-US');
}
