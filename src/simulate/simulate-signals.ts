import { type Decision, decide, decideGradually } from '../core/decide.js';
import { verify } from '../core/errors.js';
import { compiled, type Ladder } from '../core/ladder.js';
import { settle } from '../core/settle.js';
import { initialState, type LadderState } from '../core/state.js';
import { step } from '../core/step.js';
import { boundChecks, checksOf } from './checks.js';
import { Recorder } from './recorder.js';
import { watchRepeats } from './repeats.js';
import { sharesOf } from './shares.js';
import { listed } from './shown.js';
import type { Simulation } from './simulation.js';
import { at, checkTrace, follow, refuseText, stepOf, type Trace } from './trace.js';

export interface SimulateSignalsOptions {
	/** Time between two checks, ms, > 0. Default: the step of the trace, but at most 2 000. */
	readonly checkEveryMs?: number | undefined;
	/** What a signal does between two points: goes straight from one to the next (default), or stays. */
	readonly between?: 'interpolate' | 'hold' | undefined;
	/** The series of arriving messages per second. Default `'rate'`, if there is one. */
	readonly rate?: string | undefined;
	/** Share of each priority in the rate, 0..1; what is not named shares the rest. Default: equal shares. */
	readonly shares?: { readonly [priority: string]: number } | undefined;
}

const CHECK_EVERY_MS_MAX = 2_000;
/** More take more than half a minute. */
const CHECKS_MAX = 20_000_000;
/** Under gradual treatment so many keys per priority stand for all. */
const KEYS = 50;

/**
 * Replays recorded signals through a ladder: an open loop. Nothing reacts to what the ladder does, so it tells when the
 * ladder would have moved and whether it would have flapped, but not how a service would have recovered. Signals are the
 * series of their names; one that was not recorded is unknown.
 *
 * @throws ConfigError for options that cannot be, and when the trace has none of the ladder's signals.
 */
export function simulateSignals(ladder: Ladder, trace: Trace, options: SimulateSignalsOptions = {}): Simulation {
	checkTrace(trace);
	const { between, rate: rateName = 'rate' } = options;
	const checkEveryMs = options.checkEveryMs ?? Math.min(stepOf(trace), CHECK_EVERY_MS_MAX);
	const { pauses } = compiled(ladder);
	const recorded = ladder.signals.filter((name) => trace.series[name] !== undefined);
	refuseText(trace, [...ladder.signals, rateName]);
	verify('simulation', (must) => {
		must(Number.isFinite(checkEveryMs) && checkEveryMs > 0, 'checkEveryMs', checkEveryMs, 'a finite number above 0');
		const series = listed(Object.keys(trace.series));
		const wanted = `the names of series, with a signal (${ladder.signals.join(', ')}) among them`;
		must(recorded.length > 0, 'trace.series', series, wanted);
		const known = options.rate === undefined || trace.series[rateName] !== undefined;
		must(known, 'rate', rateName, `a series of the trace (${series})`);
	});
	boundChecks(trace, checkEveryMs, CHECKS_MAX, 'stepped over');
	const shares = sharesOf(ladder, options.shares);
	const fromMs = at(trace.timesMs, 0);
	const toMs = at(trace.timesMs, trace.timesMs.length - 1);
	const recorder = new Recorder(ladder, fromMs, toMs, checkEveryMs);
	const moments = follow(trace, between);
	const repeats = watchRepeats(ladder);
	let state = initialState(ladder, fromMs);
	let severity = 0;
	for (const atMs of checksOf(trace, checkEveryMs, moments)) {
		const readings: Record<string, number> = {};
		for (const name of ladder.signals) readings[name] = moments.of(name);
		const perS = moments.of(rateName);
		// A recording cannot tell whether messages were handled, so no reading of it is judged stuck (rule R5).
		const turn = step(ladder, state, { atMs, readings, trafficMoves: false });
		repeats.see(atMs, readings);
		state = turn.state;
		severity = settle(severity, turn.severity);
		recorder.check(atMs, turn, readings);
		recorder.paused = pauses[state.level] === true && !state.probing;
		const messages = (perS * Math.min(checkEveryMs, toMs - atMs)) / 1000;
		if (messages > 0) count(ladder, recorder, state, severity, shares, messages, atMs);
	}
	const { messages, ...facts } = recorder.finish();
	return {
		loop: 'signals',
		...facts,
		messages,
		protectedShed: 0,
		protectedLate: 0,
		service: null,
		notes: [
			...notesOf(ladder, trace, recorded, facts.signals, messages.length > 0 && options.shares === undefined),
			...repeats.notes(),
		],
	};
}

/** What becomes of the messages between two checks, by priority. */
function count(
	ladder: Ladder,
	recorder: Recorder,
	state: LadderState,
	severity: number,
	shares: readonly number[],
	messages: number,
	atMs: number,
): void {
	const rules = state.probing ? state.level - 1 : state.level;
	const graded = ladder.spec.gradual === true && severity > 1 && severity < rules + 1;
	const keys = graded ? KEYS : 1;
	for (const [p, priority] of ladder.priorities.entries()) {
		const offered = messages * (shares[p] as number);
		(recorder.counts[p] as { offered: number }).offered += offered;
		if (recorder.paused) {
			recorder.treated(atMs, p, 'waiting', offered);
			continue;
		}
		for (let key = 0; key < keys; key++) {
			const decision =
				ladder.spec.gradual === true
					? decideGradually(ladder, rules, severity, priority, (key + 0.5) / keys)
					: decide(ladder, rules, priority);
			recorder.treated(atMs, p, fateOf(decision), offered / keys);
		}
	}
}

/** How a decision is counted. */
export function fateOf({ action, features }: Decision): 'full' | 'lean' | 'spilled' | 'rejected' | 'dropped' {
	if (action === 'process') return Object.values(features).every(Boolean) ? 'full' : 'lean';
	return action === 'spill' ? 'spilled' : action === 'reject' ? 'rejected' : 'dropped';
}

function notesOf(
	ladder: Ladder,
	trace: Trace,
	recorded: readonly string[],
	signals: Simulation['signals'],
	equalShares: boolean,
): string[] {
	const missing = ladder.signals.filter((name) => !recorded.includes(name));
	const empty = recorded.filter((name) => signals[name]?.peak === null);
	return [
		'Open loop: the recording does not react to what the ladder does, so this shows when the ladder moves, not how the service recovers.',
		...missing.map((name) => `${name} is not in the recording: unknown all the time.`),
		...empty.map((name) => `${name} has no reading in the recording: unknown all the time.`),
		...(ladder.spec.guard ? ['The guard is not simulated: it needs a model of the service.'] : []),
		...(equalShares
			? [`The shares of ${ladder.priorities.join(', ')} are not given, so they are taken as equal.`]
			: []),
		...(stepOf(trace) > 60_000
			? ['The points are more than a minute apart: flaps that are shorter than that cannot be seen.']
			: []),
	];
}
