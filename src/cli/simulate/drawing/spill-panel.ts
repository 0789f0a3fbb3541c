import type * as PlotModule from '@observablehq/plot';
import { compact } from '../../demo/format.js';
import { INK } from './colours.js';
import type { Panel, Picture } from './panel.js';
import type { TimeScale } from './time-scale.js';
import { changesOf } from './timeline.js';

/** How many messages wait in the spill. None where nothing was spilled. */
export function spillPanel({ result }: Picture, Plot: typeof PlotModule, time: TimeScale): Panel[] {
	const { timeline, service } = result;
	if (service === null || service.spillPeak === 0) return [];
	const shown = changesOf([timeline.spill], service.spillPeak / 200);
	const points = shown.map((i) => ({ x: time.of(timeline.atMs[i] ?? 0), messages: timeline.spill[i] ?? 0 }));
	const options: PlotModule.PlotOptions = {
		y: { label: null, ticks: 3, tickFormat: compact, zero: true },
		marks: [
			Plot.areaY(points, { x: 'x', y: 'messages', fill: '#f2b447', fillOpacity: 0.75, curve: 'step-after' }),
			Plot.ruleY([0], { stroke: INK }),
		],
	};
	return [{ title: 'waiting in the spill', height: 100, options }];
}
