import { type AttachmentOptions, attachmentOf, sharedBy } from '../metrics/attachment.js';
import type { Observable } from '../ports/observable.js';
import { Exposition } from './exposition.js';
import type { PrometheusRegistry } from './registry.js';

export interface PrometheusOptions extends AttachmentOptions {
	/** Where the metrics are registered: `register` of prom-client, or a `Registry` of your own. */
	readonly registry: PrometheusRegistry;
}

/**
 * Shows a shedder in a registry of prom-client: every metric of docs/metrics.md, read when the registry is scraped. Nothing
 * is done per message, and no default metrics are added.
 *
 * Any number of shedders may be attached to one registry; they share the metrics and are told apart by the label `shedder`,
 * which the only shedder without a name does not have.
 *
 * @returns `detach()` takes the shedder out again, and with the last one the metrics, but nothing that is not ours.
 * Idempotent. `stop()` of a shedder does not detach it: its last figures stay.
 * @throws ConfigError when an option is wrong, the name is taken, or the registry has another metric of one of the names.
 */
export function prometheusMetrics(observable: Observable, options: PrometheusOptions): { detach(): void } {
	const { registry } = Object(options) as PrometheusOptions;
	const attachment = attachmentOf('prometheusMetrics', observable, options, (must) => {
		const fits = (['registerMetric', 'getSingleMetric', 'removeSingleMetric'] as const).every(
			(method) => typeof registry?.[method] === 'function',
		);
		must(fits, 'registry', registry, 'a Registry of prom-client');
	});
	const expositions = sharedBy(registry, 'prometheus', () => new Map<string, Exposition>());
	const exposition = expositions.get(attachment.prefix) ?? new Exposition(registry, attachment.prefix);
	const remove = exposition.add(attachment);
	expositions.set(attachment.prefix, exposition);
	return {
		detach() {
			remove();
			if (exposition.isEmpty && expositions.get(attachment.prefix) === exposition)
				expositions.delete(attachment.prefix);
		},
	};
}
