import type * as PlotModule from '@observablehq/plot';
import type { TimelineAction } from '../../../simulate/index.js';
import { compact } from '../../demo/format.js';
import { INK } from './colours.js';
import type { Panel, Picture } from './panel.js';
import type { TimeScale } from './time-scale.js';
import { changesOf } from './timeline.js';

const ACTIONS: Partial<Record<TimelineAction, { readonly fill: string; readonly label: string }>> = {
	full: { fill: '#4c78a8', label: 'processed' },
	lean: { fill: '#9ecae9', label: 'processed lean' },
	replayed: { fill: '#59a14f', label: 'replayed' },
	spilled: { fill: '#f2b447', label: 'spilled' },
	rejected: { fill: '#b279a2', label: 'rejected' },
	dropped: { fill: '#d9534f', label: 'dropped' },
	waiting: { fill: '#c9ced6', label: 'held back' },
};

/** What became of the messages, stacked. None without a model of the service. */
export function messagePanel({ result }: Picture, Plot: typeof PlotModule, time: TimeScale): Panel[] {
	const { timeline, messages } = result;
	if (messages.length === 0) return [];
	const used = Object.entries(ACTIONS).filter(([action]) =>
		timeline.actions[action as TimelineAction].some((n) => n > 0),
	);
	const rows = used.map(([action]) => averaged(timeline.actions[action as TimelineAction]));
	const stretches = rows[0]?.length ?? 0;
	const top = Math.max(
		...Array.from({ length: stretches }, (_, i) => rows.reduce((sum, row) => sum + (row[i] ?? 0), 0)),
	);
	const shownAt = changesOf(rows, top / 60);
	const points = used.flatMap(([action, { fill }], row) =>
		// The last step goes on to the end.
		[...shownAt, stretches].map((i) => ({
			x: time.of(Math.min(result.toMs, result.fromMs + i * EACH * timeline.widthMs)),
			perS: rows[row]?.[Math.min(i, stretches - 1)] ?? 0,
			...{ fill, action },
		})),
	);
	const options: PlotModule.PlotOptions = {
		y: { label: null, ticks: 4, tickFormat: compact, zero: true },
		marks: [
			Plot.areaY(points, { x: 'x', y: 'perS', z: 'action', fill: 'fill', curve: 'step-after', order: null }),
			Plot.ruleY([0], { stroke: INK }),
		],
	};
	return [{ title: 'messages per second', legend: used.map(([, entry]) => entry), height: 150, options }];
}

/** So many columns of the timeline are one step of an area: a step of a pixel is noise. */
const EACH = 2;
function averaged(row: readonly number[]): number[] {
	return Array.from({ length: Math.ceil(row.length / EACH) }, (_, i) => {
		const part = row.slice(i * EACH, (i + 1) * EACH);
		return part.reduce((sum, value) => sum + value, 0) / part.length;
	});
}
