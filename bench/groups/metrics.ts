import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { do_not_optimize } from 'mitata';
import { Registry } from 'prom-client';
import type { Observable } from '../../src/index.js';
import { openTelemetryMetrics } from '../../src/opentelemetry/index.js';
import { prometheusMetrics } from '../../src/prometheus/index.js';
import type { Group } from '../group.js';
import { messages, shedderAt } from './workload.js';
import { handle } from './wrap.js';

/** Attaches shedders to prom-client. @returns what scrapes them. */
function toPrometheus(...shedders: readonly Observable[]): () => Promise<string> {
	const registry = new Registry();
	for (const [i, shedder] of shedders.entries()) prometheusMetrics(shedder, { registry, name: `shedder-${i}` });
	return () => registry.metrics();
}

/** The same through OpenTelemetry and its exporter for Prometheus. */
function toOpenTelemetry(...shedders: readonly Observable[]): () => Promise<string> {
	const exporter = new PrometheusExporter({ preventServerStart: true });
	const meter = new MeterProvider({ readers: [exporter] }).getMeter('bench');
	for (const [i, shedder] of shedders.entries()) openTelemetryMetrics(shedder, { meter, name: `shedder-${i}` });
	const serializer = new PrometheusSerializer();
	return async () => serializer.serialize((await exporter.collect()).resourceMetrics);
}

/** What differs between two shedders that do the same is noise: the floor is there twice. */
const goal = { ratioMax: 1.05 };

export const metrics: Group = {
	title: 'A message while metrics are attached',
	about:
		'`wrap(handler)` of a handler that decodes; each shedder was scraped before and is scraped again after 100 000 messages',
	async cases() {
		const [bare, again, prometheus, openTelemetry] = [
			await shedderAt(0),
			await shedderAt(0),
			await shedderAt(0),
			await shedderAt(0),
		];
		const run = (shedder: typeof bare, scrape: () => Promise<string>) => {
			const wrapped = shedder.wrap(handle);
			const next = messages();
			let n = 0;
			return () => (++n % 100_000 === 0 ? scrape().then(() => wrapped(next())) : wrapped(next()));
		};
		const nobody = async () => '';
		const [toProm, toOtel] = [toPrometheus(prometheus), toOpenTelemetry(openTelemetry)];
		await Promise.all([toProm(), toOtel()]);
		return [
			{ name: 'without metrics', run: run(bare, nobody) },
			{ name: 'without metrics, once more', run: run(again, nobody) },
			{ name: 'with prometheusMetrics', run: run(prometheus, toProm), goal },
			{ name: 'with openTelemetryMetrics', run: run(openTelemetry, toOtel), goal },
		];
	},
};

export const metricsBytes: Group = {
	title: 'A message while metrics are attached, its bytes',
	about:
		'`shedder.admit(message)`, which decides and counts as `wrap` does, and allocates nothing but what counting takes',
	async cases() {
		const [bare, attached] = [await shedderAt(0), await shedderAt(0)];
		await toPrometheus(attached)();
		await toOpenTelemetry(attached)();
		const [toBare, toAttached] = [messages(), messages()];
		return [
			{ name: 'without metrics', run: () => do_not_optimize(bare.admit(toBare())), heap: true },
			{
				name: 'with both',
				run: () => do_not_optimize(attached.admit(toAttached())),
				goal: { bytesMax: 0 },
				heap: true,
			},
		];
	},
};

/** Between two scrapes. */
const MESSAGES = 10_000;

export const scrape: Group = {
	title: 'A scrape of 10 shedders under load',
	about:
		'every 10 000 messages, 1 000 of each shedder, and shared out among them: a scrape costs 10 000 times the difference. ' +
		'5 levels, 2 signals, 3 tiers, 1 200 series',
	async cases() {
		const busy = async () => {
			const shedders = await Promise.all(Array.from({ length: 10 }, () => shedderAt(2_000_000)));
			const next = messages();
			const load = () => {
				for (const shedder of shedders) for (let n = 0; n < MESSAGES / 10; n++) shedder.admit(next());
			};
			return { shedders, load };
		};
		const [read, prom, otel, idle] = [await busy(), await busy(), await busy(), await busy()];
		const [toProm, toOtel] = [toPrometheus(...prom.shedders), toOpenTelemetry(...otel.shedders)];
		return [
			{ name: 'no scrape', run: idle.load, messages: MESSAGES },
			{
				name: '`stats()` of each',
				messages: MESSAGES,
				run: () => {
					read.load();
					for (const shedder of read.shedders) do_not_optimize(shedder.stats());
				},
			},
			{
				name: 'a scrape of prom-client',
				messages: MESSAGES,
				run: () => {
					prom.load();
					return toProm();
				},
			},
			{
				name: 'a scrape of OpenTelemetry',
				messages: MESSAGES,
				run: () => {
					otel.load();
					return toOtel();
				},
			},
		];
	},
};
