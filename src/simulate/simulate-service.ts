import type { Ladder } from '../core/ladder.js';
import { positionOf } from '../core/position.js';
import type { Transition } from '../core/state.js';
import type { Clock } from '../ports/clock.js';
import { lagMs } from '../signals/lag-seconds.js';
import { boundChecks } from './checks.js';
import { createPilot } from './pilot.js';
import { Recorder } from './recorder.js';
import { Ring } from './ring.js';
import { checkedModel, randomFrom, type ServiceModel, type SimulateServiceOptions } from './service-model.js';
import { fateOf } from './simulate-signals.js';
import type { Simulation } from './simulation.js';
import { at, checkTrace, follow, refuseText, stepOf, type Trace } from './trace.js';

/** So many simulated messages take seconds; each stands for as many as it must. */
const MESSAGES_MAX = 3_000_000;
/** More take more than half a minute. */
const CHECKS_MAX = 5_000_000;
/** Parts that the time between two checks is worked on in. */
const TICKS = 10;
/** What held messages come back at after a pause of a pushing source, as a multiple of the capacity. */
const CATCH_UP = 5;

type Model = ReturnType<typeof checkedModel>;

/**
 * Runs a recorded rate through a model of one consumer and its ladder: a closed loop on virtual time, seeded, the same
 * result each time. What the ladder decides changes the queue, and the queue is what the ladder sees next.
 *
 * The signals `lag` (messages), `lagMs`, `ageMs` (standing delay) and, with a model of it, `heap` (ratio) are those of the
 * model; any other comes from the series of its name.
 *
 * @throws ConfigError for a model or options that cannot be, and when the trace has no rate.
 */
export function simulateService(
	ladder: Ladder,
	trace: Trace,
	service: ServiceModel,
	options: SimulateServiceOptions = {},
): Simulation {
	checkTrace(trace);
	const { rate = 'rate', capacity = 'capacity' } = options;
	refuseText(trace, [...signalsOf(ladder, service.heap !== undefined), rate, capacity]);
	const model = checkedModel(ladder, trace, service, options);
	boundChecks(trace, model.checkEveryMs, CHECKS_MAX, 'checked');
	const plant = new Plant(ladder, trace, model);
	plant.run();
	return plant.result(service.shares === undefined);
}

class Plant {
	readonly #ladder: Ladder;
	readonly #trace: Trace;
	readonly #model: Model;
	readonly #fromMs: number;
	readonly #endMs: number;
	readonly #recorder: Recorder;
	readonly #moments: ReturnType<typeof follow>;
	readonly #pilot: ReturnType<typeof createPilot<string, string, string, string, string>>;
	readonly #lagMs: ReturnType<typeof lagMs>;
	readonly #random: () => number;
	/** How many messages a simulated one stands for, and what it costs in ms. */
	readonly #each: number;
	readonly #fullMs: number;
	/** Positions by priority and key, and the ladder's shares added up. */
	readonly #positions: Float64Array;
	readonly #upTo: readonly number[];

	readonly #queue = new Ring();
	readonly #replays = new Ring();
	readonly #spill = new Ring();
	/** Of a pushing source, while intake is paused. */
	readonly #held = new Ring();
	/** From the begin of the trace, ms. */
	#nowMs = 0;
	/** Until when the consumer is busy. */
	#busyMs = 0;
	#workedMs = 0;
	#arriving = 0;
	#replaying = 0;
	#paused = false;
	#lastRate = 0;
	#lagPeak = 0;
	#ageMsPeak = 0;
	#spillPeak = 0;
	#heapPeak = 0;
	#drainedAtMs: number | null = null;
	#outOfMemoryAtMs: number | null = null;
	#deferred = 0;
	#shed = 0;

	constructor(ladder: Ladder, trace: Trace, model: Model) {
		this.#ladder = ladder;
		this.#trace = trace;
		this.#model = model;
		this.#fromMs = at(trace.timesMs, 0);
		this.#endMs = at(trace.timesMs, trace.timesMs.length - 1) - this.#fromMs;
		this.#each = Math.max(1, Math.ceil(totalOf(trace, model.rate) / MESSAGES_MAX));
		this.#fullMs = (1000 * this.#each) / model.capacityPerS;
		this.#recorder = new Recorder(ladder, this.#fromMs, this.#fromMs + this.#endMs, model.checkEveryMs);
		this.#moments = follow(trace, model.between);
		const { skipToLiveMs } = model;
		this.#pilot = createPilot<string, string, string, string, string>(ladder, {
			skipToLive: skipToLiveMs === undefined ? undefined : { afterMs: skipToLiveMs },
		});
		const clock: Clock = { nowMs: () => this.#nowMs, every: () => () => {} };
		this.#lagMs = lagMs(() => this.#queue.length, clock);
		this.#random = randomFrom(model.seed);
		this.#positions = Float64Array.from({ length: ladder.priorities.length * model.keys }, (_, i) =>
			positionOf(`${ladder.priorities[Math.floor(i / model.keys)]} ${i % model.keys}`),
		);
		let sum = 0;
		this.#upTo = model.shares.map((share) => {
			sum += share;
			return sum;
		});
	}

	run(): void {
		const { checkEveryMs } = this.#model;
		this.#check();
		for (let i = 1; this.#nowMs < this.#endMs; i++) {
			const nextMs = Math.min(i * checkEveryMs, this.#endMs);
			const sinceMs = this.#nowMs;
			for (let tick = 1; tick <= TICKS; tick++) this.#work(sinceMs + ((nextMs - sinceMs) * tick) / TICKS);
			this.#check();
		}
	}

	/** Messages arrive and are worked on until `untilMs`. */
	#work(untilMs: number): void {
		this.#moments.to(this.#fromMs + untilMs);
		const rate = this.#moments.of(this.#model.rate);
		// A hole in the recording is no silence: the load goes on as it was.
		if (rate >= 0) this.#lastRate = rate;
		const elapsedMs = untilMs - this.#nowMs;
		this.#arriving += (this.#lastRate * elapsedMs) / 1000 / this.#each;
		this.#arrive(Math.floor(this.#arriving), elapsedMs);
		this.#arriving %= 1;
		this.#takeBack(elapsedMs);
		const multiplier = this.#moments.of(this.#model.capacity);
		// A consumer that stands still for ever would divide by zero; this is slow enough.
		const slow = 1 / Math.max(0.001, Number.isNaN(multiplier) ? 1 : multiplier);
		while (this.#busyMs < untilMs && this.#handleOne(untilMs, slow));
		this.#nowMs = untilMs;
	}

	#arrive(count: number, elapsedMs: number): void {
		const { keys, intake } = this.#model;
		const to = this.#paused && intake === 'push' ? this.#held : this.#queue;
		for (let i = 0; i < count; i++) {
			const share = this.#random();
			let p = 0;
			while (p < this.#upTo.length - 1 && share >= (this.#upTo[p] as number)) p++;
			const atMs = this.#nowMs + (elapsedMs * (i + 0.5)) / count;
			to.push(atMs, atMs, p * keys + Math.floor(this.#random() * keys));
			(this.#recorder.counts[p] as { offered: number }).offered += this.#each;
		}
	}

	/** What a paused source has held, and what the spill gives back at its pace, joins the queue. */
	#takeBack(elapsedMs: number): void {
		if (!this.#paused && this.#held.length > 0) {
			let room = Math.ceil((CATCH_UP * this.#model.capacityPerS * elapsedMs) / 1000 / this.#each);
			for (; room > 0 && this.#held.length > 0; room--) move(this.#held, this.#queue, this.#nowMs);
		}
		if (this.#spill.length === 0) this.#replaying = 0;
		this.#replaying += (this.#pilot.replayPerS * elapsedMs) / 1000;
		for (; this.#replaying >= 1 && this.#spill.length > 0; this.#replaying--) {
			move(this.#spill, this.#replays, this.#nowMs);
		}
	}

	/** Handles the message whose turn it is, if there is one. */
	#handleOne(untilMs: number, slow: number): boolean {
		const live = !(this.#paused && this.#model.intake === 'pull') && this.#queue.length > 0;
		const again = this.#replays.length > 0;
		if (!live && !again) return false;
		const replayed = again && !(live && this.#queue.enqueuedMs <= this.#replays.enqueuedMs);
		const from = replayed ? this.#replays : this.#queue;
		// Never before now: what could not be done during a pause is not done afterwards in its time.
		const startMs = Math.max(this.#busyMs, this.#nowMs, from.enqueuedMs);
		if (startMs >= untilMs) return false;
		const { arrivedMs, key } = from;
		from.shift();
		const p = Math.floor(key / this.#model.keys);
		const decision = this.#pilot.decide({
			priority: this.#ladder.priorities[p] as string,
			position: this.#positions[key] as number,
			ageMs: startMs - arrivedMs,
			replayed,
		});
		let fate = replayed ? fateOf({ ...decision, action: 'process' }) : fateOf(decision);
		// A full spill loses nothing: what does not fit is processed, lean (rule M2).
		if (fate === 'spilled' && (this.#spill.length + 1) * this.#each > this.#model.spillMax) fate = 'lean';
		const { ratio } = this.#model;
		const cost =
			fate === 'full' ? ratio.full : fate === 'lean' ? ratio.lean : fate === 'spilled' ? ratio.spill : ratio.drop;
		this.#busyMs = startMs + cost * this.#fullMs * slow;
		this.#workedMs += this.#busyMs - startMs;
		this.#count(p, fate, replayed, arrivedMs, key);
		return true;
	}

	#count(p: number, fate: ReturnType<typeof fateOf>, replayed: boolean, arrivedMs: number, key: number): void {
		const atMs = this.#fromMs + this.#busyMs;
		const ageMs = this.#busyMs - arrivedMs;
		this.#recorder.treated(atMs, p, replayed ? 'replayed' : fate, this.#each);
		if (replayed) return;
		this.#lagMs.offered(ageMs);
		if (fate === 'spilled') {
			this.#spill.push(arrivedMs, this.#busyMs, key);
			this.#spillPeak = Math.max(this.#spillPeak, this.#spill.length);
			this.#drainedAtMs = null;
		} else if (fate === 'full' || fate === 'lean') {
			this.#ageMsPeak = Math.max(this.#ageMsPeak, ageMs);
			if (ageMs > this.#model.sloMs) (this.#recorder.counts[p] as { late: number }).late += this.#each;
		}
		if (p > 0 || fate === 'full' || fate === 'lean') return;
		const skips = fate === 'spilled' && ageMs >= (this.#model.skipToLiveMs ?? Number.POSITIVE_INFINITY);
		if (skips) this.#deferred += this.#each;
		else this.#shed += this.#each;
	}

	#check(): void {
		const { heap, intake, spillMax } = this.#model;
		const atMs = this.#fromMs + this.#nowMs;
		this.#moments.to(atMs);
		const lag = this.#queue.length * this.#each;
		const readings: Record<string, number> = {};
		for (const name of this.#ladder.signals) {
			// The pilot measures the age itself.
			if (name !== 'ageMs') readings[name] = this.#moments.of(name);
		}
		readings.lag = lag;
		readings.lagMs = this.#lagMs.read() as number;
		if (heap !== undefined) {
			const inside = intake === 'pull' ? Math.min(lag, heap.bufferMax) : lag;
			readings.heap = heap.base + heap.perMessage * inside;
			this.#heapPeak = Math.max(this.#heapPeak, readings.heap);
			if (readings.heap >= 1) this.#outOfMemoryAtMs ??= atMs;
		}
		const turn = this.#pilot.check({
			atMs: this.#nowMs,
			readings,
			spillFull: spillMax === Number.POSITIVE_INFINITY ? 0 : (this.#spill.length * this.#each) / spillMax,
			waiting: this.#spill.length + this.#replays.length,
		});
		const { transition, state } = turn;
		const told = { ...turn, transition: transition && ({ ...transition, atMs } satisfies Transition) };
		readings.ageMs = state.sensors[this.#ladder.signals.indexOf('ageMs')]?.good ?? Number.NaN;
		this.#recorder.check(atMs, told, readings);
		this.#paused = this.#pilot.paused;
		this.#recorder.paused = this.#paused;
		this.#recorder.spill(atMs, (this.#spill.length + this.#replays.length) * this.#each);
		this.#lagPeak = Math.max(this.#lagPeak, lag);
		if (this.#spillPeak > 0 && this.#spill.length + this.#replays.length === 0) this.#drainedAtMs ??= atMs;
	}

	result(equalShares: boolean): Simulation {
		const overdue = this.#leaveWaiting();
		const facts = this.#recorder.finish();
		const guarded = this.#recorder.counts[0] as { offered: number; waiting: number; late: number };
		const due = guarded.offered - guarded.waiting + overdue;
		const waitingAtEnd = this.#recorder.counts.reduce((sum, { waiting }) => sum + waiting, 0);
		return {
			loop: 'service',
			...facts,
			protectedShed: this.#shed,
			protectedLate: due > 0 ? (guarded.late + this.#deferred) / due : 0,
			service: {
				sloMs: this.#model.sloMs,
				lagPeak: this.#lagPeak,
				ageMsPeak: this.#ageMsPeak,
				utilisation: this.#endMs > 0 ? Math.min(1, this.#workedMs / this.#endMs) : 0,
				spillPeak: this.#spillPeak * this.#each,
				spilledAtEnd: (this.#spill.length + this.#replays.length) * this.#each,
				waitingAtEnd,
				drainedAtMs: this.#drainedAtMs,
				heapPeak: this.#model.heap ? this.#heapPeak : null,
				outOfMemoryAtMs: this.#outOfMemoryAtMs,
				messagesEach: this.#each,
			},
			notes: this.#notes(facts.signals, equalShares),
		};
	}

	/** Counts what nobody has handled by the end. @returns how many of the protected have waited for longer than the SLO. */
	#leaveWaiting(): number {
		let overdue = 0;
		for (const queue of [this.#queue, this.#held]) {
			for (; queue.length > 0; queue.shift()) {
				const p = Math.floor(queue.key / this.#model.keys);
				const counts = this.#recorder.counts[p] as { waiting: number; late: number };
				const ageMs = this.#nowMs - queue.arrivedMs;
				counts.waiting += this.#each;
				this.#ageMsPeak = Math.max(this.#ageMsPeak, ageMs);
				if (ageMs <= this.#model.sloMs) continue;
				counts.late += this.#each;
				if (p === 0) overdue += this.#each;
			}
		}
		return overdue;
	}

	#notes(signals: Simulation['signals'], equalShares: boolean): string[] {
		const { sloMs, heap } = this.#model;
		const replayed = signalsOf(this.#ladder, heap !== undefined);
		const missing = replayed.filter((name) => this.#trace.series[name] === undefined);
		const empty = replayed.filter((name) => !missing.includes(name) && signals[name]?.peak === null);
		return [
			...missing.map((name) => `${name} is neither modelled nor in the recording: unknown all the time.`),
			...empty.map((name) => `${name} has no reading in the recording: unknown all the time.`),
			...(equalShares
				? [`The shares of ${this.#ladder.priorities.join(', ')} are not given, so they are taken as equal.`]
				: []),
			...(this.#fullMs > sloMs / 20
				? [
						`One simulated message stands for ${Math.round(this.#each)}, ${(this.#fullMs / 1000).toFixed(2)} s of work: too coarse for an SLO of ${sloMs / 1000} s. Simulate a shorter part.`,
					]
				: []),
			...(this.#outOfMemoryAtMs === null
				? []
				: ['The heap reached 1: a real process would have died. The run went on.']),
		];
	}
}

/** The signals that come from the trace; the others are those of the model. */
function signalsOf(ladder: Ladder, modelsHeap: boolean): string[] {
	const modelled = ['lag', 'lagMs', 'ageMs', ...(modelsHeap ? ['heap'] : [])];
	return ladder.signals.filter((name) => !modelled.includes(name));
}

function move(from: Ring, to: Ring, nowMs: number): void {
	to.push(from.arrivedMs, nowMs, from.key);
	from.shift();
}

/** All messages of a trace. */
function totalOf(trace: Trace, rate: string): number {
	const { timesMs, series } = trace;
	const values = series[rate] ?? [];
	const stepMs = stepOf(trace);
	let sum = 0;
	for (let i = 0; i < timesMs.length; i++) {
		const lasts = i + 1 < timesMs.length ? at(timesMs, i + 1) - at(timesMs, i) : stepMs;
		const value = at(values, i);
		if (value > 0) sum += (value * lasts) / 1000;
	}
	return sum;
}
