import { type Attachment, ownLabels } from '../metrics/attachment.js';
import { CATALOGUE } from '../metrics/catalogue.js';
import type { Metric } from '../metrics/metric.js';
import type { Attributes, Batch, OpenTelemetryMeter } from './meter.js';

/** Units as UCUM has them. A name ends with its unit already, and none of these makes an exporter add another. */
const UNITS: { readonly [U in Metric['unit']]: string | undefined } = {
	seconds: 's',
	timestamp: 's',
	bytes: 'By',
	messages: '{message}',
	rate: '{message}/s',
	level: '{level}',
	state: undefined,
	count: undefined,
	ratio: undefined,
	signal: undefined,
};

/** The instruments of one meter under one prefix; shedders share them. */
export class Instruments {
	readonly #meter: OpenTelemetryMeter;
	readonly #instruments: ReadonlyMap<Metric, never>;
	/** The shedders that are observed, by the attribute that tells them apart. */
	readonly shedders = new Set<string>();

	constructor(meter: OpenTelemetryMeter, prefix: string) {
		this.#meter = meter;
		this.#instruments = new Map(
			CATALOGUE.map((metric) => {
				const unit = UNITS[metric.unit];
				const options = { description: metric.help, ...(unit === undefined ? {} : { unit }) };
				const create = metric.kind === 'counter' ? 'createObservableCounter' : 'createObservableGauge';
				return [metric, meter[create](prefix + metric.name, options) as never];
			}),
		);
	}

	/** @param shedder  free. @returns ends it. */
	observe(shedder: string, attachment: Attachment): () => void {
		const own = ownLabels(shedder, attachment);
		const gone = new Vanished();
		const batch: Batch = (result) => {
			// One look for all instruments, so that their figures fit together.
			const stats = attachment.observable.stats();
			for (const [metric, instrument] of this.#instruments) {
				const samples = metric.samples(stats).map((sample) => ({ ...sample, labels: { ...own, ...sample.labels } }));
				for (const { labels, value } of samples) result.observe(instrument, value, labels);
				if (metric.kind === 'counter') continue;
				for (const labels of gone.of(metric, samples)) result.observe(instrument, Number.NaN, labels);
			}
		};
		this.shedders.add(shedder);
		const observed = [...this.#instruments.values()];
		this.#meter.addBatchObservableCallback(batch, observed);
		let observing = true;
		return () => {
			// By now the name may be another one's.
			if (observing) this.shedders.delete(shedder);
			observing = false;
			this.#meter.removeBatchObservableCallback(batch, observed);
		};
	}
}

/**
 * What was observed once and is not any more. An SDK goes on reporting the last value of a gauge that is not observed: a
 * spill that has drained would grow older for ever. So it is told that there is none.
 */
class Vanished {
	readonly #seen = new Map<Metric, Map<string, Attributes>>();

	of(metric: Metric, samples: readonly { readonly labels: Attributes }[]): Attributes[] {
		const seen = this.#seen.get(metric) ?? new Map<string, Attributes>();
		this.#seen.set(metric, seen);
		const now = new Set(samples.map(({ labels }) => JSON.stringify(labels)));
		for (const { labels } of samples) seen.set(JSON.stringify(labels), labels);
		return [...seen].filter(([id]) => !now.has(id)).map(([, labels]) => labels);
	}
}
