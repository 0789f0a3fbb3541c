import { learnDifference, noDifference } from '../core/clock-difference.js';
import { type Decision, decide, decideGradually } from '../core/decide.js';
import { verify } from '../core/errors.js';
import {
	followLoad,
	type LoadEstimate,
	learn,
	noEstimate,
	predictUtilisation,
	TREATMENTS,
	type Treatment,
	treatmentOf,
	withCapacity,
	workOf,
} from '../core/estimate.js';
import { compiled, type Ladder } from '../core/ladder.js';
import { nextPace, noPace } from '../core/pace.js';
import { lookAtQueues, noQueues } from '../core/queues.js';
import { mayReplay } from '../core/replay-gate.js';
import { settle } from '../core/settle.js';
import { maySkip } from '../core/skip.js';
import { initialState, type Step } from '../core/state.js';
import { step } from '../core/step.js';
import { messageAge } from '../signals/message-age.js';

/** Parts of the control that may be given or switched off, to see what each is worth. */
export interface PilotOptions {
	/** See `ShedderOptions.skipToLive`. Default off. */
	readonly skipToLive?: { readonly afterMs: number } | undefined;
	/** Messages per second with all features on. Default: learned. */
	readonly capacityPerS?: number | undefined;
	/** Feeds spilled messages back at this rate whenever replay may run, messages per second. Default: paced (rule M3). */
	readonly replayPerS?: number | undefined;
	/** See `ReplayOptions.upTo`, the name of a level (rule M3). Default: by severity where the ladder is gradual. */
	readonly replayUpTo?: string | undefined;
	/** Costs are learned, so that the pace of replay knows what is left over; else it feels its way up. Default `true`. */
	readonly learnCosts?: boolean | undefined;
	/** See `SpillOptions.keyFence` (rule M4). Default `false`. */
	readonly keyFence?: boolean | undefined;
	/** The clocks are the same, so ages are taken as they are. Default `false` (rule R9). */
	readonly sameClocks?: boolean | undefined;
}

/** What a consumer knows at a check. */
export interface PilotSample<S extends string> {
	/** Monotonic ms. */
	readonly atMs: number;
	/** A signal named `ageMs` need not be given: the pilot measures it. A signal that is missing is unknown. */
	readonly readings: { readonly [K in S]?: number | undefined };
	/** How full the spill is, 0..1. */
	readonly spillFull: number;
	/** Messages in the spill. */
	readonly waiting: number;
}

/** What a message is to the pilot. */
export interface PilotMessage<P extends string> {
	readonly priority: P;
	/** A stable hash of its key in [0, 1): see `positionOf`. */
	readonly position: number;
	/** Now - its time on the producer's clock, ms. */
	readonly ageMs: number;
	/** It comes back from the spill. */
	readonly replayed: boolean;
}

const REPLAY_UP_TO = 0.95;
/** So many ages are kept between two checks. */
const AGES_MAX = 64;
const FENCE_BUCKETS = 65_536;
const FENCED_RAMP_MS = 2_000;

/**
 * One consumer's control loop over the pure functions, without I/O and timers: what `createController` and
 * `createLoadShedder` do between two checks, for simulations and benchmarks on virtual time. Not for production: it keeps
 * no message and serialises nothing.
 *
 * @throws ConfigError for options out of range.
 */
export function createPilot<N extends string, S extends string, G extends string, R extends string, F extends string>(
	ladder: Ladder<N, S, G, R, F>,
	options: PilotOptions = {},
): Pilot<N, S, G, R, F> {
	return new Pilot(ladder, options);
}

/** See {@link createPilot}. */
export class Pilot<N extends string, S extends string, G extends string, R extends string, F extends string> {
	/** What the last check led to; `null` before the first. */
	last: Step<N, S> | null = null;
	/** What gradual treatment follows (rule D8). */
	severity = 0;
	/** Spilled messages to feed back per second, until the next check. */
	replayPerS = 0;
	/** How many protected messages were skipped (rule D7). */
	skipped = 0;
	/** How many were spilled only because older ones of their key are waiting (rule M4). */
	fenced = 0;
	estimate: LoadEstimate = noEstimate;
	readonly #ladder: Ladder<N, S, G, R, F>;
	readonly #options: PilotOptions;
	#state: Step<N, S>['state'];
	#demand = 0;
	#pace = noPace;
	#spillFull = 0;
	#difference = noDifference;
	#queues = noQueues;
	#liveLoad = Number.NaN;
	/** Records waiting, by bucket of keys. */
	readonly #fence: Int32Array | undefined;
	#fencedBefore = 0;
	#fencedPerS = 0;
	// Of the window since the last check.
	#live: Record<Treatment, number> = nothing();
	#replayed: Record<Treatment, number> = nothing();
	#offered: number[];
	#ages: number[] = [];
	readonly #age = messageAge();

	constructor(ladder: Ladder<N, S, G, R, F>, options: PilotOptions) {
		verify('pilot', (must) => {
			for (const [path, value] of Object.entries({
				'skipToLive.afterMs': options.skipToLive?.afterMs ?? 1,
				capacityPerS: options.capacityPerS ?? 1,
				replayPerS: options.replayPerS ?? 1,
			})) {
				must(value > 0, path, value, 'above 0');
			}
			const { replayUpTo } = options;
			const levels: readonly string[] = ladder.levels;
			const isLevel = replayUpTo === undefined || levels.includes(replayUpTo);
			must(isLevel, 'replayUpTo', replayUpTo, `a level (${levels.join(', ')})`);
		});
		this.#ladder = ladder;
		this.#options = options;
		this.#state = initialState(ladder, 0);
		this.#offered = ladder.priorities.map(() => 0);
		if (options.keyFence === true) this.#fence = new Int32Array(FENCE_BUCKETS);
	}

	/** The level in force, an index. */
	get level(): number {
		return this.#state.level;
	}

	/** Intake is to be closed. */
	get paused(): boolean {
		return compiled(this.#ladder).pauses[this.#state.level] === true && !this.#state.probing;
	}

	get #rules(): number {
		return this.#state.probing ? this.level - 1 : this.level;
	}

	/** Takes a sample: learns from the window that ends here, steps the ladder, sets the pace of replay. */
	check({ atMs, readings: given, spillFull, waiting }: PilotSample<S>): Step<N, S> {
		const ladder = this.#ladder;
		const elapsedMs = atMs - this.#state.atMs;
		const readings = { ageMs: this.#age.read(), ...given } as unknown as { readonly [K in S]: number };
		this.#learn(elapsedMs, readings);
		const step_ = step(ladder, this.#state, {
			atMs,
			readings,
			trafficMoves: this.#moved > 0,
			utilisation: this.#options.learnCosts === false ? undefined : predictUtilisation(ladder, this.estimate),
			spillFull,
			replaying: waiting > 0 && this.replayPerS > 0,
		});
		this.last = step_;
		this.#state = step_.state;
		this.#spillFull = spillFull;
		this.severity = settle(this.severity, step_.severity);
		this.#plan(elapsedMs, ladder.levels.indexOf(step_.demand), waiting);
		this.#live = nothing();
		this.#replayed = nothing();
		this.#offered = ladder.priorities.map(() => 0);
		this.#ages = [];
		return step_;
	}

	#learn(elapsedMs: number, readings: { readonly [K in S]: number }): void {
		const wasEmpty = this.#queues.empty;
		const isAge = (name: S) => name === 'ageMs';
		this.#queues = lookAtQueues(this.#ladder, this.#queues, readings, isAge, !this.paused, elapsedMs);
		const sure = wasEmpty && this.#queues.empty && this.#options.sameClocks !== true;
		this.#difference = learnDifference(this.#difference, sure ? this.#ages : []);

		const done = nothing();
		for (const kind of TREATMENTS) done[kind] = this.#live[kind] + this.#replayed[kind];
		const arrived = this.paused ? null : this.#offered;
		const learned = learn(this.estimate, {
			elapsedMs,
			done,
			arrived,
			backlogged: this.#queues.waits && this.#moved > 0,
		});
		this.estimate = withCapacity(learned, this.#options.capacityPerS);
		this.#liveLoad = followLoad(this.#liveLoad, workOf(this.estimate, this.#live) / elapsedMs, elapsedMs);
	}

	get #moved(): number {
		return TREATMENTS.reduce((sum, kind) => sum + this.#live[kind] + this.#replayed[kind], 0);
	}

	#plan(elapsedMs: number, demand: number, waiting: number): void {
		const { replayPerS, replayUpTo, learnCosts = true } = this.#options;
		const { level, replay } = this.#state;
		const held = this.#ladder.spec.gradual === true ? Math.min(this.#rules, Math.floor(this.severity)) : this.#rules;
		const gate = { level, demand, severity: this.severity, paused: this.paused };
		const permitted = replayUpTo === undefined ? replay : mayReplay<string>(this.#ladder, gate, replayUpTo);
		const mayRun = waiting > 0 && permitted;
		const fed = TREATMENTS.reduce((sum, kind) => sum + this.#replayed[kind], 0);
		this.#watchFence(elapsedMs);
		const costMs = this.estimate.costMs[treatmentOf(this.#ladder, held, 0)] ?? Number.NaN;
		this.#pace = nextPace(this.#pace, {
			elapsedMs,
			mayRun,
			rising: demand > this.#demand,
			standingDelay: this.#queues.delayed,
			fedPerS: Math.max(0, (fed * 1000) / elapsedMs - this.#fencedPerS),
			sparePerS: learnCosts ? ((REPLAY_UP_TO - this.#liveLoad) * 1000) / costMs : Number.NaN,
		});
		this.#demand = demand;
		const perS = replayPerS ?? this.#pace.perS + this.#fencedPerS;
		this.replayPerS = mayRun ? perS : 0;
	}

	/** To replay as much as the fence keeps from being handled live is no additional load. */
	#watchFence(elapsedMs: number): void {
		if (!(elapsedMs > 0)) return;
		const perS = ((this.fenced - this.#fencedBefore) * 1000) / elapsedMs;
		this.#fencedBefore = this.fenced;
		const grown = this.#fencedPerS + (perS - this.#fencedPerS) * Math.min(1, elapsedMs / FENCED_RAMP_MS);
		this.#fencedPerS = Math.min(perS, grown);
	}

	/** What is to be done with a message; counts it as done. */
	decide({ priority, position, ageMs, replayed }: PilotMessage<G | R>): Decision<N, G | R, F> {
		const ladder = this.#ladder;
		const rules = this.#rules;
		// A message that comes back is handled, whatever its priority is worth now, and is the first to go without features.
		const as = replayed ? (ladder.priorities[0] as G) : priority;
		const decision =
			ladder.spec.gradual === true
				? decideGradually(ladder, rules, this.severity, as, replayed ? 0 : position)
				: decide(ladder, rules, as);
		if (replayed) {
			this.#replayed[treatedAs(decision)]++;
			this.#waitsAt(position, -1);
			return decision;
		}
		const ownMs = ageMs - this.#difference.ms;
		this.#age.offered(ownMs);
		this.#age.left();
		if (this.#ages.length < AGES_MAX) this.#ages.push(ageMs);
		const p = ladder.priorities.indexOf(priority);
		this.#offered[p] = (this.#offered[p] ?? 0) + 1;
		const { skipToLive } = this.#options;
		const late = p === 0 && skipToLive !== undefined && ownMs >= skipToLive.afterMs;
		if (late && maySkip(ladder, rules, this.#spillFull)) {
			this.skipped++;
			return this.#spill(decision, position);
		}
		if (decision.action === 'spill') return this.#spill(decision, position);
		if (decision.action === 'process' && p > 0 && this.#waitsAt(position, 0)) {
			this.fenced++;
			return this.#spill(decision, position);
		}
		this.#live[treatedAs(decision)]++;
		return decision;
	}

	#spill(decision: Decision<N, G | R, F>, position: number): Decision<N, G | R, F> {
		this.#live.spill++;
		this.#waitsAt(position, 1);
		return { ...decision, action: 'spill' };
	}

	/** Books messages of a key in and out of the fence. @returns whether any were waiting. */
	#waitsAt(position: number, change: -1 | 0 | 1): boolean {
		const bucket = Math.floor(position * FENCE_BUCKETS);
		const waiting = this.#fence?.[bucket] ?? 0;
		if (this.#fence !== undefined) this.#fence[bucket] = Math.max(0, waiting + change);
		return waiting > 0;
	}
}

function nothing(): Record<Treatment, number> {
	return { full: 0, lean: 0, spill: 0, shed: 0 };
}

function treatedAs({ action, features }: Decision<string, string, string>): Treatment {
	if (action === 'process') return Object.values(features).every(Boolean) ? 'full' : 'lean';
	return action === 'spill' ? 'spill' : 'shed';
}
