import type { Stats } from '../../index.js';
import { type Colors, label } from './layout.js';
import { type Gauge, type Moment, readingText } from './moment.js';

type Paint = (text: string) => string;

const BLOCKS = '▁▂▃▄▅▆▇█';

/** The levels side by side; below each its thresholds, and all signals on this one scale. */
export function scale({ stats, levels, gauges }: Moment, colors: Colors): string[] {
	const { bold, dim, inverse } = colors;
	const thresholdText = ({ name, thresholds }: Stats['signals'][number], level: number) => {
		const threshold = thresholds.find((one) => one.level === levels[level]);
		const { format } = gauges[name] as Gauge;
		return threshold === undefined ? '' : `${format(threshold.enterAt)}/${format(threshold.release)}`;
	};
	const widths = levels.map((name, level) =>
		Math.max(name.length + 2, ...stats.signals.map((signal) => thresholdText(signal, level).length + 1)),
	);
	const paints = paintsOf(levels.length, colors);
	const columns = (textOf: (level: number) => string, paintOf: (level: number) => Paint) =>
		widths.map((width, level) => paintOf(level)(textOf(level).padEnd(width))).join('');
	const here = stats.levelIndex;
	const lines = [
		label('level') +
			columns(
				(level) => (level === here ? ` ${levels[level]}` : `${levels[level]}`),
				(level) => (level === here ? (text) => inverse(bold(paints[level]?.(text) ?? text)) : dim),
			),
	];
	for (const signal of stats.signals) {
		const gauge = gauges[signal.name] as Gauge;
		const release = signal.thresholds.find(({ level }) => level === levels[here])?.release;
		const place = (reading: number) => placeOf(severityOf(signal, reading, levels), widths);
		const filled = Number.isNaN(signal.value) ? 0 : place(signal.value);
		const mark = release === undefined ? -1 : Math.floor(place(release));
		const reading = bold(readingText(signal.value, gauge).padStart(5));
		lines.push(
			` ${gauge.label.padEnd(7)}${reading} ${bar(filled, mark, widths, paints, colors)}`,
			dim(label('enter/release')) +
				columns(
					(level) => thresholdText(signal, level),
					(level) => (level === here ? bold : dim),
				),
		);
	}
	return lines;
}

/** Where a reading stands on the scale of the levels: the level it asks for, and the fraction of the way to the next one. */
export function severityOf(
	{ thresholds }: Pick<Stats['signals'][number], 'thresholds'>,
	reading: number,
	levels: readonly string[],
): number {
	let [level, from] = [0, 0];
	for (const { level: name, enterAt } of thresholds) {
		const next = levels.indexOf(name);
		if (!(reading >= enterAt)) return level + ((next - level) * Math.max(0, reading - from)) / (enterAt - from);
		[level, from] = [next, enterAt];
	}
	return level + Math.min(0.999, (reading - from) / from);
}

/** The same in characters from the left end of the scale. */
function placeOf(severity: number, widths: readonly number[]): number {
	const level = Math.min(Math.floor(severity), widths.length - 1);
	const start = widths.slice(0, level).reduce((sum, width) => sum + width, 0);
	return start + (severity - level) * (widths[level] as number);
}

/** Filled up to the reading; a mark where the reading must fall to for the level to be released. */
function bar(
	filled: number,
	mark: number,
	widths: readonly number[],
	paints: readonly Paint[],
	{ dim, bold }: Colors,
): string {
	let cell = 0;
	let text = '';
	for (const [level, width] of widths.entries()) {
		for (let i = 0; i < width; i++, cell++) {
			if (cell === mark) text += bold('┃');
			else if (filled - cell >= 0.5) text += (paints[level] as Paint)('█');
			else text += dim(i === 0 && level > 0 ? '│' : '·');
		}
	}
	return text;
}

/** The severity over time, in the colour of the level at that time. */
export function history({ history: traces, levels }: Moment, colors: Colors): string {
	const paints = paintsOf(levels.length, colors);
	return traces
		.map(({ level, severity }) => {
			const height = Math.min(BLOCKS.length - 1, Math.round((severity / levels.length) * BLOCKS.length));
			return (paints[level] as Paint)(BLOCKS[height] as string);
		})
		.join('');
}

/** From green for the first level to red for the last one. */
function paintsOf(levels: number, { green, cyan, blue, yellow, magenta, red }: Colors): Paint[] {
	const hues = [green, cyan, blue, yellow, magenta, red];
	return Array.from(
		{ length: levels },
		(_, level) => hues[Math.round((level / Math.max(1, levels - 1)) * (hues.length - 1))] as Paint,
	);
}
