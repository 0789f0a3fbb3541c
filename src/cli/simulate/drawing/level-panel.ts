import type * as PlotModule from '@observablehq/plot';
import { fillOf, INK } from './colours.js';
import type { Panel, Picture } from './panel.js';
import type { TimeScale } from './time-scale.js';
import { changesOf, stays } from './timeline.js';

/** The level in force as a staircase, with what the signals ask for. */
export function levelPanel({ ladder, result }: Picture, Plot: typeof PlotModule, time: TimeScale): Panel {
	const { levels, timeline } = result;
	const steps = stays(result);
	const demand = changesOf([timeline.severity], 0.01).map((i) => ({
		x: time.of((timeline.atMs[i] ?? 0) + timeline.widthMs / 2),
		y: Math.min(timeline.severity[i] ?? 0, levels.length),
	}));
	const options: PlotModule.PlotOptions = {
		y: {
			domain: [0, levels.length],
			label: null,
			ticks: levels.map((_, i) => i + 0.5),
			tickSize: 0,
			tickFormat: (value: number) => levels[Math.floor(value)] ?? '',
		},
		marks: [
			Plot.ruleY(
				levels.map((_, i) => i),
				{ stroke: '#e5e7eb' },
			),
			Plot.rect(steps, {
				...{
					x1: ({ fromMs }) => time.of(fromMs),
					x2: ({ toMs }) => time.of(toMs),
					y1: 0,
					y2: ({ level }) => level + 1,
				},
				fill: ({ level }) => fillOf(ladder, level),
			}),
			Plot.lineY(demand, { x: 'x', y: 'y', stroke: INK, strokeWidth: 1, strokeOpacity: 0.75 }),
			Plot.ruleY([0], { stroke: INK }),
		],
	};
	return {
		title: 'level',
		legend: [{ line: INK, label: 'severity: what the signals ask for' }],
		height: 34 + 22 * levels.length,
		options,
	};
}
