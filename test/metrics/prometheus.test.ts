import {
	AggregatorRegistry,
	Counter,
	collectDefaultMetrics,
	Gauge,
	type OpenMetricsContentType,
	type PrometheusContentType,
	Registry,
} from 'prom-client';
import { describe, expect, it } from 'vitest';
import type { Observable, Stats } from '../../src/index.js';
import { CATALOGUE } from '../../src/metrics/catalogue.js';
import { prometheusMetrics } from '../../src/prometheus/index.js';
import { driver } from '../control/driver.js';
import { readScrape } from './scrape.js';

describe('prometheusMetrics', () => {
	it('shows every metric of the catalogue under its name, kind and help, and nothing else', async () => {
		const registry = new Registry();
		prometheusMetrics(driver().shedder, { registry });
		const { types, help, samples } = readScrape(await registry.metrics());
		expect([...types.keys()]).toEqual(CATALOGUE.map(({ name }) => `brownout_${name}`));
		for (const metric of CATALOGUE) {
			expect(types.get(`brownout_${metric.name}`)).toBe(metric.kind);
			expect(help.get(`brownout_${metric.name}`)).toBe(metric.help);
		}
		for (const id of samples.keys()) expect(id, 'there is no other to tell it from').not.toContain('shedder');
	});

	it('has the names of its predecessor under its prefix', async () => {
		const registry = new Registry();
		const { shedder, at } = driver();
		prometheusMetrics(shedder, { registry, prefix: 'k2_' });
		await at('GRACEFUL');
		await shedder.wrap(() => 'done')({ key: 'x', priority: 'low' });
		const scraped = await registry.metrics();
		expect(scraped.split('\n'), 'just as it was printed').toContain('k2_degradation_level 2');
		const { samples } = readScrape(scraped);
		const labels = 'cause="load",from_level="NORMAL",to_level="GRACEFUL"';
		expect(samples.get(`k2_degradation_transitions_total{${labels}}`)).toBe(1);
		const shed = 'action="drop",level="GRACEFUL",tier="bronze"';
		expect(samples.get(`k2_messages_shed_total{${shed}}`)).toBe(1);
	});

	it('shows two shedders on one registry, neither hiding the other', async () => {
		const registry = new Registry();
		const [a, b] = [driver(), driver()];
		prometheusMetrics(a.shedder, { registry, name: 'trades', labels: { venue: 'ASX' } });
		prometheusMetrics(b.shedder, { registry, name: 'quotes', labels: { venue: 'NZX' } });
		await a.at('AGGRESSIVE');
		await b.at('SOFT');
		const { samples } = readScrape(await registry.metrics());
		expect(samples.get('brownout_degradation_level{shedder="trades",venue="ASX"}')).toBe(3);
		expect(samples.get('brownout_degradation_level{shedder="quotes",venue="NZX"}')).toBe(1);
	});

	it('numbers shedders without a name from the second one on, in the order in which they come', async () => {
		const registry = new Registry();
		const ids = async () =>
			[...readScrape(await registry.metrics()).samples.keys()].filter((id) => id.includes('_degradation_level{'));
		const attach = (more = {}) => prometheusMetrics(driver().shedder, { registry, ...more });
		const first = attach();
		const named = attach({ name: 'quotes' });
		const second = attach();
		attach({ name: '3' });
		attach();
		attach({ prefix: 'k2_' });
		expect(await ids()).toEqual([
			'brownout_degradation_level{}',
			'brownout_degradation_level{shedder="quotes"}',
			'brownout_degradation_level{shedder="2"}',
			'brownout_degradation_level{shedder="3"}',
			'brownout_degradation_level{shedder="4"}',
			'k2_degradation_level{}',
		]);
		expect(() => attach({ name: '2' }), 'a number that is in use is no name').toThrow('name: "2" must be unique');
		second.detach();
		attach();
		second.detach();
		expect(await ids(), 'the number is another one’s now').toContain('brownout_degradation_level{shedder="2"}');
		first.detach();
		named.detach();
		expect(await ids(), 'nobody changes his name').not.toContain('brownout_degradation_level{}');
		attach();
		expect(await ids()).toContain('brownout_degradation_level{}');
	});

	it('reads at scrape time, each shedder once for all metrics', async () => {
		const registry = new Registry();
		const { shedder, at } = driver();
		let reads = 0;
		const observable: Observable = {
			stats() {
				reads++;
				return shedder.stats();
			},
		};
		prometheusMetrics(observable, { registry });
		expect(reads).toBe(0);
		await registry.metrics();
		expect(reads).toBe(1);
		await at('SOFT');
		expect(reads).toBe(1);
		const { samples } = readScrape(await registry.metrics());
		expect(reads).toBe(2);
		expect(samples.get('brownout_degradation_level{}')).toBe(1);
		expect(await registry.getSingleMetricAsString('brownout_degradation_level')).toContain(
			'brownout_degradation_level 1',
		);
		expect(reads, 'a single metric is fresh too').toBe(3);
	});

	it('aggregates a cluster by the highest level and the sum of counts', async () => {
		const workers = await Promise.all(
			(['AGGRESSIVE', 'SOFT'] as const).map(async (level) => {
				const registry = new Registry();
				const made = driver();
				prometheusMetrics(made.shedder, { registry });
				await made.at(level);
				for (let n = 0; n < 4; n++) await made.shedder.wrap(() => 'done', { name: `h${n}` })({ key: 'G1' });
				if (level === 'SOFT') {
					made.setLoad(Number.NaN);
					await made.clock.advance(1_000);
					await made.shedder.check();
				}
				// As workers send it: what JSON cannot say, such as NaN, would arrive as null and count as 0.
				return JSON.parse(JSON.stringify(await registry.getMetricsAsJSON()));
			}),
		);
		const { samples } = readScrape(await AggregatorRegistry.aggregate(workers).metrics());
		expect(samples.get('brownout_degradation_level{}'), '3 and 1 are no 4').toBe(3);
		expect(samples.get('brownout_messages_offered_total{}')).toBe(8);
		expect(samples.get('brownout_signal_value{signal="load"}'), 'of the one that knows').toBe(30);
		expect(samples.get('brownout_signal_unknown{signal="load"}')).toBe(1);
		expect(samples.get('brownout_degradation_level_active{level="SOFT"}')).toBe(1);
		expect(samples.get('brownout_degradation_level_active{level="AGGRESSIVE"}')).toBe(1);
	});

	it('fits an OpenMetrics registry, which renames counters, and goes back to the plain format', async () => {
		const registry = new Registry<OpenMetricsContentType | PrometheusContentType>();
		registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
		const { shedder } = driver();
		const { detach } = prometheusMetrics(shedder, { registry });
		for (let scrape = 0; scrape < 2; scrape++) {
			const text = await registry.metrics();
			expect(text).toContain('# TYPE brownout_messages_offered counter\nbrownout_messages_offered_total 0');
			expect(text).not.toContain('_total_total');
			expect(text.endsWith('# EOF\n')).toBe(true);
		}
		registry.setContentType(Registry.PROMETHEUS_CONTENT_TYPE);
		const plain = await registry.metrics();
		expect(plain).toContain('# TYPE brownout_messages_offered_total counter\nbrownout_messages_offered_total 0');
		registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
		await registry.metrics();
		// The names that the registry keeps are those from before the renaming.
		detach();
		expect(registry.getMetricsAsArray()).toEqual([]);
	});

	it('detaches its own shedder only, and the metrics with the last one', async () => {
		const registry = new Registry();
		collectDefaultMetrics({ register: registry });
		const own = new Gauge({ name: 'brownout_in_my_house', help: 'mine', registers: [registry] });
		own.set(1);
		const foreign = registry.getMetricsAsArray().length;
		const a = prometheusMetrics(driver().shedder, { registry, name: 'a' });
		const b = prometheusMetrics(driver().shedder, { registry, name: 'b' });
		const other = prometheusMetrics(driver().shedder, { registry, name: 'a', prefix: 'k2_' });
		a.detach();
		a.detach();
		const after = readScrape(await registry.metrics()).samples;
		expect(after.has('brownout_degradation_level{shedder="a"}')).toBe(false);
		expect(after.has('brownout_degradation_level{shedder="b"}')).toBe(true);
		expect(after.has('k2_degradation_level{shedder="a"}')).toBe(true);
		const again = prometheusMetrics(driver().shedder, { registry, name: 'a' });
		a.detach();
		expect(await registry.metrics(), 'the name is another one’s now').toContain(
			'brownout_degradation_level{shedder="a"}',
		);
		for (const { detach } of [b, other, again]) detach();
		expect(registry.getMetricsAsArray()).toHaveLength(foreign);
		expect(registry.getSingleMetric('brownout_in_my_house')).toBe(own);
		prometheusMetrics(driver().shedder, { registry, name: 'a' });
		expect(await registry.metrics()).toContain('brownout_degradation_level{shedder="a"} 0');
	});

	it('leaves a metric alone that took the place of one of ours', () => {
		const registry = new Registry();
		const { detach } = prometheusMetrics(driver().shedder, { registry });
		registry.removeSingleMetric('brownout_flaps_total');
		const theirs = new Counter({ name: 'brownout_flaps_total', help: 'theirs', registers: [registry] });
		detach();
		expect(registry.getMetricsAsArray()).toEqual([theirs]);
	});

	it('is complete again after the registry was cleared and the next shedder is attached', async () => {
		const registry = new Registry();
		prometheusMetrics(driver().shedder, { registry, name: 'a' });
		registry.clear();
		expect(await registry.metrics()).toBe('\n');
		prometheusMetrics(driver().shedder, { registry, name: 'b' });
		const { samples } = readScrape(await registry.metrics());
		for (const name of ['a', 'b']) expect(samples.has(`brownout_degradation_level{shedder="${name}"}`)).toBe(true);
	});

	it('shows no series of what has gone since the last scrape', async () => {
		const registry = new Registry();
		let stats: Stats = driver().shedder.stats();
		prometheusMetrics({ stats: () => stats }, { registry });
		expect(await registry.metrics()).toContain('tier="gold"');
		stats = { ...stats, tiers: { ...stats.tiers, names: ['only'], priorities: [[]], keys: [] }, decisions: [] };
		const text = await registry.metrics();
		expect(text).not.toContain('tier="gold"');
	});

	it('costs a message nothing: a scrape reads what is counted anyway', async () => {
		const registry = new Registry();
		const { shedder } = driver();
		let reads = 0;
		prometheusMetrics({ stats: () => ({ ...shedder.stats(), ...{ reads: ++reads } }) }, { registry });
		const handle = shedder.wrap(() => 'done');
		let scraped = '';
		for (let n = 0; n < 1_000; n++) {
			await handle({ key: 'G1', n });
			if (n % 500 === 499) scraped = await registry.metrics();
		}
		expect(readScrape(scraped).samples.get('brownout_messages_offered_total{}')).toBe(1_000);
		expect(reads, 'once a scrape, whatever the messages do').toBe(2);
		// Nothing of prom-client was held for a message either: no metric but ours, and all of them collect.
		for (const metric of registry.getMetricsAsArray()) expect(metric).toHaveProperty('collect');
	});

	it.each([
		[{ registry: undefined }, 'registry: undefined must be a Registry of prom-client'],
		[{ name: '' }, 'name: "" must be 1 to 200 characters'],
		[{ prefix: '2k_' }, 'prefix: "2k_" must be letters, digits, _ and :, no digit first'],
		[
			{ labels: { tier: 'x' } },
			'labels.tier: "tier" must be letters, digits and _, and no label of the metrics themselves',
		],
		[{ labels: { __a: 'x' } }, 'labels.__a: "__a" must be letters'],
		[{ labels: { shard: 7 as never } }, 'labels.shard: 7 must be a text'],
	])('refuses %o', (wrong, complaint) => {
		const registry = new Registry();
		const { shedder } = driver();
		expect(() => prometheusMetrics(shedder, { registry, ...wrong } as never)).toThrow(complaint);
		expect(registry.getMetricsAsArray()).toEqual([]);
	});

	it('refuses what is no shedder, a name that is taken, other label names, and a metric that is not ours', () => {
		const registry = new Registry();
		const { shedder } = driver();
		expect(() => prometheusMetrics({} as never, { registry })).toThrow('observable: an object must be a shedder');
		new Counter({ name: 'brownout_flaps_total', help: 'theirs', registers: [registry] });
		expect(() => prometheusMetrics(shedder, { registry })).toThrow(
			'registry: "brownout_flaps_total" must be free: it has a metric of that name',
		);
		expect(registry.getMetricsAsArray(), 'nothing is half registered').toHaveLength(1);
		registry.clear();
		prometheusMetrics(shedder, { registry, name: 'a', labels: { shard: '1' } });
		expect(() => prometheusMetrics(shedder, { registry, name: 'a', labels: { shard: '2' } })).toThrow(
			'name: "a" must be unique: another shedder is attached as that',
		);
		expect(() => prometheusMetrics(shedder, { registry, name: 'b' })).toThrow(
			'labels: "" must be the same names as those of the shedders before (shard)',
		);
	});
});
