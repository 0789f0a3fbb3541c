import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { ALERTS } from '../../scripts/observability/alerts.js';
import { runbookOf } from '../../scripts/observability/rule.js';
import { complaints } from './support/promql.js';
import { queriesOf } from './support/runbook.js';

vi.setConfig({ testTimeout: 60_000 });

const root = fileURLToPath(new URL('../..', import.meta.url));
const pages = await Promise.all(
	ALERTS.map(async (alert) => ({ ...alert, page: await readFile(root + runbookOf(alert), 'utf8') })),
);
const queries = pages.flatMap(({ name, page }) => queriesOf(page).map((query) => ({ name, query })));

describe('the runbooks', () => {
	it.each(pages)('$name has one, with all of its parts', ({ name, severity, page }) => {
		expect(page.split('\n')[0]).toBe(`# Runbook: ${name}`);
		expect(page).toMatch(new RegExp(`^${severity === 'critical' ? 'Critical' : 'Warning'}\\. Fires `, 'm'));
		const parts = [...page.matchAll(/^## (.*)$/gm)].map(([, title]) => title);
		expect(parts).toEqual(['What it means', 'What to check', 'What to do', 'How to verify']);
	});

	it.each(pages)('$name says with a query how to verify', ({ page }) =>
		expect(queriesOf(page.slice(page.indexOf('## How to verify')))).not.toEqual([]),
	);

	it.each(queries)('$name asks for what there is: $query', ({ query }) => expect(complaints(query)).toEqual([]));

	it.each(pages)('$name leads only to pages and headings that there are', async ({ page }) => {
		for (const [, path = '', heading] of page.matchAll(/\]\(([^)#]*)(?:#([^)]*))?\)/g)) {
			const text = await readFile(`${root}docs/runbooks/${path}`, 'utf8');
			const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
				title
					.toLowerCase()
					.replace(/[^\w -]/g, '')
					.replaceAll(' ', '-'),
			);
			if (heading !== undefined) expect(headings, path).toContain(heading);
		}
	});

	it('are listed on the page about observability and among all pages', async () => {
		const names = (await readdir(`${root}docs/runbooks`)).sort();
		const [observability, all] = await Promise.all(
			['docs/observability.md', 'docs/README.md'].map((path) => readFile(root + path, 'utf8')),
		);
		for (const alert of ALERTS) {
			const file = runbookOf(alert).replace('docs/', '');
			expect(names).toContain(file.replace('runbooks/', ''));
			expect(observability).toContain(`[${alert.name}](${file})`);
		}
		expect(all).toContain('](observability.md)');
	});
});
