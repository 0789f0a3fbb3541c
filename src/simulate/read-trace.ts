import { ConfigError } from '../core/errors.js';
import { readCsv } from './read-csv.js';
import { readPrometheus } from './read-prometheus.js';
import { readRows } from './read-rows.js';
import { type Column, select } from './select.js';
import { show } from './shown.js';
import type { Trace } from './trace.js';

export interface ReadTraceOptions {
	/**
	 * Where series come from whose names differ: `{ lag: 'kafka_consumergroup_lag{topic="quotes"}' }`. A name, or a
	 * Prometheus selector; `sum(...)`, `max(...)`, `min(...)` or `avg(...)` of all series that match; times or divided by a
	 * number (`'lag_seconds * 1000'`); or a number alone, for what was not recorded (`{ heap: '0.4' }`).
	 */
	readonly map?: { readonly [name: string]: string } | undefined;
	/** The column of the time. Default: `time`, `t`, `timestamp`, `ts`, `date`, ..., also with the unit behind it: `timeMs`. */
	readonly timeColumn?: string | undefined;
}

/** What a binary file, or UTF-16, soon turns into when it is read as UTF-8. Latin-1 does not: its names may be all that suffers. */
const NO_TEXT = /\0|\uFFFD{3}/;
const NO_TEXT_WITHIN = 1_000;

/** More points than this do not fit into a look at a screen, nor into memory with comfort. */
const POINTS_MAX = 5_000_000;

/**
 * Reads a recording: CSV with a header, JSON with an object a line (NDJSON) or an array of them, or the answer of a
 * Prometheus range query. Which of them is seen from the text.
 *
 * Times are numbers (seconds, or ms when the column says so or the numbers are that large) or ISO dates, UTC unless they
 * say otherwise. An empty cell, `null`, `NaN` and infinities are unknown readings. Columns without any number are text, and
 * no series.
 *
 * @throws ConfigError with line, column and value of what is wrong, up to ten of them.
 */
export function readTrace(text: string, options: ReadTraceOptions = {}): Trace {
	const { timesMs, columns, text: columnsOfText } = readColumns(text, options.timeColumn);
	if (timesMs.length < 2) fail(`rows: ${timesMs.length} must be at least 2, or there is no time to replay`);
	if (timesMs.length * columns.length > POINTS_MAX) {
		fail(`points: ${timesMs.length * columns.length} must be at most ${POINTS_MAX}; export a longer step`);
	}
	const series: Record<string, ArrayLike<number>> = Object.create(null);
	for (const { name, values } of columns) series[name] = values;
	for (const [name, selector] of Object.entries(options.map ?? {})) {
		series[name] = select(name, selector, columns, columnsOfText, timesMs.length);
	}
	return { timesMs, series, text: columnsOfText };
}

function readColumns(
	text: string,
	timeColumn: string | undefined,
): {
	readonly timesMs: ArrayLike<number>;
	readonly columns: readonly Column[];
	readonly text: { readonly [name: string]: string };
} {
	const body = text.replace(/^\uFEFF/, '').trim();
	if (body === '') fail('the recording is empty');
	if (NO_TEXT.test(body.slice(0, NO_TEXT_WITHIN))) fail('the recording must be text in UTF-8: CSV, NDJSON or JSON');
	if (!/^[[{]/.test(body)) return readCsv(body, timeColumn);
	const whole = parseWhole(body);
	if (whole === undefined) return readRows(rowsOfLines(body), timeColumn);
	if (Array.isArray(whole))
		return readRows(
			whole.map((row, i) => ({ where: `row ${i + 1}`, row })),
			timeColumn,
		);
	const { data, status, error } = whole as { data?: unknown; status?: unknown; error?: unknown };
	if (status === 'error') fail(`Prometheus answered with an error: ${String(error)}`);
	if (data !== undefined || 'resultType' in whole) return readPrometheus(data ?? whole);
	return readRows([{ where: 'line 1', row: whole }], timeColumn);
}

/** The text as one JSON value; `undefined` when it is a value a line. */
function parseWhole(text: string): object | undefined {
	try {
		return JSON.parse(text);
	} catch (error) {
		if (text.startsWith('[') || !text.includes('\n')) fail(`the JSON cannot be read: ${(error as Error).message}`);
		return undefined;
	}
}

function rowsOfLines(text: string): { where: string; row: unknown }[] {
	return text.split('\n').flatMap((line, i) => {
		if (line.trim() === '') return [];
		try {
			return [{ where: `line ${i + 1}`, row: JSON.parse(line) }];
		} catch {
			return fail(`line ${i + 1}: ${show(line)} must be a JSON object`);
		}
	});
}

function fail(message: string): never {
	throw new ConfigError('trace', [{ path: 'trace', message }]);
}
