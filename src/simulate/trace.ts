import { ConfigError, verify } from '../core/errors.js';

/**
 * A recording: one moment a row, one series a column. Made by `readTrace`, or by hand: it is plain data.
 */
export interface Trace {
	/** Strictly ascending, ms; since 1970 where the recording had dates. At least two. */
	readonly timesMs: ArrayLike<number>;
	/** By name, each as long as `timesMs`; `NaN` = unknown. */
	readonly series: { readonly [name: string]: ArrayLike<number> };
	/** Columns that hold no number and so are no series, by name: what is wrong with the first cell of each. */
	readonly text?: { readonly [name: string]: string } | undefined;
}

/** A trace made by hand is checked like any other input. @throws ConfigError */
export function checkTrace({ timesMs, series }: Trace): void {
	verify('trace', (must) => {
		must(timesMs.length >= 2, 'timesMs.length', timesMs.length, 'at least 2');
		let before = Number.NEGATIVE_INFINITY;
		for (let i = 0; i < timesMs.length; i++) {
			const timeMs = at(timesMs, i);
			if (!(timeMs > before && Number.isFinite(timeMs))) {
				return must(false, `timesMs[${i}]`, timeMs, `a finite number above ${before}, the one before it`);
			}
			before = timeMs;
		}
		for (const [name, values] of Object.entries(series)) {
			must(
				values.length === timesMs.length,
				`series.${name}.length`,
				values.length,
				`${timesMs.length}, as many as timesMs`,
			);
		}
	});
}

/** A series that is needed and could not be read is not one that was not recorded. @throws ConfigError */
export function refuseText({ series, text = {} }: Trace, needed: readonly string[]): void {
	const problems = needed.flatMap((name) =>
		series[name] === undefined && text[name] !== undefined ? [{ path: name, message: text[name] }] : [],
	);
	if (problems.length > 0) throw new ConfigError('trace', problems);
}

/** The time between two points that is typical of a trace: the median, ms. */
export function stepOf({ timesMs }: Trace): number {
	const steps = Array.from({ length: timesMs.length - 1 }, (_, i) => at(timesMs, i + 1) - at(timesMs, i));
	return quantile(Float64Array.from(steps).sort(), 0.5);
}

/** A hole this many steps long is no slow sample but a time of which nothing is known. */
const HOLE_STEPS = 3;

/** A gap that is longer than this is a hole, ms. */
export function holeMsOf(trace: Trace): number {
	return HOLE_STEPS * stepOf(trace);
}

/**
 * A cursor over a trace: ask for ascending times, get the readings there.
 *
 * In a hole of more than three typical steps, at a point that is unknown, and on the way to it and from it, the reading is
 * `NaN`: what was not recorded was not healthy, and a negative number is no reading (rule R5).
 */
export function follow(trace: Trace, between: 'interpolate' | 'hold' = 'interpolate') {
	const { timesMs, series } = trace;
	const holeMs = holeMsOf(trace);
	let i = 0;
	return {
		/** Moves on to `nowMs`, never back. */
		to(nowMs: number): void {
			while (i + 1 < timesMs.length && at(timesMs, i + 1) <= nowMs) i++;
			this.nowMs = nowMs;
		},
		nowMs: at(timesMs, 0),
		/** The reading of a series here. */
		of(name: string): number {
			const values = series[name];
			if (values === undefined) return Number.NaN;
			const from = at(timesMs, i);
			const value = readingAt(values, i);
			if (i + 1 >= timesMs.length || this.nowMs <= from) return value;
			const to = at(timesMs, i + 1);
			if (to - from > holeMs) return Number.NaN;
			if (between === 'hold') return value;
			return value + ((this.nowMs - from) / (to - from)) * (readingAt(values, i + 1) - value);
		},
		/** The hole that we are in; `null` outside. */
		hole(): { readonly fromMs: number; readonly toMs: number } | null {
			const [fromMs, toMs] = [at(timesMs, i), at(timesMs, i + 1)];
			return toMs - fromMs > holeMs && this.nowMs > fromMs ? { fromMs, toMs } : null;
		},
	};
}

/** The value below which a share of ascending values lies; `NaN` when there are none. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
	return at(sorted, Math.min(sorted.length - 1, Math.floor(share * sorted.length)));
}

/** A reading is a finite number of at least 0; everything else is unknown (rule R5). */
export function readingAt(values: ArrayLike<number>, i: number): number {
	const value = at(values, i);
	return value >= 0 && value < Number.POSITIVE_INFINITY ? value : Number.NaN;
}

export function at(values: ArrayLike<number>, i: number): number {
	return values[i] ?? Number.NaN;
}
