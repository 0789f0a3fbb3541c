import { advanceBackoff } from './backoff.js';
import type { Compiled } from './compile.js';
import { holdsOn, recoverableTo } from './holds/index.js';
import { inForce, severityInForce } from './in-force.js';
import { compiled, type Ladder } from './ladder.js';
import { look, type Moment } from './moment.js';
import { advanceProbe } from './probe.js';
import { mayReplay } from './replay-gate.js';
import type { Effect, Hold, LadderState, Sample, Step } from './state.js';
import { transitionOf } from './transition.js';

/**
 * Advances the ladder by one sample. Pure: same arguments, same result.
 *
 * @param before  `initialState`, or the state that the last step returned.
 * @param sample  `readings`: one number per declared signal, in that signal's unit; NaN = unknown. `atMs`: monotonic ms.
 * @returns the next state, and effects in the order in which they must be carried out.
 * @throws never; a ladder is checked once, by {@link defineLadder}.
 * @see docs/semantics.md (rules R1 to R10)
 */
export function step<N extends string, S extends string>(
	ladder: Ladder<N, S>,
	before: LadderState,
	sample: Sample<NoInfer<S>, NoInfer<N>>,
): Step<N, S> {
	const form = compiled(ladder);
	const moment = look(form, before, sample);
	const { atMs, elapsedMs, sensors, verdicts, calmMs, demand, severity } = moment;
	const from = before.automatic;

	// Escalate at once (but replay yields first), or recover as far as nothing holds.
	const yields = demand > from && sample.replaying === true && before.replay;
	const escalates = demand > from && !yields;
	const free = recoverableTo(moment);
	const automatic = escalates ? climb(form, from, demand) : descend(form, from, free.prudent);

	// What is in force: an override over the automatic level, a look through a paused intake within it.
	const level = inForce(form, sample.override, automatic);
	const byOverride = inForce(form, sample.override, from) !== before.level;
	const looking = advanceProbe(
		form,
		level === automatic ? level : 0,
		sensors,
		verdicts[level] === 'yes' ? (calmMs[level] as number) : null,
		elapsedMs,
		before,
	);
	const paused = pausesIntake(form, level, looking.probing);
	const treated = severityInForce(form, sample.override, severity);

	const state: LadderState = Object.freeze({
		level,
		sinceMs: level === before.level ? before.sinceMs : atMs,
		probing: looking.probing,
		atMs,
		automatic,
		sensors: Object.freeze(sensors),
		calmMs: Object.freeze(escalates ? startAnew(moment, automatic) : calmMs),
		backoff: advanceBackoff(form, before.backoff, from, automatic, elapsedMs),
		heldMs: automatic !== from || !calmMs[from] ? null : free.prudent > free.earned ? moment.heldMs : before.heldMs,
		// Not while the climb goes on: replay would only have to yield again.
		replay: demand <= automatic && mayReplay(ladder, { level, demand, severity: treated, paused }),
		leanForReplay: moment.leanForReplay && automatic >= Math.min(from, form.leanLevel),
		probe: looking.probe,
	});
	return Object.freeze({
		state,
		demand: ladder.levels[demand] as N,
		severity,
		transition: transitionOf(ladder, moment, level, byOverride),
		holds: holdsOn(moment, state) as readonly Hold<S>[],
		effects: effectsOf(pausesIntake(form, before.level, before.probing), before.replay, paused, state.replay),
	});
}

function climb({ spec }: Compiled, from: number, demand: number): number {
	return spec.escalation === 'jump' ? demand : from + 1;
}

function descend({ spec }: Compiled, from: number, free: number): number {
	return spec.recovery === 'step' ? Math.max(free, from - 1) : free;
}

/** An escalation starts every calm anew, so that it is never taken back at once. */
function startAnew({ calmMs }: Moment, level: number): readonly (number | null)[] {
	return calmMs.map((ms, rung) => (ms === null || rung > level ? ms : 0));
}

function pausesIntake({ pauses }: Compiled, level: number, probing: boolean): boolean {
	return pauses[level] === true && !probing;
}

const NONE: readonly Effect[] = Object.freeze([]);

/** What has to be done, in order: replay stops before intake opens, and starts after it has closed. */
function effectsOf(wasPaused: boolean, wasReplaying: boolean, paused: boolean, replaying: boolean): readonly Effect[] {
	if (paused === wasPaused && replaying === wasReplaying) return NONE;
	const effects: Effect[] = [];
	if (wasReplaying && !replaying) effects.push('stop-replay');
	if (paused !== wasPaused) effects.push(paused ? 'pause-intake' : 'resume-intake');
	if (!wasReplaying && replaying) effects.push('start-replay');
	return Object.freeze(effects);
}
