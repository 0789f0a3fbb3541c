import { ConfigError } from '../core/errors.js';
import { Columns, timeColumnOf } from './columns.js';
import { show } from './shown.js';

/** One object a row; a series may be missing in some of them. @throws ConfigError */
export function readRows(rows: readonly { where: string; row: unknown }[], timeColumn: string | undefined) {
	const names = new Set<string>();
	for (const { where, row } of rows) {
		if (typeof row !== 'object' || row === null || Array.isArray(row)) {
			const message = `${where}: ${show(row)} must be an object such as {"time": 0, "lag": 10}`;
			throw new ConfigError('trace', [{ path: where, message }]);
		}
		for (const name of Object.keys(row)) names.add(name);
	}
	const timeName = timeColumnOf([...names], timeColumn);
	names.delete(timeName);
	const series = [...names];
	const columns = new Columns(timeName, series);
	for (const { where, row } of rows as { where: string; row: { readonly [name: string]: unknown } }[]) {
		columns.add(
			where,
			row[timeName],
			series.map((name) => row[name]),
		);
	}
	return { columns: columns.finish(), timesMs: columns.timesMs, text: columns.text };
}
