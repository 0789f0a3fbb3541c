import { Mutex } from 'async-mutex';
import { verify } from '../core/errors.js';
import type { Readings } from '../core/hysteresis.js';
import { inForce, severityInForce } from '../core/in-force.js';
import { compiled, type Ladder } from '../core/ladder.js';
import { mayReplay } from '../core/replay-gate.js';
import { isStale, type Sensor } from '../core/sensor.js';
import { settle } from '../core/settle.js';
import { type Hold, initialState, type LadderState, type Sample, type Transition } from '../core/state.js';
import { step } from '../core/step.js';
import { type Gate, gateOf } from '../intake/gate.js';
import type { Clock } from '../ports/clock.js';
import { systemClock, TimeoutError, within } from '../ports/time.js';
import { checkOptions, checkReload } from './checks.js';
import type { Consumer } from './consumer.js';
import { SafeEmitter } from './emitter.js';
import { LoadWatch } from './load.js';
import { type ActiveOverride, checkOverride, type Override } from './override.js';
import { createReader, type SignalReader } from './reader.js';
import {
	CONTROLLER_EVENTS,
	type Controller,
	type ControllerEvents,
	type ControllerOptions,
	type ControllerSnapshot,
} from './types.js';

/** How long a signal or an intake may take to answer. */
const TIMEOUT_MS = 2_000;
/** A store's figures: the last ones do meanwhile, and no climb waits for a disk that is busy. */
const FIGURES_TIMEOUT_MS = 250;
const HISTORY_MAX = 100;
/** How often `stop` tries to give intake back. */
const RESUMES_MAX = 3;
/** How old the cached clock of the message path may be. */
const TICK_MS = 50;

/** What shedders and metrics of this package see of a controller. */
export class LadderController<N extends string, S extends string, G extends string, R extends string, F extends string>
	extends SafeEmitter<ControllerEvents<N, S>>
	implements Controller<N, S, G, R, F>
{
	readonly clock: Clock;
	readonly readers: ReadonlyMap<string, SignalReader>;
	readonly consumers = new Set<Consumer>();
	readonly load: LoadWatch;
	/** The last transitions, newest last. */
	readonly history: Transition<N, S>[] = [];
	/** How often, by `[from, to, cause]` as JSON. */
	readonly transitions = new Map<string, number>();
	readonly levelMs = new Map<string, number>();
	ladder: Ladder<N, S, G, R, F>;
	state: LadderState;
	demand: N;
	holds: readonly Hold<S>[] = [];
	readings: Readings<S>;
	activeOverride: ActiveOverride<N> | undefined;
	checkMs = 0;
	/** Checks so far, how long they took together, and when the last one ended on the controller's clock. */
	readonly checks: { count: number; totalMs: number; lastAtMs: number | null } = {
		count: 0,
		totalMs: 0,
		lastAtMs: null,
	};
	/** Epoch ms, at most {@link TICK_MS} old once started; the wall clock is read once (rule R9). */
	epochMs: number;

	readonly #options: ControllerOptions<N, S, G, R, F>;
	readonly #mutex = new Mutex();
	#gate: Gate | undefined;
	readonly #epochOffsetMs: number;
	/** How full the fullest spill is, 0..1. */
	spillFull = 0;
	/** The severity of the readings, smoothed. */
	#settled = 0;
	#cancel: (() => void) | undefined;
	#stopping: Promise<void> | undefined;
	#toldOfIntake = false;
	/** Intake, as it was last set and told. */
	#accepting = true;
	#stopped = false;
	/** Since the last step. */
	#assignedAnew = false;
	#unfollow: (() => void) | undefined;

	constructor(options: ControllerOptions<N, S, G, R, F>) {
		super(CONTROLLER_EVENTS);
		checkOptions(options);
		const { ladder, signals, clock = systemClock } = options;
		const nowMs = clock.nowMs();
		this.#options = { ...options, signals: { ...signals } };
		this.clock = clock;
		this.ladder = ladder;
		this.#epochOffsetMs = Date.now() - nowMs;
		this.epochMs = Math.floor(this.#epochOffsetMs + nowMs);
		this.demand = ladder.levels[0] as N;
		this.state = initialState(ladder, nowMs);
		this.load = new LoadWatch(nowMs, options.capacityPerS);
		this.readings = Object.fromEntries(ladder.signals.map((name) => [name, Number.NaN])) as Readings<S>;
		const failed = (error: unknown, name: string) => this.fail('signal', error, name);
		this.readers = new Map(
			ladder.signals.map((name) => [name, createReader(name, signals[name], clock, TIMEOUT_MS, failed)]),
		);
	}

	/** Takes charge of the intake: once everything has been checked, so that whoever is refused leaves no listener behind. */
	follow(): void {
		const { intake } = this.#options;
		this.#gate = intake && gateOf(intake, this.clock, TIMEOUT_MS);
		this.#unfollow = intake?.onAssignmentChange?.(() => {
			this.#assignedAnew = true;
			this.load.assigned();
		});
	}

	/** A time on the controller's clock as epoch ms. */
	epochOf(atMs: number): number {
		return Math.round(this.#epochOffsetMs + atMs);
	}

	get level(): N {
		return this.ladder.levels[this.state.level] as N;
	}

	get accepting(): boolean {
		return this.#accepting;
	}

	/** `stop` was called, which is final. */
	get ended(): boolean {
		return this.#stopping !== undefined;
	}

	/** The level in force pauses intake, and it is not opened for a look. */
	get paused(): boolean {
		return compiled(this.ladder).pauses[this.state.level] === true && !this.state.probing;
	}

	/** The level whose rules messages meet: a probe opens intake under the rules of the level below (rule R8). */
	get rules(): number {
		return this.state.probing ? this.state.level - 1 : this.state.level;
	}

	/** What gradual treatment follows (rule D8). A level that a person has set applies wholly, whatever the readings say. */
	get severity(): number {
		return severityInForce(compiled(this.ladder), this.activeOverride, this.#settled);
	}

	isEnabled(feature: F): boolean {
		const form = compiled(this.ladder);
		// Under gradual treatment a level's changes begin right above its own number.
		const applied = form.spec.gradual === true ? Math.max(0, Math.ceil(this.severity) - 1) : this.rules;
		return form.table[Math.min(applied, this.rules)]?.[0]?.features[feature] === true;
	}

	check(): Promise<Transition<N, S> | null> {
		return this.#mutex.runExclusive(() => this.#check());
	}

	async #check(): Promise<Transition<N, S> | null> {
		// One that had waited its turn must not read a closed source, which would open it again.
		if (this.#stopping !== undefined) return null;
		const startedMs = this.clock.nowMs();
		const [readings, fullness] = await Promise.all([
			Promise.all([...this.readers].map(async ([name, reader]) => [name, await reader.read()] as const)),
			Promise.all([...this.consumers].map((consumer) => this.#fullness(consumer))),
		]);
		if (this.#stopping !== undefined) return null;
		this.#tick();
		this.readings = Object.fromEntries(readings) as Readings<S>;
		this.spillFull = Math.max(0, ...fullness);
		this.load.learn(this.ladder, this.readers, this.readings, this.consumers, this.clock.nowMs(), this.accepting);
		const transition = this.#advance();
		// Asked, not waited for: a slow intake must not keep the ladder from looking. What fails is tried again at the next check.
		void this.#gate?.assert(this.#intakeFailed);
		const endedMs = this.clock.nowMs();
		this.checkMs = endedMs - startedMs;
		this.checks.count++;
		this.checks.totalMs += this.checkMs;
		this.checks.lastAtMs = endedMs;
		return transition;
	}

	async #fullness(consumer: Consumer): Promise<number> {
		try {
			const answer = consumer.spillFull();
			return typeof answer === 'number' ? answer : await within(this.clock, FIGURES_TIMEOUT_MS, 'spill.stats', answer);
		} catch (error) {
			// Who is late says so itself, if it stays so.
			if (!(error instanceof TimeoutError)) this.fail('spill', error, 'stats');
			return this.spillFull;
		}
	}

	/** Steps the ladder with the readings at hand and carries out what follows, in order; listeners hear of it afterwards. */
	#advance(): Transition<N, S> | null {
		return this.whole(() => this.#step());
	}

	#step(): Transition<N, S> | null {
		const atMs = this.clock.nowMs();
		const active = this.activeOverride;
		if (active !== undefined && atMs >= active.untilMs) this.#endOverride(active);
		this.#spend(atMs);
		const sample: Sample<S, N> = {
			atMs,
			readings: this.readings,
			trafficMoves: this.load.trafficMoves,
			assignedAnew: this.#assignedAnew,
			utilisation: this.load.utilisation,
			spillFull: this.spillFull,
			replaying: [...this.consumers].some((consumer) => consumer.replaying),
			override: this.activeOverride,
		};
		const { state, demand, severity, holds, transition } = step(this.ladder, this.state, sample);
		this.#assignedAnew = false;
		this.#tellStale(this.state.sensors, state.sensors);
		this.state = state;
		this.demand = demand;
		// Blind ever since a restore: what it took up applies wholly until something is known (rule R5).
		const blind = state.sensors.every(({ good }) => good === null);
		this.#settled = settle(this.#settled, blind ? Math.max(this.#settled, severity) : severity);
		this.holds = holds;
		for (const consumer of this.consumers) consumer.moved();
		// Replay has followed with `moved`, so that it yields before intake opens.
		this.tell(...(transition === null ? [] : [this.#record(transition)]), ...this.#followIntake());
		return transition;
	}

	/** A signal that has been unknown for too long is told, once each time (rule R5). */
	#tellStale(before: readonly Sensor[], now: readonly Sensor[]): void {
		for (const [i, signal] of compiled(this.ladder).signals.entries()) {
			if (!isStale(signal, now[i] as Sensor) || isStale(signal, before[i] as Sensor)) continue;
			const { onStale = 'ignore' } = signal.policy;
			const then = typeof onStale === 'string' ? onStale : `at least ${onStale.atLeast}`;
			const what = `signal "${signal.name}" has been unknown for more than ${signal.staleAfterMs} ms: ${then}`;
			this.fail('signal', new Error(what), signal.name);
		}
	}

	/** Books the time since the last step on the level in force. */
	#spend(atMs: number): void {
		const spentMs = Math.max(0, atMs - this.state.atMs);
		this.levelMs.set(this.level, (this.levelMs.get(this.level) ?? 0) + spentMs);
	}

	/** Closes or opens intake, if it is not as it should be. @returns how that is told. */
	#followIntake(): readonly (() => void)[] {
		// Nobody closes it on behalf of those who only observe (rule D5), nor after the end.
		const observed = this.consumers.size > 0 && [...this.consumers].every(({ passive }) => passive);
		const accepting = !this.paused || observed || this.#stopped;
		if (accepting === this.#accepting) return [];
		this.#accepting = accepting;
		// After stop intake is the user's again.
		if (this.#stopping === undefined) void this.#gate?.set(this, !accepting, this.#intakeFailed);
		if (this.#gate === undefined && !accepting && !this.#toldOfIntake) {
			this.#toldOfIntake = true;
			const what = `level "${this.level}" pauses intake, but there is no intake to pause: only accepting tells`;
			this.fail('intake', new Error(what));
		}
		return [this.telling('intakeChanged', { paused: !accepting, probing: this.state.probing })];
	}

	readonly #intakeFailed = (error: unknown): void => this.fail('intake', error);

	/** Keeps a transition. @returns how it is told. */
	#record(transition: Transition<N, S>): () => void {
		const { from, to, why, causes } = transition;
		this.history.push(transition);
		if (this.history.length > HISTORY_MAX) this.history.shift();
		const cause = why === 'signal' ? (causes[0]?.signal ?? why) : why.replace('-', '_');
		const id = JSON.stringify([from, to, cause]);
		this.transitions.set(id, (this.transitions.get(id) ?? 0) + 1);
		return this.telling('transitioned', transition);
	}

	start(): void {
		if (this.#stopping !== undefined) throw new Error('a stopped controller cannot be started again: create a new one');
		if (this.#cancel !== undefined) return;
		const turn = () => {
			// A slow check is not overtaken: the next tick looks again.
			if (!this.#mutex.isLocked()) void this.check();
		};
		const cancels = [
			this.clock.every(this.#options.checkEveryMs ?? 500, turn),
			this.clock.every(TICK_MS, () => this.#tick()),
		];
		this.#cancel = () => {
			for (const cancel of cancels) cancel();
		};
		turn();
	}

	#tick(): void {
		this.epochMs = Math.floor(this.#epochOffsetMs + this.clock.nowMs());
		for (const consumer of this.consumers) consumer.tick();
	}

	stop(): Promise<void> {
		this.#stopping ??= this.#stop();
		return this.#stopping;
	}

	async #stop(): Promise<void> {
		this.#cancel?.();
		this.#unfollow?.();
		// A check under way ends by itself: each of its waits is bounded.
		await this.#mutex.waitForUnlock();
		await Promise.all([...this.consumers].map((consumer) => consumer.closed()));
		for (let tries = 0; tries < RESUMES_MAX; tries++) {
			await this.#gate?.set(this, false, this.#intakeFailed);
			// Nobody looks again later, so what has failed is tried again now.
			if (this.#gate?.done !== false) break;
		}
		this.#stopped = true;
		this.tell(...this.#followIntake());
		for (const { source, name } of this.readers.values()) {
			try {
				await within(this.clock, TIMEOUT_MS, `closing signal "${name}"`, Promise.resolve(source.close?.()));
			} catch (error) {
				this.fail('signal', error, name);
			}
		}
	}

	override(override: Override<N>): () => void {
		const active = checkOverride(this.ladder, override, this.clock.nowMs());
		if (this.activeOverride !== undefined) this.#endOverride(this.activeOverride);
		this.activeOverride = active;
		this.emit('overridden', { active: true, reason: active.reason, actor: active.actor });
		this.#advance();
		return () => {
			if (this.activeOverride !== active) return;
			this.#endOverride(active);
			this.#advance();
		};
	}

	#endOverride({ reason, actor }: ActiveOverride<N>): void {
		this.activeOverride = undefined;
		this.emit('overridden', { active: false, reason, actor });
	}

	reload(ladder: Ladder<string, S, G, R, F>): void {
		const next = ladder as Ladder<N, S, G, R, F>;
		checkReload(this.ladder, next, this.#options.signals);
		const kept = this.ladder.levels.slice(this.state.automatic).find((name) => next.levels.includes(name));
		const active = this.activeOverride;
		if (active !== undefined && !(next.levels.includes(active.floor) && next.levels.includes(active.ceiling))) {
			this.#endOverride(active);
		}
		const sensorOf = (name: S) => this.state.sensors[this.ladder.signals.indexOf(name)] as Sensor;
		const sensors = Object.freeze(next.signals.map(sensorOf));
		const { backoff } = this.state;
		const at = kept === undefined ? next.levels.length - 1 : next.levels.indexOf(kept);
		this.whole(() => this.#moveTo(next, at, { sensors, backoff }));
	}

	snapshot(): ControllerSnapshot {
		return { version: 1, level: this.ladder.levels[this.state.automatic] as N, backoff: this.state.backoff.factor };
	}

	restore(snapshot: ControllerSnapshot): void {
		const { version, level, backoff = 1 }: ControllerSnapshot = Object(snapshot);
		const { levels } = this.ladder;
		const at = levels.indexOf(level as N);
		verify('snapshot', (must) => {
			must(version === 1, 'version', version, '1');
			must(at >= 0, 'level', level, `a level (${levels.join(', ')})`);
			must(Number.isFinite(backoff) && backoff >= 1, 'backoff', backoff, 'a finite number of at least 1');
		});
		const kept = { backoff: Object.freeze({ ...this.state.backoff, factor: backoff }) };
		this.whole(() => this.#moveTo(this.ladder, at, kept));
	}

	/** Stands on a level without a sample: after a reload or a restore. Every calm starts anew. */
	#moveTo(ladder: Ladder<N, S, G, R, F>, automatic: number, kept: Partial<LadderState>): void {
		const { level: from, ladder: before } = this;
		const atMs = this.clock.nowMs();
		this.#spend(atMs);
		const form = compiled(ladder);
		const level = inForce(form, this.activeOverride, automatic);
		const paused = form.pauses[level] === true;
		const replay = mayReplay(ladder, { level, demand: automatic, severity: automatic, paused });
		this.ladder = ladder;
		this.state = Object.freeze({ ...initialState(ladder, atMs), ...kept, level, automatic, replay });
		this.demand = ladder.levels[automatic] as N;
		// Nothing is known of the load: the whole level applies until the next check that knows something.
		this.#settled = level > 0 ? level + 1 : 0;
		this.holds = [];
		// Counts are kept by the old ladder's order of priorities.
		this.load.restart(this.consumers);
		for (const consumer of this.consumers) consumer.moved();
		const to = this.level;
		// A level that is gone became the next stricter one, or the last where there is none.
		const { levels } = ladder.levels.includes(from) ? ladder : before;
		const direction = levels.indexOf(from) < levels.indexOf(to) ? 'escalate' : 'recover';
		const moved = Object.freeze({ from, to, direction, causes: Object.freeze([]), why: 'override', atMs } as const);
		this.tell(...(from === to ? [] : [this.#record(moved)]), ...this.#followIntake());
	}
}

/**
 * Makes a controller. It does nothing before `start()` or `check()`.
 *
 * @throws ConfigError when a signal has no source, or a source cannot fall where the ladder assumes it can (rule R8).
 */
export function createController<
	N extends string,
	S extends string,
	G extends string,
	R extends string,
	F extends string,
>(options: ControllerOptions<N, S, G, R, F>): Controller<N, S, G, R, F> {
	const controller = new LadderController(options);
	controller.follow();
	return controller;
}
