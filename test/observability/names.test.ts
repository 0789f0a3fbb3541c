import { describe, expect, it } from 'vitest';
import { ALERTS } from '../../scripts/observability/alerts.js';
import { RECORDINGS } from '../../scripts/observability/recordings.js';
import { complaints } from './support/promql.js';

describe('the names in the rules', () => {
	it.each(ALERTS)('of $name are in the catalogue', ({ expr }) => expect(complaints(expr)).toEqual([]));
	it.each(RECORDINGS)('of $record are in the catalogue', ({ expr }) => expect(complaints(expr)).toEqual([]));
});

describe('the check of the names', () => {
	it.each([
		['brownout_flaps', 'there is no metric brownout_flaps'],
		['rate({__name__="brownout_flaps_total"}[5m])', 'there is no metric rate({__name__="brownout_flaps_total"}[5m])'],
		['brownout_flaps_total{level="SOFT"}', 'brownout_flaps_total has no label level'],
		['brownout_decisions_total{action="shed"}', 'action of brownout_decisions_total is never shed'],
		['brownout_mode_active{mode!="enforced"}', 'mode of brownout_mode_active is never enforced'],
		['sum by (tier) (brownout_flaps_total)', 'none of brownout_flaps_total has a label tier'],
		['sum without (tier) (rate(brownout_flaps_total[5m]))', 'none of brownout_flaps_total has a label tier'],
		[
			'brownout_flaps_total and ignoring (mode) brownout_overridden',
			'none of brownout_flaps_total, brownout_overridden has a label mode',
		],
	])('refuses %s', (query, complaint) => expect(complaints(query)).toEqual([complaint]));

	it('refuses what is no PromQL', () => {
		for (const query of ['sum(brownout_flaps_total', 'brownout_flaps_total >', 'sum by brownout_flaps_total'])
			expect(complaints(query).join()).toContain('no PromQL');
	});

	it('accepts the labels of targets and of both sides', () =>
		expect(
			complaints(
				'sum by (job, instance, mode) (brownout_mode_active{mode=~"enf.*"}) * on (job, shedder) brownout_flaps_total{job="a"}',
			),
		).toEqual([]));
});
