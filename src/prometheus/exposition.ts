import { Counter, Gauge } from 'prom-client';
import { verify } from '../core/errors.js';
import type { Attachment } from '../metrics/attachment.js';
import { CATALOGUE } from '../metrics/catalogue.js';
import { SHEDDER } from '../metrics/labels.js';
import type { Metric } from '../metrics/metric.js';
import type { Stats } from '../ports/observable.js';
import type { PrometheusRegistry } from './registry.js';

/** A metric of prom-client whose name may be set back. */
type Registered = (Counter | Gauge) & { name: string };

/** The metrics of one registry under one prefix. All shedders that are attached to it share them. */
export class Exposition {
	readonly #registry: PrometheusRegistry;
	readonly #prefix: string;
	readonly #attached = new Map<string, Attachment>();
	/** By the name under which the registry keeps it. */
	#metrics: ReadonlyMap<string, Registered> = new Map();
	#labels: readonly string[] = [];
	#taken: readonly (readonly [Attachment, Stats])[] | undefined;

	constructor(registry: PrometheusRegistry, prefix: string) {
		this.#registry = registry;
		this.#prefix = prefix;
	}

	get isEmpty(): boolean {
		return this.#attached.size === 0;
	}

	/** @throws ConfigError; nothing has changed then. */
	add(attachment: Attachment): void {
		const labels = Object.keys(attachment.labels).sort();
		const registry = this.#registry;
		const metrics = this.isEmpty ? this.#make(labels) : this.#metrics;
		verify('prometheusMetrics', (must) => {
			must(
				!this.#attached.has(attachment.name),
				'name',
				attachment.name,
				'unique: another shedder is attached as that',
			);
			const same = this.isEmpty || labels.join() === this.#labels.join();
			must(same, 'labels', labels.join(), `the same names as those of the shedders before (${this.#labels.join()})`);
			for (const [name, metric] of metrics) {
				const other = registry.getSingleMetric(name);
				must(other === undefined || other === metric, 'registry', name, 'free: it has a metric of that name');
			}
		});
		this.#metrics = metrics;
		this.#labels = labels;
		this.#attached.set(attachment.name, attachment);
		// Again for those that are there already: the registry may have been cleared in between.
		for (const metric of metrics.values()) registry.registerMetric(metric as never);
	}

	remove(attachment: Attachment): void {
		if (this.#attached.get(attachment.name) !== attachment) return;
		this.#attached.delete(attachment.name);
		this.#taken = undefined;
		if (!this.isEmpty) return;
		for (const [name, metric] of this.#metrics) {
			if (this.#registry.getSingleMetric(name) === metric) this.#registry.removeSingleMetric(name);
		}
	}

	#make(labels: readonly string[]): ReadonlyMap<string, Registered> {
		return new Map(
			CATALOGUE.map((described) => {
				const name = this.#prefix + described.name;
				return [name, this.#metric(described, name, labels)];
			}),
		);
	}

	#metric(described: Metric, name: string, labels: readonly string[]): Registered {
		const { kind, help, cluster } = described;
		const config = {
			name,
			help,
			labelNames: [SHEDDER, ...labels, ...described.labels],
			aggregator: cluster,
			registers: [],
			collect: () => {
				// An OpenMetrics registry takes `_total` off the name of a counter for good, and puts it after every value. So the
				// name is set again at each scrape, for a registry that changes its content type.
				const open = this.#registry.contentType.startsWith('application/openmetrics-text');
				metric.name = open && kind === 'counter' ? name.replace(/_total$/, '') : name;
				// What has gone since the last scrape, with its shedder or its tier, goes here too.
				metric.reset();
				for (const [attachment, stats] of this.#take()) {
					const own = { [SHEDDER]: attachment.name, ...attachment.labels };
					for (const { labels, value } of described.samples(stats)) {
						if (metric instanceof Counter) metric.inc({ ...own, ...labels }, value);
						else metric.set({ ...own, ...labels }, value);
					}
				}
			},
		};
		const metric = (kind === 'counter' ? new Counter(config) : new Gauge(config)) as Registered;
		return metric;
	}

	/** The figures of all shedders, once for all metrics of a scrape: a registry collects all of them in one go. */
	#take(): readonly (readonly [Attachment, Stats])[] {
		if (this.#taken === undefined) {
			queueMicrotask(() => {
				this.#taken = undefined;
			});
			this.#taken = [...this.#attached.values()].map((attachment) => [attachment, attachment.observable.stats()]);
		}
		return this.#taken;
	}
}
