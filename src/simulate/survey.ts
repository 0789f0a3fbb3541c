import { at, quantile, readingAt, type Trace } from './trace.js';

/** Below these there is no telling what is ordinary. */
const POINTS_MIN = 120;
const SPAN_MIN_MS = 600_000;
/**
 * No ordinary time beyond so many robust standard deviations of the logarithm. Iglewicz and Hoaglin call 3.5 an outlier;
 * the busy hour of every day is none.
 */
const OUTLYING = 6;
/** A longer calm between two visits above a threshold is no swing, ms; and fewer of them than this are no habit. */
const SWING_MS_MAX = 300_000;
const SWINGS_MIN = 3;

/** What a recording says of one signal. */
export interface Survey {
	/** Quantiles of ordinary time. */
	readonly median: number;
	readonly p90: number;
	readonly p99: number;
	/** The 95 % quantile of the change from one point to the next in ordinary time. */
	readonly noise: number;
	readonly peak: number;
	readonly values: Float64Array;
	readonly timesMs: ArrayLike<number>;
}

/** What a recording says of a signal, or why it says nothing. */
export function surveyOf(trace: Trace, name: string): Survey | string {
	const recorded = trace.series[name] ?? [];
	const all = Float64Array.from({ length: recorded.length }, (_, i) => readingAt(recorded, i));
	const sorted = all.filter((value) => value >= 0).sort();
	const spanMs = at(trace.timesMs, trace.timesMs.length - 1) - at(trace.timesMs, 0);
	if (sorted.length < POINTS_MIN || spanMs < SPAN_MIN_MS) {
		return `${sorted.length} points in ${seconds(spanMs)} are too few; record at least ${POINTS_MIN} in 10 min, better a week`;
	}
	const peak = at(sorted, sorted.length - 1);
	if (peak === at(sorted, 0)) return `it never moves: it is ${short(peak)} all the time`;
	const fence = fenceOf(sorted);
	const quiet = sorted.filter((value) => value <= fence);
	const changes = all
		.slice(1)
		.map((value, i) => (value <= fence && at(all, i) <= fence ? Math.abs(value - at(all, i)) : NaN));
	return {
		median: quantile(quiet, 0.5),
		p90: quantile(quiet, 0.9),
		p99: quantile(quiet, 0.99),
		noise: quantile(changes.filter((change) => change >= 0).sort(), 0.95) || 0,
		peak,
		values: all,
		timesMs: trace.timesMs,
	};
}

/**
 * Where ordinary time ends: beyond it the logarithm lies so far from its median that it is an outlier. The logarithm,
 * because queues and delays are skewed; the median absolute deviation, because the overload must not measure itself.
 */
function fenceOf(sorted: Float64Array): number {
	const scale = quantile(
		sorted.filter((value) => value > 0),
		0.5,
	);
	const logs = sorted.map((value) => Math.log1p(value / scale));
	const median = quantile(logs, 0.5);
	const distances = logs.map((value) => Math.abs(value - median)).sort();
	// When more than half of the points are the same, the median distance is 0 and the mean one stands in.
	const deviation =
		1.4826 * quantile(distances, 0.5) || 1.2533 * (distances.reduce((sum, one) => sum + one, 0) / distances.length);
	return scale * Math.expm1(median + OUTLYING * deviation);
}

/**
 * How long a signal stays below the release threshold before it comes back above the other one, in nine of ten cases,
 * ms; 0 unless it does so several times.
 */
export function swingOf({ values, timesMs }: Survey, enterAt: number, release: number): number {
	const calms: number[] = [];
	let calmSinceMs: number | null = null;
	let entered = false;
	values.forEach((value, i) => {
		if (value >= enterAt) {
			if (entered && calmSinceMs !== null) calms.push(at(timesMs, i) - calmSinceMs);
			entered = true;
			calmSinceMs = null;
		} else if (value < release) calmSinceMs ??= at(timesMs, i);
	});
	const swings = Float64Array.from(calms.filter((ms) => ms <= SWING_MS_MAX)).sort();
	return swings.length < SWINGS_MIN ? 0 : quantile(swings, 0.9);
}

/** Three digits, with k, M or G. */
export function short(value: number): string {
	const [unit, name] = value >= 1e9 ? [1e9, 'G'] : value >= 1e6 ? [1e6, 'M'] : value >= 1e4 ? [1e3, 'k'] : [1, ''];
	return `${Number((value / unit).toPrecision(3))}${name}`;
}

/** `30 s`, `24 h`. */
export function seconds(ms: number): string {
	return ms >= 7_200_000 ? `${Number((ms / 3_600_000).toPrecision(3))} h` : `${Number((ms / 1000).toPrecision(3))} s`;
}
