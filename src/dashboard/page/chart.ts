import uPlot from 'uplot';
import { list, make, mark, parts, say } from './dom.js';
import { timeOfDay } from './format.js';
import { colour, faded, onScheme } from './tone.js';

export interface Line {
	readonly name: string;
	/** A custom property of the style. */
	readonly colour: string;
	/** Areas lie on top of each other. */
	readonly shape?: 'line' | 'steps' | 'area' | undefined;
	/** Draws it instead. */
	readonly draws?: ((plot: uPlot, rem: number) => void) | undefined;
}

/** What a chart shows, and how. */
export interface Plot {
	readonly title: string;
	readonly lines: readonly Line[];
	readonly format: (value: number) => string;
	readonly range: (max: number) => [number, number];
	/** Where the axis is labelled; found by itself when absent. */
	readonly splits?: number[] | undefined;
	/** The longest label of the axis, in characters. */
	readonly axisWidth?: number | undefined;
	/** As wide as the page. */
	readonly isWide?: boolean | undefined;
	/** Drawn below the lines. */
	readonly below?: ((plot: uPlot, rem: number) => void) | undefined;
	/** In words, what lines besides the data mean. */
	readonly note?: string | undefined;
}

type Column = readonly (number | null)[];

/** At least so much time is shown, so that a page that was opened just now does not race. */
const WINDOW_MIN_S = 60;
const TABLE_ROWS = 12;

/** One chart with its legend, which tells the values under the pointer or the last ones, and the same as a table. */
export class Chart {
	readonly element = make('figure', 'card chart');
	readonly #plot: Plot;
	readonly #uplot: uPlot;
	readonly #legend = make('ul', 'legend');
	readonly #time = make('span', 'time');
	readonly #table = make('table', 'past');
	readonly #details: HTMLDetailsElement;
	readonly #canvas = make('div', 'canvas');
	readonly #resized: ResizeObserver;
	readonly #forget: () => void;
	#atMs: readonly number[] = [];
	#columns: readonly Column[] = [];

	constructor(plot: Plot) {
		this.#plot = plot;
		if (plot.isWide === true) this.element.classList.add('wide');
		const title = make('h3', 'label', plot.title);
		// What it shows is in the legend and in the table; a picture has no words.
		mark(this.#canvas, 'aria-hidden', 'true');
		this.#details = make('details', '', make('summary', '', 'As a table'));
		const scroll = make('div', 'scroll', this.#table);
		this.#table.append(make('caption', '', plot.note ?? plot.title), make('thead'), make('tbody'));
		this.#details.append(scroll);
		this.#details.addEventListener('toggle', () => this.#showTable());
		this.element.append(make('figcaption', '', title, this.#time), this.#legend, this.#canvas, this.#details);
		this.#uplot = new uPlot(this.#options(), [[], ...plot.lines.map(() => [])], this.#canvas);
		this.#resized = new ResizeObserver(() => this.#resize());
		this.#resized.observe(this.#canvas);
		this.#forget = onScheme(() => this.#uplot.redraw(false, true));
	}

	show(atMs: readonly number[], columns: readonly Column[]): void {
		this.#atMs = atMs;
		this.#columns = columns;
		this.#uplot.setData([atMs.map((ms) => ms / 1_000), ...this.#stacked(columns)] as uPlot.AlignedData);
		this.#showLegend();
		this.#showTable();
	}

	destroy(): void {
		this.#forget();
		this.#resized.disconnect();
		this.#uplot.destroy();
		this.element.remove();
	}

	/** Each area begins where the one below it ends. */
	#stacked(columns: readonly Column[]): readonly Column[] {
		const { lines } = this.#plot;
		const sums: Column[] = [];
		for (const [i, column] of columns.entries()) {
			const below = lines[i]?.shape === 'area' ? sums.at(-1) : undefined;
			sums.push(
				below === undefined ? column : column.map((value, at) => (value === null ? null : value + (below[at] ?? 0))),
			);
		}
		return sums;
	}

	#resize(): void {
		const { width, height } = this.#canvas.getBoundingClientRect();
		if (width > 0) this.#uplot.setSize({ width: Math.floor(width), height: Math.floor(height) });
	}

	#showLegend(): void {
		const { idx } = this.#uplot.cursor;
		const at = idx ?? this.#atMs.length - 1;
		say(this.#time, idx === null || idx === undefined ? '' : timeOfDay(this.#atMs[at] ?? 0));
		const items = this.#plot.lines.map((line, i) => ({ line, value: this.#columns[i]?.[at] ?? null }));
		list(this.#legend, items, createKey, (item, { line, value }) => {
			const [swatch, name, reading] = parts(item) as [HTMLElement, HTMLElement, HTMLElement];
			swatch.style.setProperty('--key', `var(${line.colour})`);
			mark(swatch, 'data-shape', line.shape ?? 'line');
			say(name, line.name);
			say(reading, value === null ? 'unknown' : this.#plot.format(value));
		});
	}

	/** A dozen points of the past, newest first. Costs nothing while it is closed. */
	#showTable(): void {
		if (!this.#details.open) return;
		const [, head, body] = parts(this.#table) as [HTMLElement, HTMLElement, HTMLElement];
		list(
			head,
			[0],
			() => make('tr'),
			(row) => list(row, ['Time', ...this.#plot.lines.map(({ name }) => name)], createHead, say),
		);
		const last = this.#atMs.length - 1;
		const rows = Array.from({ length: Math.min(TABLE_ROWS, last + 1) }, (_, i) =>
			Math.round(last - (i * last) / Math.max(1, TABLE_ROWS - 1)),
		);
		list(
			body,
			rows,
			() => make('tr'),
			(row, at) => {
				const cells = this.#columns.map((column) => column[at] ?? null);
				const texts = cells.map((value) => (value === null ? '–' : this.#plot.format(value)));
				list(row, [timeOfDay(this.#atMs[at] ?? 0), ...texts], () => make('td'), say);
			},
		);
	}

	#options(): uPlot.Options {
		const { lines, range, format, splits, axisWidth = 6, below } = this.#plot;
		const rem = () => Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
		const size = rem();
		const axis = {
			stroke: () => colour('--muted'),
			grid: { stroke: () => colour('--line'), width: 1 },
			ticks: { show: false },
			// uPlot scales whole numbers only.
			font: `${Math.round(0.75 * size)}px system-ui, sans-serif`,
			gap: 6,
		};
		return {
			width: 300,
			height: 160,
			legend: { show: false },
			padding: [8, 1.6 * size, 0, 0],
			cursor: { sync: { key: 'past' }, y: false, drag: { x: false, y: false }, points: { show: false } },
			scales: {
				x: { time: true, range: (_plot, first, last) => [Math.min(first ?? 0, (last ?? 0) - WINDOW_MIN_S), last ?? 0] },
				y: { range: (_plot, _min, max) => range(Number.isFinite(max) ? max : 0) },
			},
			axes: [
				{ ...axis, space: 6 * size, size: 1.9 * size, values: (_plot, at) => at.map((s) => timeOfDay(s * 1_000)) },
				{
					...axis,
					...(splits === undefined ? {} : { splits }),
					space: 2.4 * size,
					size: axisWidth * 0.55 * size + 10,
					values: (_plot, at) => at.map(format),
				},
			],
			series: [
				{},
				...lines.map(
					({ colour: name, shape = 'line', draws }): uPlot.Series => ({
						stroke: () => colour(name),
						width: shape === 'line' ? 2 : shape === 'steps' ? 1 : 0,
						points: { show: false },
						...(draws === undefined ? {} : { paths: () => null }),
						...(shape === 'area' ? { fill: () => faded(name, 0.45) } : {}),
						...(shape === 'steps' ? { dash: [4, 4], ...stepped } : {}),
					}),
				),
			],
			// An area ends where the one below it begins.
			bands: lines.flatMap(({ shape }, i) =>
				shape === 'area' && i > 0 ? [{ series: [i + 1, i] as uPlot.Band.Bounds }] : [],
			),
			hooks: {
				drawAxes: [
					(plot) => {
						below?.(plot, rem());
						for (const { draws } of lines) draws?.(plot, rem());
					},
				],
				setCursor: [() => this.#showLegend()],
			},
		};
	}
}

const paths = uPlot.paths.stepped?.({ align: 1 });
const stepped = paths === undefined ? {} : { paths };

const createKey = (): HTMLElement => {
	const swatch = make('span', 'swatch');
	mark(swatch, 'aria-hidden', 'true');
	return make('li', '', swatch, make('span'), make('b'));
};

const createHead = (): HTMLElement => {
	const cell = make('th');
	cell.scope = 'col';
	return cell;
};
