import { ConfigError, type Problem } from '../core/errors.js';
import type { Column } from './select.js';
import { listed, show } from './shown.js';
import { MS_FROM, readTime, type TimeUnit, timeUnitOf } from './time.js';

const PROBLEMS_MAX = 10;
const TIME_NAMES = /^(time|t|timestamp|ts|date|datetime|at|epoch)([_ ]?(ms|s|sec|secs|seconds|millis|milliseconds))?$/i;
const UNKNOWN = /^([+-]?(nan|inf|infinity)|null|none|undefined|-)?$/i;

/** Fills columns row by row, and remembers the first things that are wrong. */
export class Columns {
	readonly timesMs: number[] = [];
	/** What is wrong with the first cell of each column without any number, by its name. Known when it is finished. */
	readonly text: Record<string, string> = Object.create(null);
	readonly #columns: { name: string; values: number[]; numbers: number; wrong: Problem[] }[];
	readonly #timeName: string;
	readonly #problems: Problem[] = [];
	#unit: TimeUnit | undefined;

	/** @param names of the series, without the time. */
	constructor(timeName: string, names: readonly string[]) {
		this.#timeName = timeName;
		this.#columns = names.map((name) => ({ name, values: [], numbers: 0, wrong: [] }));
		const twice = names.find((name, i) => names.indexOf(name) !== i);
		if (twice !== undefined) this.#problem('header', `header: column ${show(twice)} must be there once`);
		this.#stopAt(1);
	}

	/** @param where what a message begins with, such as `line 7`. */
	add(where: string, time: unknown, cells: ArrayLike<unknown>): void {
		const name = this.#timeName;
		this.#unit ??= timeUnitOf(name, time);
		const timeMs = readTime(time, this.#unit);
		const last = this.timesMs.at(-1) ?? Number.NEGATIVE_INFINITY;
		if (Number.isNaN(timeMs)) {
			const what = this.#unit === 'date' ? 'a date such as 2026-11-24T02:00:00Z' : 'a number';
			this.#problem(where, `${where}: ${name} ${show(time)} must be ${what}`);
		} else if (timeMs <= last) {
			this.#problem(where, `${where}: ${name} ${show(time)} must be later than that of the row before it`);
		} else if (this.#unit === 's' && timeMs >= 1000 * MS_FROM) {
			const rule = 'in seconds: it looks like milliseconds, and a column has one unit';
			this.#problem(where, `${where}: ${name} ${show(time)} must be ${rule}`);
		}
		this.#stopAt(PROBLEMS_MAX);
		this.timesMs.push(timeMs);
		this.#columns.forEach((column, i) => {
			const cell = cells[i];
			const value = numberOf(cell);
			if (value !== undefined) column.numbers += Number(!Number.isNaN(value));
			else if (column.wrong.length < PROBLEMS_MAX) {
				column.wrong.push({ path: where, message: `${where}: ${column.name} ${show(cell)} must be a number` });
			}
			column.values.push(value ?? Number.NaN);
		});
	}

	/** @throws ConfigError with what was wrong. A column without any number is text, and left out. */
	finish(): readonly Column[] {
		const numeric = this.#columns.filter(({ numbers, wrong }) => numbers > 0 || wrong.length === 0);
		this.#problems.push(...numeric.flatMap(({ wrong }) => wrong));
		for (const { name, numbers, wrong } of this.#columns) {
			if (numbers === 0 && wrong[0] !== undefined) this.text[name] = wrong[0].message;
		}
		this.#stopAt(1);
		return numeric.map(({ name, values }) => ({ name, labels: undefined, values }));
	}

	#problem(path: string, message: string): void {
		this.#problems.push({ path, message });
	}

	#stopAt(count: number): void {
		if (this.#problems.length >= count) throw new ConfigError('trace', this.#problems.slice(0, PROBLEMS_MAX));
	}
}

/** Which of the columns is the time. @throws ConfigError */
export function timeColumnOf(names: readonly string[], wanted: string | undefined): string {
	const found = names.find((name) => (wanted === undefined ? TIME_NAMES.test(name) : name === wanted));
	if (found !== undefined) return found;
	const what = wanted === undefined ? 'time (or t, timestamp, ts, date, timeMs)' : show(wanted);
	const message = `header: there must be a column ${what}; there are ${listed(names.map(show))}`;
	throw new ConfigError('trace', [{ path: 'header', message }]);
}

/** `NaN` is an unknown reading, `undefined` no number at all. */
function numberOf(cell: unknown): number | undefined {
	if (typeof cell === 'number') return Number.isFinite(cell) ? cell : Number.NaN;
	if (cell === null || cell === undefined) return Number.NaN;
	if (typeof cell !== 'string') return undefined;
	const text = cell.trim();
	if (UNKNOWN.test(text)) return Number.NaN;
	const value = Number(text);
	return Number.isNaN(value) ? undefined : value;
}
