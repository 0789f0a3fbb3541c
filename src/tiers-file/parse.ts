import { parse } from 'csv-parse/sync';
import { compiledTiers, defineTiers, type Tiers, type TiersSpec } from '../core/tiers.js';
import { delimiterOf } from '../csv/delimiter.js';

/** How a tier file is written. */
export type TierFileFormat = 'json' | 'csv';

/** Wrong lines in one error message. */
const SHOWN_MAX = 5;

/** `.csv` is CSV, everything else JSON. */
export function formatOf(file: string): TierFileFormat {
	return file.toLowerCase().endsWith('.csv') ? 'csv' : 'json';
}

/**
 * Reads the content of a tier file.
 *
 * JSON is what `defineTiers` takes, and that checks its shape. Further properties are ignored, so that a file may carry
 * notes of its own.
 *
 * @param current gives a CSV file the tiers between which it distributes the keys.
 * @throws ConfigError, SyntaxError, CsvError or Error, with what is wrong and where.
 */
export function parseTiers(bytes: Uint8Array, format: TierFileFormat, current: Tiers): Tiers {
	// Fatal, so that another encoding (a spreadsheet's UTF-16) is an error, not a set of keys that no message has.
	const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
	return defineTiers(format === 'json' ? JSON.parse(text) : parseCsv(text, current));
}

/**
 * One row a key: `key,tier`, or with semicolons or tabs. A CSV file distributes keys between tiers that exist; which tiers there are, their order and
 * their priorities are not its business, so a slip in a spreadsheet cannot change what a tier means.
 */
function parseCsv(text: string, current: Tiers): TiersSpec<string> {
	let columns: string[] = [];
	const rows = parse<{ info: { lines: number }; record: Record<string, string> }>(text, {
		columns: (header: string[]) => {
			columns = header.map((column) => column.toLowerCase());
			return columns;
		},
		delimiter: delimiterOf(text),
		info: true,
		skip_empty_lines: true,
		trim: true,
	});
	if (!columns.includes('key') || !columns.includes('tier')) {
		throw new Error(`line 1: a header with the columns "key" and "tier" is needed, got "${columns.join(',')}"`);
	}
	// A broken export is likelier than the wish to have no tiers; JSON can express that wish.
	if (rows.length === 0) throw new Error('there is a header but no key');
	const tiers = compiledTiers(current).tiers.map((tier) => ({ ...tier, keys: [] as string[] }));
	const wrong: string[] = [];
	for (const { info, record } of rows) {
		const { key = '', tier = '' } = record;
		const named = tiers.find(({ name }) => name === tier);
		if (key === '') wrong.push(`line ${info.lines}: the key is empty`);
		else if (named) named.keys.push(key);
		else wrong.push(`line ${info.lines}: key "${key}" has the unknown tier "${tier}"`);
	}
	if (wrong.length) {
		const more = wrong.length > SHOWN_MAX ? [`and ${wrong.length - SHOWN_MAX} more`] : [];
		throw new Error([...wrong.slice(0, SHOWN_MAX), ...more, `(tiers: ${current.names.join(', ')})`].join('\n'));
	}
	// Keys listed under the fallback need no entry: it is where they would be anyway.
	return { tiers: tiers.slice(0, -1), fallback: tiers[tiers.length - 1] as (typeof tiers)[number] };
}
