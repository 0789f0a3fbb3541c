import type * as PlotModule from '@observablehq/plot';
import type { Ladder } from '../../../index.js';
import type { Simulation } from '../../../simulate/index.js';
import { reading } from '../format.js';
import { fillOf, INK, lineOf, PALE } from './colours.js';
import type { Panel, Picture } from './panel.js';
import type { TimeScale } from './time-scale.js';
import { changesOf, stays } from './timeline.js';

/** A signal as a band from its least to its greatest reading, over the levels in force, with the thresholds it can reach. */
export function signalPanels({ ladder, result }: Picture, Plot: typeof PlotModule, time: TimeScale): Panel[] {
	const worst = Math.max(...stays(result).map(({ level }) => level));
	let explained = worst === 0;
	return Object.entries(result.signals).flatMap(([name, { peak }]): Panel[] => {
		const series = result.timeline.signals[name];
		if (peak === null || series === undefined) return [];
		const thresholds = ladder.spec.levels.flatMap(({ name: level, enterAt }, i) => {
			const limit = enterAt?.[name];
			const { recoverBelow = 1 } = ladder.spec.signals[name] ?? {};
			return limit === undefined ? [] : [{ level, i, limit, release: limit * recoverBelow }];
		});
		// What never came near a threshold needs no room.
		const height = peak < (thresholds[0]?.limit ?? 0) ? 110 : 150;
		const top = 1.15 * Math.max(peak, thresholds[0]?.limit ?? 0);
		const inView = thresholds.filter(({ limit }) => limit <= top);
		const shown = changesOf([series.low, series.high], top / 200);
		const points = shown.map((i) => ({
			x: time.of((result.timeline.atMs[i] ?? 0) + result.timeline.widthMs / 2),
			low: series.low[i] ?? Number.NaN,
			high: series.high[i] ?? Number.NaN,
		}));
		const beyond = thresholds
			.filter(({ limit }) => limit > top)
			.map(({ level, limit }) => `${level} ${reading(name, limit)}`);
		const options: PlotModule.PlotOptions = {
			y: { domain: [0, top], label: null, ticks: 4, tickFormat: (value: number) => reading(name, value) },
			marks: [
				...levelBands(ladder, result, Plot, time, top),
				Plot.areaY(points, { x: 'x', y1: 'low', y2: 'high', fill: '#334155', fillOpacity: 0.35 }),
				Plot.lineY(points, { x: 'x', y: 'high', stroke: '#1e293b', strokeWidth: 1.1 }),
				Plot.ruleY(inView, { y: 'limit', stroke: ({ i }) => lineOf(ladder, i), strokeWidth: 1.2 }),
				Plot.ruleY(inView, {
					...{ y: 'release', stroke: ({ i }: { i: number }) => lineOf(ladder, i) },
					...{ strokeWidth: 0.8, strokeDasharray: '4,3' },
				}),
				Plot.text(spread(inView, (top * 13) / (height - 28), top), {
					y: 'labelAt',
					text: ({ level, limit }) => `${level} ${reading(name, limit)}`,
					frameAnchor: 'right',
					textAnchor: 'start',
					dx: 6,
					fill: ({ i }) => lineOf(ladder, i),
				}),
				Plot.ruleY([0], { stroke: INK }),
			],
		};
		const legend = [
			{ line: PALE, label: 'entered at' },
			{ line: PALE, dash: '4,3', label: 'released below' },
			...(explained ? [] : [{ fill: fillOf(ladder, worst), label: 'level in force' }]),
			...(beyond.length > 0 ? [{ label: `out of sight: ${beyond.join(', ')}` }] : []),
		];
		explained = true;
		return [{ title: name.endsWith('Ms') ? name.slice(0, -2) : name, legend, height, options }];
	});
}

/** Labels of thresholds that lie closer together than `least` move apart: up, and down again from what would leave the panel. */
function spread<T extends { readonly limit: number }>(
	thresholds: readonly T[],
	least: number,
	top: number,
): (T & { labelAt: number })[] {
	let below = Number.NEGATIVE_INFINITY;
	const raised = thresholds.map((threshold) => {
		below = Math.max(threshold.limit, below + least);
		return { ...threshold, labelAt: below };
	});
	let above = top + least;
	return raised.reverse().map((label) => {
		above = Math.min(label.labelAt, above - least);
		return { ...label, labelAt: above };
	});
}

/** The level in force as a pale background. */
function levelBands(ladder: Ladder, result: Simulation, Plot: typeof PlotModule, time: TimeScale, top: number) {
	const bands = stays(result).filter(({ level }) => level > 0);
	return [
		Plot.rect(bands, {
			...{ x1: ({ fromMs }) => time.of(fromMs), x2: ({ toMs }) => time.of(toMs), y1: 0, y2: top },
			...{ fill: ({ level }) => fillOf(ladder, level), fillOpacity: 0.45 },
		}),
	];
}
