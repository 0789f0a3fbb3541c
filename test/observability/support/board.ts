import { readFile } from 'node:fs/promises';

/** What the tests read of the dashboard's file. */
export interface Board {
	readonly panels: readonly BoardPanel[];
	readonly templating: {
		readonly list: readonly { readonly name: string; readonly type: string; readonly definition?: string }[];
	};
}

export interface BoardPanel {
	readonly id: number;
	readonly type: string;
	readonly title: string;
	readonly description?: string;
	readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
	readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

export const boardFile = new URL('../../../examples/observability/dashboard.json', import.meta.url);

export async function readBoard(): Promise<Board> {
	return JSON.parse(await readFile(boardFile, 'utf8')) as Board;
}

/** The panels that show something, without the rows that hold them. */
export function shown({ panels }: Board): readonly BoardPanel[] {
	return panels.filter(({ type }) => type !== 'row');
}

/**
 * What Grafana makes of a query when everything is chosen.
 *
 * @param window  of rates, as Prometheus writes it.
 */
export function filledIn(expr: string, window = '1m'): string {
	return expr.replaceAll('$__rate_interval', window).replaceAll(/\$(job|instance|shedder|signal)/g, '.*');
}
