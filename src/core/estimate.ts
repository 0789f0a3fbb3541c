import { compiled, type Ladder } from './ladder.js';

/** What a message costs, by what is done with it: processed with all features, processed without, spilled, given away. */
export const TREATMENTS = ['full', 'lean', 'spill', 'shed'] as const;
export type Treatment = (typeof TREATMENTS)[number];

/** One number per treatment. */
export type PerTreatment<T> = { readonly [K in Treatment]: T };

/** What a consumer did between two samples. */
export interface Window {
	/** Length, ms. */
	readonly elapsedMs: number;
	/** Messages finished, by treatment. */
	readonly done: PerTreatment<number>;
	/** Messages that arrived, by priority in the ladder's order; `null` when unknown: paused, or assigned anew. */
	readonly arrived: readonly number[] | null;
	/** Work was waiting all the time, so that the window shows what the consumer can do. */
	readonly backlogged: boolean;
}

/** What is believed of cost and load. Plain JSON. */
export interface LoadEstimate {
	/** Milliseconds of the consumer's time per message; `null` until it was seen under load. */
	readonly costMs: PerTreatment<number | null>;
	/** The same as the last backlogged window left it. */
	readonly confirmedMs: PerTreatment<number | null>;
	/** In how many backlogged windows each was seen, up to {@link SEEN_MAX}: what is known well is changed less. */
	readonly seen: PerTreatment<number>;
	/** Messages per second by priority, smoothed; `null` while unknown. */
	readonly arrivalPerS: readonly number[] | null;
	/** Time since the costs were last confirmed, ms. */
	readonly ageMs: number;
}

const UNKNOWN = Object.freeze({ full: null, lean: null, spill: null, shed: null });

export const noEstimate: LoadEstimate = Object.freeze({
	costMs: UNKNOWN,
	confirmedMs: UNKNOWN,
	seen: Object.freeze({ full: 0, lean: 0, spill: 0, shed: 0 }),
	arrivalPerS: null,
	ageMs: 0,
});

/** Step size of the cost estimate: a backlogged window corrects this share of its error. */
const LEARN = 0.3;
/** So many windows make a cost as well known as it gets. */
const SEEN_MAX = 50;
/** And changes a cost by at most this factor: a window in which hardly anything was finished may show something else. */
const CHANGE_MAX = 2;
/** A message that is kept or given away is believed to cost this share of one that is processed, until it was seen. */
const SPILL_SHARE = 0.2;
const SHED_SHARE = 0.05;
/** Arrival is averaged over about this time, ms. */
const ARRIVAL_MS = 5_000;
/** Costs that no backlog confirms shrink by half in this time, ms: the capacity of a slow hour must not stay for ever. */
const LOOSEN_MS = 300_000;
/** But no further than in this time: a calm of a week says no more about them than one of ten minutes. */
const LOOSEN_MAX_MS = 2 * LOOSEN_MS;

/**
 * Learns from one window (normalised least mean squares, in proportion): in a backlogged window the messages' costs add up to its
 * length. Other windows say nothing about cost, so there the estimate slowly loosens.
 */
export function learn(before: LoadEstimate, window: Window): LoadEstimate {
	const { elapsedMs, done, arrived } = window;
	if (!(elapsedMs > 0)) return before;
	const perS = arrived?.map((count, p) => {
		const rate = (count * 1000) / elapsedMs;
		const old = before.arrivalPerS?.[p] ?? rate;
		return old + (rate - old) * Math.min(1, elapsedMs / ARRIVAL_MS);
	});
	const total = TREATMENTS.reduce((sum, kind) => sum + done[kind], 0);
	const challenged = window.backlogged && total > 0;
	const confirmedMs = challenged ? corrected(before, done, elapsedMs, total) : before.confirmedMs;
	const ageMs = challenged ? 0 : before.ageMs + elapsedMs;
	return {
		costMs: loosened(confirmedMs, ageMs),
		confirmedMs,
		seen: challenged
			? mapTreatments((kind) => Math.min(SEEN_MAX, before.seen[kind] + Number(done[kind] > 0)))
			: before.seen,
		arrivalPerS: perS ?? null,
		ageMs,
	};
}

/** The same for a consumer of which it is given how many messages it can do with all features on, a second. */
export function withCapacity(estimate: LoadEstimate, capacityPerS: number | undefined): LoadEstimate {
	if (capacityPerS === undefined) return estimate;
	const full = 1000 / capacityPerS;
	const { costMs, confirmedMs } = estimate;
	return { ...estimate, costMs: { ...costMs, full }, confirmedMs: { ...confirmedMs, full } };
}

function corrected(
	{ confirmedMs: costMs, seen: windows }: LoadEstimate,
	done: PerTreatment<number>,
	elapsedMs: number,
	total: number,
): PerTreatment<number | null> {
	const guess = (kind: Treatment) => costMs[kind] ?? priorOf(kind, costMs, elapsedMs / total);
	const seen = TREATMENTS.filter((kind) => done[kind] > 0);
	const error = elapsedMs - seen.reduce((sum, kind) => sum + done[kind] * guess(kind), 0);
	// In proportion to what each is believed to cost, and most to what is new: what is dropped from now on does not change
	// what is known of processing.
	const doubt = (kind: Treatment) => guess(kind) ** 2 / (1 + windows[kind]);
	const energy = seen.reduce((sum, kind) => sum + done[kind] ** 2 * doubt(kind), 0);
	return mapTreatments((kind) => {
		if (done[kind] === 0) return costMs[kind];
		const now = guess(kind);
		const next = now + (LEARN * error * done[kind] * doubt(kind)) / energy;
		return Math.min(Math.max(next, now / CHANGE_MAX), now * CHANGE_MAX);
	});
}

/** What a treatment that was never seen may cost, until the next windows put it right. */
function priorOf(kind: Treatment, costMs: PerTreatment<number | null>, meanMs: number): number {
	const processed = costMs.lean ?? costMs.full ?? meanMs;
	return kind === 'spill' ? SPILL_SHARE * processed : kind === 'shed' ? SHED_SHARE * processed : processed;
}

function loosened(costMs: PerTreatment<number | null>, ageMs: number): PerTreatment<number | null> {
	if (ageMs === 0) return costMs;
	const factor = 2 ** (-Math.min(ageMs, LOOSEN_MAX_MS) / LOOSEN_MS);
	return mapTreatments((kind) => (costMs[kind] === null ? null : (costMs[kind] as number) * factor));
}

function mapTreatments<T>(readingOf: (kind: Treatment) => T): PerTreatment<T> {
	return { full: readingOf('full'), lean: readingOf('lean'), spill: readingOf('spill'), shed: readingOf('shed') };
}

/** What finished messages have cost, ms of the consumer's time; `NaN` where a cost is unknown. */
export function workOf({ costMs }: LoadEstimate, done: PerTreatment<number>): number {
	return TREATMENTS.reduce((sum, kind) => sum + (done[kind] === 0 ? 0 : done[kind] * (costMs[kind] ?? Number.NaN)), 0);
}

/** A share of the time, smoothed as arrival is. @param now  of the last `elapsedMs`; `NaN` = unknown. */
export function followLoad(before: number, now: number, elapsedMs: number): number {
	if (!(elapsedMs > 0)) return before;
	if (Number.isNaN(before) || Number.isNaN(now)) return now;
	return before + (now - before) * Math.min(1, elapsedMs / ARRIVAL_MS);
}

/** How a level treats a priority, as far as cost is concerned. */
export function treatmentOf(ladder: Ladder, level: number, priority: number): Treatment {
	const cell = compiled(ladder).table[level]?.[priority];
	if (cell === undefined) throw new RangeError(`the ladder has no level ${level} with a priority ${priority}`);
	if (cell.action === 'spill') return 'spill';
	if (cell.action !== 'process') return 'shed';
	return Object.values(cell.features).every(Boolean) ? 'full' : 'lean';
}

/**
 * The utilisation to be expected at each level: arrival rate x cost per message there (rule R7). 1 = all of the capacity.
 *
 * @returns one number per level; `NaN` where a cost or the arrival is unknown or older than `guard.forgetAfterMs`.
 */
export function predictUtilisation(ladder: Ladder, estimate: LoadEstimate): readonly number[] {
	const { spec } = compiled(ladder);
	const forgetAfterMs = (spec.guard || undefined)?.forgetAfterMs ?? 600_000;
	const { arrivalPerS, costMs, ageMs } = estimate;
	return ladder.levels.map((_, level) =>
		arrivalPerS === null || ageMs > forgetAfterMs
			? Number.NaN
			: arrivalPerS.reduce(
					(sum, rate, p) => sum + (rate === 0 ? 0 : rate * (costMs[treatmentOf(ladder, level, p)] ?? Number.NaN)),
					0,
				) / 1000,
	);
}
