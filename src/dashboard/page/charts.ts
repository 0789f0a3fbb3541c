import { ACTIONS, type Hello, type Snapshot } from '../snapshot.js';
import { Chart, type Plot } from './chart.js';
import { byId } from './dom.js';
import { brief } from './format.js';
import { drawStairs } from './stairs.js';
import { drawThresholds, topOf } from './thresholds.js';
import type { View } from './view.js';

type Thresholds = Snapshot['sensors'][number]['thresholds'];

let drawn: readonly { readonly chart: Chart; readonly columns: Columns }[] = [];
/** What is drawn of the past: one column per line. */
type Columns = (past: Parameters<View['show']>[2]) => readonly (readonly (number | null)[])[];

/** Level, decisions and every signal over time. */
export const charts: View = {
	begin() {
		for (const { chart } of drawn) chart.destroy();
		drawn = [];
		byId('charts').replaceChildren();
	},
	show(now, hello, past) {
		if (drawn.length === 0) {
			drawn = plotsOf(now, hello).map(({ plot, columns }) => ({ chart: new Chart(plot), columns }));
			byId('charts').append(...drawn.map(({ chart }) => chart.element));
		}
		for (const { chart, columns } of drawn) chart.show(past.columns.atMs, columns(past));
	},
};

function plotsOf(now: Snapshot, { levels }: Hello): readonly { readonly plot: Plot; readonly columns: Columns }[] {
	const nameOf = (level: number): string => levels[level]?.name ?? '';
	const level: Plot = {
		title: 'Level',
		lines: [
			{ name: 'in force', colour: '--ink', draws: drawStairs(levels.length) },
			{ name: 'asked for', colour: '--muted', shape: 'steps' },
		],
		format: nameOf,
		splits: levels.map((_, at) => at),
		range: () => [-0.35, levels.length - 0.65],
		axisWidth: Math.max(...levels.map(({ name }) => name.length)),
		isWide: true,
	};
	const decisions: Plot = {
		title: 'Decisions per second',
		lines: ACTIONS.map((name) => ({ name, colour: `--${name}`, shape: 'area' as const })),
		format: brief,
		range: (max) => [0, max === 0 ? 1 : max * 1.1],
	};
	const waiting: Plot = {
		title: 'Waiting in the spill',
		lines: [{ name: 'records', colour: '--spill', shape: 'area' }],
		format: brief,
		range: (max) => [0, max === 0 ? 1 : max * 1.1],
	};
	return [
		{ plot: level, columns: ({ columns }) => [columns.level, columns.demand] },
		{ plot: decisions, columns: ({ rates }) => rates },
		...now.sensors.map(({ name, thresholds }, at) => ({
			plot: signalPlot(name, thresholds, levels),
			columns: (({ columns }) => [columns.signals.map((values) => values[at] ?? null)]) satisfies Columns,
		})),
		...(now.spill === null ? [] : [{ plot: waiting, columns: (({ columns }) => [columns.waiting]) satisfies Columns }]),
	];
}

function signalPlot(name: string, thresholds: Thresholds, levels: Hello['levels']): Plot {
	return {
		title: `Signal ${name}`,
		lines: [{ name, colour: '--accent', shape: 'line' }],
		format: brief,
		range: (max) => [0, topOf(max, thresholds)],
		below: drawThresholds(thresholds, levels),
		note: thresholds
			.map(
				({ level, enterAt, release }) =>
					`${levels[level]?.name}: enters at ${brief(enterAt)}, released below ${brief(release)}`,
			)
			.join('; '),
	};
}
