import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { withReference } from '../../scripts/reference-of-metrics.js';
import { CATALOGUE } from '../../src/metrics/catalogue.js';
import { LABELS } from '../../src/metrics/labels.js';

const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');

describe('the reference of the metrics', () => {
	it('is that of the catalogue; if not: npm run docs:metrics', () => expect(withReference(page)).toBe(page));

	it('has every metric and every label', () => {
		for (const { name } of CATALOGUE) expect(page).toContain(`| \`brownout_${name}\` |`);
		for (const label of Object.keys(LABELS)) expect(page).toContain(`| \`${label}\` |`);
	});

	it('refuses a page without a place for it', () => {
		expect(() => withReference('# Metrics')).toThrow('the page needs a line');
	});
});
