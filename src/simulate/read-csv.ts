import { parse } from 'csv-parse/sync';
import { ConfigError } from '../core/errors.js';
import { delimiterOf } from '../csv/delimiter.js';
import { Columns, timeColumnOf } from './columns.js';
import type { Column } from './select.js';
import { cut } from './shown.js';

/** The parser's messages hold what it has met. */
const MESSAGE_MAX = 200;

/** A table with a header; commas, semicolons or tabs, by its header. @throws ConfigError */
export function readCsv(text: string, timeColumn: string | undefined) {
	const [header, ...rows] = parseCsv(text);
	const names = header?.record ?? [];
	const timeName = timeColumnOf(names, timeColumn);
	const timeIndex = names.indexOf(timeName);
	// A column without a name is an index that some other program wrote.
	const kept = names.flatMap((name, i) => (i === timeIndex || name === '' ? [] : [i]));
	const columns = new Columns(
		timeName,
		kept.map((i) => names[i] as string),
	);
	for (const { info, record } of rows) {
		columns.add(
			`line ${info.lines}`,
			record[timeIndex],
			kept.map((i) => record[i]),
		);
	}
	const found: readonly Column[] = columns.finish();
	return { timesMs: columns.timesMs, columns: found, text: columns.text };
}

function parseCsv(text: string) {
	try {
		const rows: unknown = parse(text, {
			delimiter: delimiterOf(text),
			info: true,
			skip_empty_lines: true,
			trim: true,
		});
		return rows as { readonly info: { readonly lines: number }; readonly record: readonly string[] }[];
	} catch (error) {
		// Its message names the line.
		throw new ConfigError('trace', [{ path: 'csv', message: cut((error as Error).message, MESSAGE_MAX) }]);
	}
}
