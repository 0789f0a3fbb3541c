import { readFile } from 'node:fs/promises';
import * as units from '@grafana/grafana-foundation-sdk/units';
import { describe, expect, it, vi } from 'vitest';
import { dashboard } from '../../scripts/observability/dashboard.js';
import { CATALOGUE, PREFIX } from '../../src/metrics/catalogue.js';
import { boardFile, filledIn, readBoard, shown } from './support/board.js';
import { complaints, selectorsOf } from './support/promql.js';

vi.setConfig({ testTimeout: 60_000 });

/** Metrics that no panel shows, because another one says it better there. */
const NOT_SHOWN = [
	'degradation_level_active',
	'degradation_shedding',
	'intake_probing',
	'last_check_timestamp_seconds',
	'spill_quarantined',
	'spill_recovered_total',
	'skipped_total',
	'fenced_total',
	'tier_registry_version',
];

const board = await readBoard();
const panels = shown(board);
const queries = panels.flatMap(({ title, targets = [] }) =>
	targets.map(({ expr }) => ({ title, expr: filledIn(expr) })),
);

describe('the dashboard', () => {
	it('is what is generated today; if not: npm run docs:observability', async () =>
		// A difference of a thousand lines is no reading; that there is one says enough.
		expect((await readFile(boardFile, 'utf8')) === dashboard()).toBe(true));

	it('has a number and a title of its own for every panel', () => {
		for (const of of ['id', 'title'] as const)
			expect(new Set(panels.map((panel) => panel[of])).size, of).toBe(panels.length);
	});

	it.each(panels)('says what "$title" shows, in which unit', ({ description, fieldConfig }) => {
		expect(description).toMatch(/^.{40,}\.$/);
		expect(Object.values(units)).toContain(fieldConfig?.defaults.unit);
	});

	it.each(queries)('asks for what there is: "$title", $expr', ({ expr }) => expect(complaints(expr)).toEqual([]));

	it('can be asked about a data source, a job, an instance and a shedder', () => {
		expect(board.templating.list.slice(0, 4).map(({ name, type }) => [name, type])).toEqual([
			['datasource', 'datasource'],
			['job', 'query'],
			['instance', 'query'],
			['shedder', 'query'],
		]);
	});

	it.each(board.templating.list.filter(({ type }) => type === 'query'))(
		'finds the values of $name in a metric that has such a label',
		({ definition = '' }) => {
			const [, metric = '', label = ''] = /^label_values\((.*), (\w+)\)$/.exec(definition) ?? [];
			expect(complaints(`count by (${label}) (${filledIn(metric)})`)).toEqual([]);
		},
	);

	it('shows every metric, but for those that another one says better', () => {
		const asked = queries.flatMap(({ expr }) => selectorsOf(expr).map(({ metric }) => metric.slice(PREFIX.length)));
		const missing = CATALOGUE.map(({ name }) => name).filter((name) => !asked.includes(name));
		expect(missing.sort()).toEqual([...NOT_SHOWN].sort());
	});
});
