import type * as PlotModule from '@observablehq/plot';
import { counted } from '../../counted.js';
import { duration, share } from '../format.js';
import { INK, PALE } from './colours.js';
import { levelPanel } from './level-panel.js';
import { messagePanel } from './message-panel.js';
import type { Panel, Picture } from './panel.js';
import { signalPanels } from './signal-panels.js';
import { spillPanel } from './spill-panel.js';
import { timeScale } from './time-scale.js';

/** The libraries that draw; loaded by whoever calls. */
export interface Pens {
	readonly Plot: typeof PlotModule;
	readonly document: Document;
}

const WIDTH = 1000;
const LEFT = 108;
const RIGHT = 132;
const FONT = 'Inter, Helvetica Neue, Arial, DejaVu Sans, sans-serif';

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

function drawRun(
	picture: Picture,
	{ Plot, document }: Pens,
	shown: readonly PanelKind[],
): { svg: string; height: number } {
	const time = timeScale(picture.result);
	const panelsOf = {
		signals: () => signalPanels(picture, Plot, time),
		level: () => [levelPanel(picture, Plot, time)],
		messages: () => messagePanel(picture, Plot, time),
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

function rounded(svg: string): string {
	return svg.replace(/="[^"]*"/g, (attribute) => attribute.replace(/(\d+\.\d)\d+/g, '$1'));
}

function textWidth(text: string, each: number): number {
	return Math.round(text.length * each);
}

function escaped(text: string): string {
	return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
