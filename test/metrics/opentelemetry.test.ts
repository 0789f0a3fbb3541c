import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import {
	AggregationTemporality,
	InMemoryMetricExporter,
	MeterProvider,
	PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { Registry } from 'prom-client';
import { afterEach, describe, expect, it } from 'vitest';
import { memorySpill, type Observable } from '../../src/index.js';
import { CATALOGUE } from '../../src/metrics/catalogue.js';
import { openTelemetryMetrics } from '../../src/opentelemetry/index.js';
import { prometheusMetrics } from '../../src/prometheus/index.js';
import { driver } from '../control/driver.js';
import { readScrape } from './scrape.js';

const providers: MeterProvider[] = [];
afterEach(async () => {
	for (const provider of providers.splice(0)) await provider.shutdown();
});

/** A meter whose metrics are scraped as Prometheus does it, without a port. */
function scraped() {
	const exporter = new PrometheusExporter({ preventServerStart: true });
	const provider = new MeterProvider({ readers: [exporter] });
	providers.push(provider);
	const serializer = new PrometheusSerializer('', false, undefined, true, true);
	return {
		meter: provider.getMeter('brownout'),
		async scrape() {
			const { resourceMetrics, errors } = await exporter.collect();
			expect(errors).toEqual([]);
			return readScrape(serializer.serialize(resourceMetrics));
		},
	};
}

describe('openTelemetryMetrics', () => {
	it('yields what prometheusMetrics yields: same names, types, help, labels and values', async () => {
		const registry = new Registry();
		const { meter, scrape } = scraped();
		const { shedder, at, clock } = driver({ spill: memorySpill(), priorityOf: (message) => message.priority });
		for (const prefix of ['brownout_', 'k2_']) {
			prometheusMetrics(shedder, { registry, prefix, labels: { venue: 'ASX' } });
			openTelemetryMetrics(shedder, { meter, prefix, labels: { venue: 'ASX' } });
		}
		const handle = shedder.wrap(() => 'done');
		for (const level of ['NORMAL', 'GRACEFUL', 'AGGRESSIVE'] as const) {
			await at(level);
			for (const priority of [undefined, 'low'] as const) await handle({ key: 'x', priority });
			await clock.advance(10);
			const [theirs, ours] = [await scrape(), readScrape(await registry.metrics())];
			expect(Object.fromEntries(theirs.samples)).toEqual(Object.fromEntries(ours.samples));
			// An instrument that has never seen a value is not exported at all.
			for (const [name, type] of theirs.types) expect(ours.types.get(name)).toBe(type);
			for (const [name, help] of theirs.help) expect(ours.help.get(name)).toBe(help);
			const silent = [...ours.types.keys()].filter((name) => !theirs.types.has(name));
			for (const name of silent) {
				const metric = CATALOGUE.find((one) => name.endsWith(one.name));
				expect(metric?.absent, name).toBeDefined();
			}
		}
		await shedder.stop();
	});

	it('differs in what has vanished: there it is NaN, where a registry has nothing', async () => {
		const registry = new Registry();
		const { meter, scrape } = scraped();
		const { shedder } = driver();
		prometheusMetrics(shedder, { registry });
		openTelemetryMetrics(shedder, { meter });
		const end = shedder.override({ level: 'SOFT', ttlMs: 60_000, reason: 'drill' });
		const id = 'brownout_override_remaining_seconds{}';
		expect((await scrape()).samples.get(id)).toBe(60);
		end();
		for (let scrapes = 0; scrapes < 2; scrapes++) {
			expect((await scrape()).samples.get(id), 'not the 60 of before').toBeNaN();
			expect(readScrape(await registry.metrics()).samples.has(id)).toBe(false);
		}
		shedder.override({ level: 'SOFT', ttlMs: 30_000, reason: 'drill' });
		expect((await scrape()).samples.get(id)).toBe(30);
	});

	it('shows two shedders on one meter, each read once a collection', async () => {
		const { meter, scrape } = scraped();
		const [a, b] = [driver(), driver()];
		let reads = 0;
		const counting: Observable = {
			stats() {
				reads++;
				return a.shedder.stats();
			},
		};
		openTelemetryMetrics(counting, { meter, name: 'a' });
		openTelemetryMetrics(b.shedder, { meter, name: 'b' });
		await b.at('AGGRESSIVE');
		const { samples } = await scrape();
		expect(samples.get('brownout_degradation_level{shedder="a"}')).toBe(0);
		expect(samples.get('brownout_degradation_level{shedder="b"}')).toBe(3);
		expect(reads).toBe(1);
	});

	it('numbers shedders without a name from the second one on, as a registry of prom-client does', async () => {
		const { meter, scrape } = scraped();
		const registry = new Registry();
		const shedders = await Promise.all(
			(['NORMAL', 'SOFT', 'GRACEFUL'] as const).map(async (level) => {
				const { shedder, at } = driver();
				await at(level);
				return shedder;
			}),
		);
		for (const shedder of shedders) {
			prometheusMetrics(shedder, { registry });
			openTelemetryMetrics(shedder, { meter });
		}
		const { samples } = await scrape();
		expect(samples.get('brownout_degradation_level{}')).toBe(0);
		expect(samples.get('brownout_degradation_level{shedder="2"}')).toBe(1);
		expect(samples.get('brownout_degradation_level{shedder="3"}')).toBe(2);
		expect(Object.fromEntries(samples)).toEqual(Object.fromEntries(readScrape(await registry.metrics()).samples));
	});

	it('gives a number to the next one when it was detached', async () => {
		const { meter, scrape } = scraped();
		const attach = () => openTelemetryMetrics(driver().shedder, { meter });
		attach();
		const second = attach();
		second.detach();
		const again = attach();
		second.detach();
		expect((await scrape()).samples.get('brownout_degradation_level{shedder="2"}')).toBe(0);
		attach();
		again.detach();
		expect([...(await scrape()).samples.keys()]).toContain('brownout_degradation_level{shedder="3"}');
	});

	it('stops reading when detached, and leaves the other shedder alone', async () => {
		const { meter, scrape } = scraped();
		const [a, b] = [driver(), driver()];
		let reads = 0;
		const counting: Observable = {
			stats() {
				reads++;
				return a.shedder.stats();
			},
		};
		const { detach } = openTelemetryMetrics(counting, { meter, name: 'a' });
		openTelemetryMetrics(b.shedder, { meter, name: 'b' });
		detach();
		const again = openTelemetryMetrics(a.shedder, { meter, name: 'a' });
		detach();
		expect(() => openTelemetryMetrics(a.shedder, { meter, name: 'a' }), 'the name is taken').toThrow('unique');
		await b.at('SOFT');
		const { samples } = await scrape();
		expect(reads).toBe(0);
		expect(samples.get('brownout_degradation_level{shedder="b"}')).toBe(1);
		again.detach();
		openTelemetryMetrics(a.shedder, { meter, name: 'a' });
	});

	it('has units in its names and as metadata, and sums that only grow where readers want deltas', async () => {
		const exporter = new InMemoryMetricExporter(AggregationTemporality.DELTA);
		const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
		const provider = new MeterProvider({ readers: [reader] });
		providers.push(provider);
		const { shedder } = driver();
		openTelemetryMetrics(shedder, { meter: provider.getMeter('brownout') });
		const handle = shedder.wrap(() => 'done');
		const offered: unknown[] = [];
		for (const messages of [3, 2]) {
			for (let n = 0; n < messages; n++) await handle({ key: 'x' });
			exporter.reset();
			await provider.forceFlush();
			const metrics = exporter.getMetrics()[0]?.scopeMetrics[0]?.metrics ?? [];
			const unitOf = (name: string) => metrics.find(({ descriptor }) => descriptor.name === name)?.descriptor.unit;
			expect(unitOf('brownout_check_seconds_total')).toBe('s');
			expect(unitOf('brownout_messages_offered_total')).toBe('{message}');
			const found = metrics.find(({ descriptor }) => descriptor.name === 'brownout_messages_offered_total');
			offered.push(found?.dataPoints[0]?.value);
		}
		expect(offered).toEqual([3, 2]);
	});

	it('refuses a wrong meter, a wrong prefix and a name that is taken', () => {
		const { shedder } = driver();
		const { meter } = scraped();
		expect(() => openTelemetryMetrics(shedder, { meter: {} as never, prefix: ' ' })).toThrow(
			/meter: an object must be a Meter of @opentelemetry\/api[\s\S]*prefix: " " must be letters/,
		);
		openTelemetryMetrics(shedder, { meter, name: 'a' });
		expect(() => openTelemetryMetrics(shedder, { meter, name: 'a' })).toThrow(
			'name: "a" must be unique: another shedder is attached as that',
		);
	});
});
