import type { Decision, Stats } from '../../index.js';

/** How the readings of a signal are written. */
export interface Gauge {
	/** At most 7 characters. */
	readonly label: string;
	readonly format: (value: number) => string;
	/** Written behind a reading, and left away at thresholds. */
	readonly unit?: string;
}

/** Everything that is shown of one moment. */
export interface Moment {
	readonly title: string;
	/** The time of the story, `01:23`, and the same on the clock of the controller. */
	readonly time: string;
	readonly nowMs: number;
	readonly levels: readonly string[];
	readonly stats: Stats;
	readonly gauges: { readonly [signal: string]: Gauge };
	/** Per priority, most important first: who has it, and what becomes of such a message now. */
	readonly rows: readonly { readonly who: string; readonly decision: Decision }[];
	/** Messages per second. */
	readonly flow: { readonly arriving: number; readonly handled: number };
	/** Messages per counted item. */
	readonly weight: number;
	/** Oldest first. */
	readonly history: readonly Trace[];
}

/** One column of the history: the level, and how high the readings stood on the scale of the levels. */
export interface Trace {
	readonly level: number;
	readonly severity: number;
}

/** `?` while it is unknown. */
export function readingText(value: number, { format, unit = '' }: Gauge): string {
	return Number.isNaN(value) ? '?' : format(value) + unit;
}
