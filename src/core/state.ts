import { type Backoff, noBackoff } from './backoff.js';
import type { Readings } from './hysteresis.js';
import { compiled, type Ladder } from './ladder.js';
import type { Probe } from './probe.js';
import { newSensor, type Sensor } from './sensor.js';

/** One look at the world: what `step` advances the ladder by. */
export interface Sample<S extends string = string, N extends string = string> {
	/** Monotonic ms. A step back counts as 0 (rule R9). */
	readonly atMs: number;
	readonly readings: Readings<S>;
	/** Whether messages were handled since the last sample; stuck sensors are looked for only then. Default `true`. */
	readonly trafficMoves?: boolean | undefined;
	/**
	 * The broker assigned anew since the last sample: what the signals read now may be about something else, so it is not yet
	 * looked at for being stuck. Default `false`.
	 */
	readonly assignedAnew?: boolean | undefined;
	/** Predicted utilisation per level, 1 = all of the capacity, `NaN` = unknown (rule R7). */
	readonly utilisation?: readonly number[] | undefined;
	/** How full the spill is, 0..1. */
	readonly spillFull?: number | undefined;
	/** Replay feeds messages right now; it yields before the ladder climbs (rule R2). */
	readonly replaying?: boolean | undefined;
	/** The override in force, if any (rule R10). */
	readonly override?: { readonly floor: N; readonly ceiling: N; readonly untilMs?: number | undefined } | undefined;
}

/** Where a ladder stands. Plain JSON: it can be logged, compared and played again. Only `step` makes a new one. */
export interface LadderState {
	/** The level in force, an index. */
	readonly level: number;
	/** When that level was entered, on the samples' clock. */
	readonly sinceMs: number;
	/** A paused intake is open for a look (rule R8). */
	readonly probing: boolean;

	/** The last sample's time. */
	readonly atMs: number;
	/** The level underneath an override; the same as `level` without one. */
	readonly automatic: number;
	/** Per signal, in the ladder's order. */
	readonly sensors: readonly Sensor[];
	/** Per level: for how long it has been calm, ms; `null` while it is not. */
	readonly calmMs: readonly (number | null)[];
	readonly backoff: Backoff;
	/** For how long the guard or the spill has held back a recovery that was earned, ms. */
	readonly heldMs: number | null;
	/** Replay may run (rule M3). */
	readonly replay: boolean;
	/** Features are given up so that replay has room (rule M3). */
	readonly leanForReplay: boolean;
	/** `null` where nothing is paused. */
	readonly probe: Probe | null;
}

/** One signal's part in a transition. `threshold`: the one it reached, or the release threshold it went below. */
export interface Cause<S extends string = string> {
	readonly signal: S;
	readonly reading: number;
	readonly threshold: number;
}

/** A change of the level in force, with its causes (rule D6). */
export interface Transition<N extends string = string, S extends string = string> {
	readonly from: N;
	readonly to: N;
	readonly direction: 'escalate' | 'recover';
	readonly causes: readonly Cause<S>[];
	readonly why: 'signal' | 'recovered' | 'override' | 'stale' | 'spill-full';
	readonly atMs: number;
}

/** One thing that keeps the ladder from recovering. `untilMs` on the samples' clock, where it is known. */
export interface Hold<S extends string = string> {
	readonly reason: 'cooldown' | 'unknown' | 'guard' | 'probe' | 'override' | 'spill';
	readonly untilMs?: number | undefined;
	readonly signal?: S | undefined;
}

/** What a driver has to do. */
export type Effect = 'pause-intake' | 'resume-intake' | 'start-replay' | 'stop-replay';

/** What one sample led to. */
export interface Step<N extends string = string, S extends string = string> {
	readonly state: LadderState;
	/** The level the readings ask for. */
	readonly demand: N;
	/** The demand with its fraction towards the next level; held while the signal that set it is unknown (rule R5). */
	readonly severity: number;
	readonly transition: Transition<N, S> | null;
	/** What keeps the ladder from recovering, in order. */
	readonly holds: readonly Hold<S>[];
	/** To be carried out in this order: stop replay, pause or resume intake, start replay. */
	readonly effects: readonly Effect[];
}

/** The first level, nothing known yet. */
export function initialState(ladder: Ladder, atMs: number): LadderState {
	const { signals, cooldownMs } = compiled(ladder);
	return Object.freeze({
		level: 0,
		sinceMs: atMs,
		probing: false,
		atMs,
		automatic: 0,
		sensors: Object.freeze(signals.map(() => newSensor)),
		calmMs: Object.freeze(cooldownMs.map(() => null)),
		backoff: noBackoff,
		heldMs: null,
		replay: true,
		leanForReplay: false,
		probe: null,
	});
}
