import { Counter, Gauge } from 'prom-client';
import { verify } from '../core/errors.js';
import { type Attachment, ownLabels, shedderOf } from '../metrics/attachment.js';
import { CATALOGUE } from '../metrics/catalogue.js';
import { SHEDDER } from '../metrics/labels.js';
import type { Metric, Sample } from '../metrics/metric.js';
import type { Stats } from '../ports/observable.js';
import type { PrometheusRegistry } from './registry.js';

/** A metric of prom-client whose name may be set back. */
type Registered = (Counter | Gauge) & { name: string };

/** The figures of one shedder, and the labels that all of them have. */
interface Taken {
	readonly own: Sample['labels'];
	readonly stats: Stats;
}

/** The metrics of one registry under one prefix. All shedders that are attached to it share them. */
export class Exposition {
	readonly #registry: PrometheusRegistry;
	readonly #prefix: string;
	/** By the value of the label that tells them apart. */
	readonly #attached = new Map<string, Attachment>();
	/** By the name under which the registry keeps it. */
	#metrics: ReadonlyMap<string, Registered> = new Map();
	#labels: readonly string[] = [];
	#taken: readonly Taken[] | undefined;

	constructor(registry: PrometheusRegistry, prefix: string) {
		this.#registry = registry;
		this.#prefix = prefix;
	}

	get isEmpty(): boolean {
		return this.#attached.size === 0;
	}

	/** @returns takes it out again. @throws ConfigError; nothing has changed then. */
	add(attachment: Attachment): () => void {
		const shedder = shedderOf(attachment, this.#attached);
		const labels = Object.keys(attachment.labels).sort();
		const registry = this.#registry;
		const metrics = this.isEmpty ? this.#make(labels) : this.#metrics;
		verify('prometheusMetrics', (must) => {
			must(!this.#attached.has(shedder), 'name', shedder, 'unique: another shedder is attached as that');
			const same = this.isEmpty || labels.join() === this.#labels.join();
			must(same, 'labels', labels.join(), `the same names as those of the shedders before (${this.#labels.join()})`);
			for (const [name, metric] of metrics) {
				const other = registry.getSingleMetric(name);
				must(other === undefined || other === metric, 'registry', name, 'free: it has a metric of that name');
			}
		});
		this.#metrics = metrics;
		this.#labels = labels;
		this.#attached.set(shedder, attachment);
		// Again for those that are there already: the registry may have been cleared in between.
		for (const metric of metrics.values()) registry.registerMetric(metric as never);
		return () => this.#remove(shedder, attachment);
	}

	#remove(shedder: string, attachment: Attachment): void {
		// By now the name may be another one's.
		if (this.#attached.get(shedder) !== attachment) return;
		this.#attached.delete(shedder);
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
				for (const { own, stats } of this.#take()) {
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
	#take(): readonly Taken[] {
		if (this.#taken === undefined) {
			queueMicrotask(() => {
				this.#taken = undefined;
			});
			this.#taken = [...this.#attached].map(([shedder, attachment]) => ({
				own: ownLabels(shedder, attachment),
				stats: attachment.observable.stats(),
			}));
		}
		return this.#taken;
	}
}
