import type { Stats } from '../ports/observable.js';
import type { Label } from './labels.js';

/** One value of a metric, with a value for each of its labels. */
export interface Sample {
	readonly labels: { readonly [label: string]: string };
	/** Finite: what is unknown has no sample. */
	readonly value: number;
}

/** One metric of the catalogue, as data: what it is called, what it says and where it comes from. */
export interface Metric {
	/** Without a prefix; its unit last, and `_total` after it for a counter. */
	readonly name: string;
	/** A counter only grows while the process lives; a gauge goes up and down. */
	readonly kind: 'counter' | 'gauge';
	/** Of the values. `'state'` is 0 or 1, `'timestamp'` seconds since the epoch, `'level'` an index in the ladder. */
	readonly unit:
		| 'count'
		| 'messages'
		| 'bytes'
		| 'seconds'
		| 'timestamp'
		| 'ratio'
		| 'level'
		| 'state'
		| 'signal'
		| 'rate';
	readonly help: string;
	readonly labels: readonly Label[];
	/** How the values of several processes become one: `sum` of counts, `max` of levels, `min` of times. */
	readonly cluster: 'sum' | 'max' | 'min';
	/** When there is no sample at all; absent where there always is one. */
	readonly absent?: string | undefined;
	/** The samples of one shedder. Two of them never have the same labels. */
	samples(stats: Stats): readonly Sample[];
}

type Given<L extends Label> = Pick<Metric, 'unit' | 'help' | 'absent'> & {
	readonly labels?: readonly L[] | undefined;
	readonly cluster?: Metric['cluster'] | undefined;
	/** A sample per row, or the only one. */
	readonly from: (
		stats: Stats,
	) => number | null | readonly (Readonly<Record<L, string>> & { readonly value: number })[];
};

/** Counts are summed. */
export function counter<const L extends Label = never>(name: string, given: Given<L>): Metric {
	return metric(name, 'counter', 'sum', given);
}

/** Of gauges the highest counts, unless something else is said. */
export function gauge<const L extends Label = never>(name: string, given: Given<L>): Metric {
	return metric(name, 'gauge', 'max', given);
}

function metric<L extends Label>(
	name: string,
	kind: Metric['kind'],
	usual: Metric['cluster'],
	{ unit, help, labels = [], cluster = usual, absent, from }: Given<L>,
): Metric {
	return Object.freeze({
		name,
		kind,
		unit,
		help,
		labels,
		cluster,
		absent,
		samples(stats: Stats) {
			const found = from(stats);
			const rows = typeof found === 'number' ? [{ value: found }] : (found ?? []);
			return rows
				.filter(({ value }) => Number.isFinite(value))
				.map(({ value, ...own }) => ({ labels: own as unknown as Sample['labels'], value }));
		},
	});
}

/** Adds up what has the same labels. Rows that are worth 0 say that a thing can happen, before it does. */
export function summed<R extends { readonly value: number }>(rows: readonly R[]): R[] {
	const sums = new Map<string, R>();
	for (const row of rows) {
		const { value, ...labels } = row;
		const id = JSON.stringify(labels);
		const sum = sums.get(id);
		sums.set(id, sum === undefined ? row : { ...sum, value: sum.value + value });
	}
	return [...sums.values()];
}

/** 1 for the one that is, 0 for all others that there are. */
export function oneHot<L extends string>(
	label: L,
	all: readonly string[],
	is: (name: string) => boolean,
): (Readonly<Record<L, string>> & { readonly value: number })[] {
	return all.map((name) => ({ [label]: name, value: is(name) ? 1 : 0 }) as Record<L, string> & { value: number });
}

/** Epoch ms as Prometheus counts time. */
export function timestamp(atMs: number | null | undefined): number | null {
	return atMs == null ? null : Math.round(atMs) / 1000;
}
