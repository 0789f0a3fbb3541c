import type { Simulation } from '../../../simulate/index.js';

/** The columns that differ from a neighbour by more than can be seen; a drawing of the others would only be larger. */
export function changesOf(rows: readonly (readonly (number | null)[])[], visible: number): number[] {
	const last = (rows[0]?.length ?? 0) - 1;
	let kept = 0;
	const differs = (a: number, b: number) =>
		rows.some((row) => !(Math.abs((row[a] ?? Number.NaN) - (row[b] ?? Number.NaN)) < visible));
	return Array.from({ length: last + 1 }, (_, i) => i).filter((i) => {
		const keep = i === 0 || i === last || differs(i, kept) || differs(i, i + 1);
		if (keep) kept = i;
		return keep;
	});
}

/** How long each level was in force, in order. */
export function stays({ levels, transitions, fromMs, toMs }: Simulation) {
	const ends = [...transitions.map(({ atMs }) => atMs), toMs];
	const names = [levels[0], ...transitions.map(({ to }) => to)];
	return names.map((name, i) => ({
		level: levels.indexOf(name as string),
		fromMs: i === 0 ? fromMs : (ends[i - 1] as number),
		toMs: ends[i] as number,
	}));
}
