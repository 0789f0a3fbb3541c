import type { Ladder } from '../core/ladder.js';
import type { Step, Transition } from '../core/state.js';
import { type PriorityCounts, TIMELINE_ACTIONS, type Timeline, type TimelineAction } from './simulation.js';

const COLUMNS_MAX = 600;
/** A run that moves more often than this is told apart by its counts, not by its list. */
const TRANSITIONS_MAX = 10_000;

type Counts = { -readonly [K in Exclude<keyof PriorityCounts, 'priority'>]: number };

/** Adds up what happens in a run. */
export class Recorder {
	readonly transitions: Transition[] = [];
	readonly counts: Counts[];
	readonly #ladder: Ladder;
	readonly #fromMs: number;
	readonly #widthMs: number;
	readonly #columns: number;
	readonly #inLevelMs: number[];
	readonly #unknownMs: Map<string, number>;
	readonly #low: Map<string, Float64Array>;
	readonly #high: Map<string, Float64Array>;
	readonly #severity: Float64Array;
	readonly #spill: Float64Array;
	readonly #actions: ReadonlyMap<TimelineAction, Float64Array>;
	#checks = 0;
	#flaps = 0;
	#pausedMs = 0;
	#level = 0;
	#toMs: number;

	constructor(ladder: Ladder, fromMs: number, toMs: number, everyMs: number) {
		this.#ladder = ladder;
		this.#fromMs = fromMs;
		this.#toMs = fromMs;
		this.#columns = Math.max(1, Math.min(COLUMNS_MAX, Math.ceil((toMs - fromMs) / everyMs)));
		this.#widthMs = (toMs - fromMs) / this.#columns;
		const perSignal = <T>(make: () => T) => new Map(ladder.signals.map((name) => [name, make()]));
		const row = (fill = 0) => new Float64Array(this.#columns).fill(fill);
		this.#inLevelMs = ladder.levels.map(() => 0);
		this.#unknownMs = perSignal(() => 0);
		this.#low = perSignal(() => row(Number.POSITIVE_INFINITY));
		this.#high = perSignal(() => row(Number.NEGATIVE_INFINITY));
		this.#severity = row();
		this.#spill = row();
		this.#actions = new Map(TIMELINE_ACTIONS.map((action) => [action, row()]));
		this.counts = ladder.priorities.map(() => ({
			...{ offered: 0, full: 0, lean: 0, spilled: 0, rejected: 0, dropped: 0, waiting: 0, late: 0, replayed: 0 },
		}));
	}

	/** A check; the level that it led to is in force until the next one. */
	check(atMs: number, { state, severity, transition }: Step, readings: { readonly [name: string]: number }): void {
		this.pass(atMs);
		const column = this.#columnOf(atMs);
		for (const name of this.#ladder.signals) {
			const reading = readings[name] ?? Number.NaN;
			if (Number.isNaN(reading)) continue;
			const [low, high] = [this.#low.get(name) as Float64Array, this.#high.get(name) as Float64Array];
			low[column] = Math.min(low[column] as number, reading);
			high[column] = Math.max(high[column] as number, reading);
		}
		this.#severity[column] = Math.max(this.#severity[column] as number, severity);
		if (transition !== null && this.transitions.length < TRANSITIONS_MAX) this.transitions.push(transition);
		this.#checks++;
		this.#flaps = state.backoff.flaps;
		this.#level = state.level;
		this.#unknown = this.#ladder.signals.filter((name) => !((readings[name] ?? Number.NaN) >= 0));
	}
	#unknown: readonly string[] = [];
	/** Set by whoever runs the intake. */
	paused = false;

	/** Time goes on under what was decided last. */
	pass(atMs: number): void {
		const elapsedMs = atMs - this.#toMs;
		this.#inLevelMs[this.#level] = (this.#inLevelMs[this.#level] as number) + elapsedMs;
		if (this.paused) this.#pausedMs += elapsedMs;
		for (const name of this.#unknown) this.#unknownMs.set(name, (this.#unknownMs.get(name) as number) + elapsedMs);
		this.#toMs = atMs;
	}

	/** What became of messages; `offered` and `late` are counted beside it. */
	treated(atMs: number, priority: number, action: TimelineAction, messages: number): void {
		const counts = this.counts[priority] as Counts;
		counts[action] += messages;
		const row = this.#actions.get(action) as Float64Array;
		const column = this.#columnOf(atMs);
		row[column] = (row[column] as number) + messages;
	}

	spill(atMs: number, messages: number): void {
		const column = this.#columnOf(atMs);
		this.#spill[column] = Math.max(this.#spill[column] as number, messages);
	}

	/** What every kind of run tells. */
	finish() {
		const { levels, signals, priorities } = this.#ladder;
		const timeline = this.#timeline();
		const peakOf = (name: string) => Math.max(...(this.#high.get(name) as Float64Array));
		return {
			levels,
			fromMs: this.#fromMs,
			toMs: this.#toMs,
			checks: this.#checks,
			transitions: this.transitions,
			flaps: this.#flaps,
			timeInLevelMs: Object.fromEntries(levels.map((level, i) => [level, this.#inLevelMs[i] as number])),
			endLevel: levels[this.#level] as string,
			pausedMs: this.#pausedMs,
			signals: Object.fromEntries(
				signals.map((name) => [name, { unknownMs: this.#unknownMs.get(name) as number, peak: known(peakOf(name)) }]),
			),
			messages: this.counts.some(({ offered }) => offered > 0)
				? this.counts.map((counts, p) => ({ priority: priorities[p] as string, ...counts }))
				: [],
			timeline,
		};
	}

	#timeline(): Timeline {
		const perS = (row: Float64Array) => [...row].map((messages) => (messages * 1000) / this.#widthMs);
		const used = this.counts.some(({ offered }) => offered > 0);
		return {
			atMs: Array.from({ length: this.#columns }, (_, i) => this.#fromMs + i * this.#widthMs),
			widthMs: this.#widthMs,
			signals: Object.fromEntries(
				this.#ladder.signals.map((name) => [
					name,
					{
						low: [...(this.#low.get(name) as Float64Array)].map(known),
						high: [...(this.#high.get(name) as Float64Array)].map(known),
					},
				]),
			),
			severity: [...this.#severity],
			actions: Object.fromEntries(
				TIMELINE_ACTIONS.map((action) => [action, used ? perS(this.#actions.get(action) as Float64Array) : []]),
			) as unknown as Timeline['actions'],
			spill: [...this.#spill],
		};
	}

	#columnOf(atMs: number): number {
		return Math.min(this.#columns - 1, Math.max(0, Math.floor((atMs - this.#fromMs) / this.#widthMs)));
	}
}

function known(value: number): number | null {
	return Number.isFinite(value) ? value : null;
}
