import type { Options } from './options.js';

/** The table as SQL names it. */
export function quoted({ schema, table }: Pick<Options, 'schema' | 'table'>): string {
	return [schema, table].map((name) => `"${name.replaceAll('"', '""')}"`).join('.');
}
