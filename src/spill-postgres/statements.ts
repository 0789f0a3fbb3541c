import type { Row } from './rows.js';

/** What one statement writes at most. */
export const STATEMENT_RECORDS = 5_000;
export const STATEMENT_BYTES = 8 * 1024 * 1024;
/** Cuts what a single call may have too much of into statements. */
export function* statements(rows: readonly Row[]): Generator<readonly Row[]> {
	let from = 0;
	let bytes = 0;
	for (const [i, row] of rows.entries()) {
		if (i > from && (i - from >= STATEMENT_RECORDS || bytes + row.bytes > STATEMENT_BYTES)) {
			yield rows.slice(from, i);
			from = i;
			bytes = 0;
		}
		bytes += row.bytes;
	}
	if (from < rows.length) yield rows.slice(from);
}
