import type * as PlotModule from '@observablehq/plot';
import type { Ladder } from '../../index.js';
import type { Simulation, TimelineAction } from '../../simulate/index.js';
import { compact } from '../demo/format.js';
import { counted, DATES_FROM_MS, duration, moment, reading, share } from './format.js';

/** What is drawn: a run, and the ladder it was run through. */
export interface Picture {
	readonly name: string;
	readonly ladder: Ladder;
	readonly result: Simulation;
}

/** The libraries that draw; loaded by whoever calls. */
export interface Pens {
	readonly Plot: typeof PlotModule;
	readonly document: Document;
}

const WIDTH = 1000;
const LEFT = 108;
const RIGHT = 132;
const FONT = 'Inter, Helvetica Neue, Arial, DejaVu Sans, sans-serif';
const INK = '#1f2937';
const PALE = '#6b7280';

/** From mild to severe: of a surface, and of a line on white. */
const FILLS = ['#fde68a', '#fdba74', '#f87171', '#991b1b'];
const LINES = ['#b7791f', '#dd6b20', '#dc2626', '#7f1d1d'];
const CALM = '#cfe3d4';
const ACTIONS: Partial<Record<TimelineAction, { readonly fill: string; readonly label: string }>> = {
	full: { fill: '#4c78a8', label: 'processed' },
	lean: { fill: '#9ecae9', label: 'processed lean' },
	replayed: { fill: '#59a14f', label: 'replayed' },
	spilled: { fill: '#f2b447', label: 'spilled' },
	rejected: { fill: '#b279a2', label: 'rejected' },
	dropped: { fill: '#d9534f', label: 'dropped' },
	waiting: { fill: '#c9ced6', label: 'held back' },
};

/** What a drawing may show of a run, from top to bottom. */
const PANELS = ['signals', 'level', 'messages', 'spill'] as const;
export type PanelKind = (typeof PANELS)[number];

/** Draws runs one below the other: signals with their thresholds, the level, the messages, the spill. An SVG document. */
export function drawRuns(pictures: readonly Picture[], pens: Pens, shown: readonly PanelKind[] = PANELS): string {
	const parts: string[] = [];
	let top = 0;
	for (const picture of pictures) {
		const drawn = drawRun(picture, pens, shown);
		parts.push(`<g transform="translate(0,${top})">${drawn.svg}</g>`);
		top += drawn.height + 16;
	}
	const names = pictures.map(({ name }) => name).join('; ');
	return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${top}" viewBox="0 0 ${WIDTH} ${top}" role="img" aria-label="${escaped(names)}" font-family="${FONT}" font-size="11" fill="${INK}"><rect width="100%" height="100%" fill="#fff"/>${parts.join('')}</svg>\n`;
}

/** A coloured field, a line of a colour (`dash`: broken), or words alone. */
interface LegendEntry {
	readonly label: string;
	readonly fill?: string;
	readonly line?: string;
	readonly dash?: string;
}

interface Panel {
	readonly title: string;
	readonly legend?: readonly LegendEntry[];
	readonly height: number;
	readonly options: PlotModule.PlotOptions;
}

function drawRun(
	picture: Picture,
	{ Plot, document }: Pens,
	shown: readonly PanelKind[],
): { svg: string; height: number } {
	const time = timeScale(picture.result);
	const panelsOf = {
		signals: () => signalPanels(picture, Plot, time),
		level: () => [levelPanel(picture, Plot, time)],
		messages: () => actionPanel(picture, Plot, time),
		spill: () => spillPanel(picture, Plot, time),
	};
	const panels = shown.flatMap((kind) => panelsOf[kind]());
	const parts = [headline(picture)];
	let top = 44;
	panels.forEach((panel, i) => {
		const last = i === panels.length - 1;
		const height = panel.height + (last ? 26 : 0);
		const svg = Plot.plot({
			document,
			width: WIDTH,
			height,
			marginLeft: LEFT,
			marginRight: RIGHT,
			marginTop: 24,
			marginBottom: last ? 30 : 4,
			...panel.options,
			x: {
				...time.options,
				axis: last ? 'bottom' : null,
				label: null,
				...(time.tickFormat && { tickFormat: time.tickFormat }),
			},
			marks: [Plot.gridX({ stroke: '#e5e7eb', strokeOpacity: 1 }), ...(panel.options.marks ?? [])],
		}) as unknown as Element;
		for (const style of svg.querySelectorAll('style')) style.remove();
		svg.setAttribute('y', String(top));
		svg.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
		svg.setAttribute('font-family', FONT);
		svg.setAttribute('font-size', '11');
		svg.setAttribute('role', 'img');
		svg.setAttribute('aria-label', panel.title);
		parts.push(rounded(svg.outerHTML), panelTitle(panel, top));
		top += height + 6;
	});
	parts.push(`<text x="${WIDTH - RIGHT + 22}" y="${top - 20}" fill="${PALE}">${time.label}</text>`);
	return { svg: parts.join(''), height: top };
}

function headline({ name, result }: Picture): string {
	const { transitions, flaps, endLevel, service, protectedLate, fromMs, toMs } = result;
	const facts = [
		duration(toMs - fromMs),
		counted(transitions.length, 'move'),
		counted(flaps, 'flap'),
		`ends at ${endLevel}`,
		...(service === null ? ['open loop'] : [`${share(protectedLate)} of the protected late`]),
	];
	return `<text x="${LEFT}" y="22" font-size="16" font-weight="700">${escaped(name)}</text><text x="${LEFT}" y="38" fill="${PALE}">${escaped(facts.join('  ·  '))}</text>`;
}

function panelTitle({ title, legend = [] }: Panel, top: number): string {
	const y = top + 14;
	let x = LEFT + 16 + textWidth(title, 7);
	const entries = legend.map(({ label, fill, line, dash = '' }) => {
		const sign =
			fill !== undefined
				? `<rect x="${x}" y="${y - 9}" width="10" height="10" rx="2" fill="${fill}"/>`
				: line !== undefined
					? `<path d="M${x - 6},${y - 4}h16" stroke="${line}" stroke-width="1.5" stroke-dasharray="${dash}"/>`
					: '';
		const from = sign === '' ? x : x + 14;
		x = from + 20 + textWidth(label, 5.8);
		return `${sign}<text x="${from}" y="${y}" fill="${PALE}">${escaped(label)}</text>`;
	});
	return `<text x="${LEFT}" y="${y}" font-weight="600">${escaped(title)}</text>${entries.join('')}`;
}

/** Dates where the recording has them, else the largest unit that gives small numbers. */
function timeScale({ fromMs, toMs }: Simulation) {
	if (fromMs >= DATES_FROM_MS) {
		const options = { type: 'utc' as const, domain: [new Date(fromMs), new Date(toMs)] };
		const tickFormat = (date: Date) => {
			const [day, clock] = moment(date.getTime()).split(/ (?=\d\d:)/);
			return clock === '00:00:00' ? `${day}` : `${clock?.replace(/:00$/, '')}`;
		};
		const [first, last] = [moment(fromMs).slice(0, 6), moment(toMs).slice(0, 6)];
		const label = first === last ? `${first}, UTC` : 'UTC';
		return { of: (ms: number) => new Date(ms) as Date | number, options, tickFormat, label };
	}
	const [unit, perMs] =
		toMs - fromMs > 3 * 3_600_000
			? ['hours', 3_600_000]
			: toMs - fromMs > 180_000
				? ['minutes', 60_000]
				: ['seconds', 1000];
	const of = (ms: number): Date | number => ms / (perMs as number);
	return {
		of,
		options: { type: 'linear' as const, domain: [of(fromMs), of(toMs)] },
		tickFormat: undefined,
		label: unit as string,
	};
}
type TimeScale = ReturnType<typeof timeScale>;

/** A signal as a band from its least to its greatest reading, over the levels in force, with the thresholds it can reach. */
function signalPanels({ ladder, result }: Picture, Plot: typeof PlotModule, time: TimeScale): Panel[] {
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

function levelPanel({ ladder, result }: Picture, Plot: typeof PlotModule, time: TimeScale): Panel {
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

function actionPanel({ result }: Picture, Plot: typeof PlotModule, time: TimeScale): Panel[] {
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

function spillPanel({ result }: Picture, Plot: typeof PlotModule, time: TimeScale): Panel[] {
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

/** So many columns of the timeline are one step of an area: a step of a pixel is noise. */
const EACH = 2;
function averaged(row: readonly number[]): number[] {
	return Array.from({ length: Math.ceil(row.length / EACH) }, (_, i) => {
		const part = row.slice(i * EACH, (i + 1) * EACH);
		return part.reduce((sum, value) => sum + value, 0) / part.length;
	});
}

/** The columns that differ from a neighbour by more than can be seen; a drawing of the others would only be larger. */
function changesOf(rows: readonly (readonly (number | null)[])[], visible: number): number[] {
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
function stays({ levels, transitions, fromMs, toMs }: Simulation) {
	const ends = [...transitions.map(({ atMs }) => atMs), toMs];
	const names = [levels[0], ...transitions.map(({ to }) => to)];
	return names.map((name, i) => ({
		level: levels.indexOf(name as string),
		fromMs: i === 0 ? fromMs : (ends[i - 1] as number),
		toMs: ends[i] as number,
	}));
}

function fillOf({ levels }: Ladder, level: number): string {
	return level === 0 ? CALM : shade(FILLS, level, levels.length);
}

function lineOf({ levels }: Ladder, level: number): string {
	return shade(LINES, level, levels.length);
}

/** Level 1 is the mildest shade, the last level the darkest, whatever their number. */
function shade(shades: readonly string[], level: number, levels: number): string {
	const last = shades.length - 1;
	const at = levels - 1 <= last ? level - 1 : Math.round(((level - 1) / (levels - 2)) * last);
	return shades[Math.min(last, at)] as string;
}

/** One decimal is a tenth of a pixel; more only makes the file large. Attributes only: a text says what it says. */
function rounded(svg: string): string {
	return svg.replace(/="[^"]*"/g, (attribute) => attribute.replace(/(\d+\.\d)\d+/g, '$1'));
}

function textWidth(text: string, each: number): number {
	return Math.round(text.length * each);
}

function escaped(text: string): string {
	return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
