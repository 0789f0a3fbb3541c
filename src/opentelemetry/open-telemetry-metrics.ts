import { verify } from '../core/errors.js';
import { type AttachmentOptions, attachmentOf, sharedBy, shedderOf } from '../metrics/attachment.js';
import type { Observable } from '../ports/observable.js';
import { Instruments } from './instruments.js';
import type { OpenTelemetryMeter } from './meter.js';

export interface OpenTelemetryOptions extends AttachmentOptions {
	/** `metrics.getMeter(...)` of `@opentelemetry/api`, asked for after the provider was set. */
	readonly meter: OpenTelemetryMeter;
}

/**
 * Shows a shedder to OpenTelemetry: every metric of docs/metrics.md under the same name, as observable instruments that are
 * read together when a reader collects. Nothing is done per message. Several shedders are told apart by the attribute
 * `shedder`, which the only one without a name does not have.
 *
 * @returns `detach()` ends the observing. Idempotent. Instruments cannot be removed from a meter, and an SDK may go on
 * exporting what it saw last.
 * @throws ConfigError when an option is wrong or the name is taken.
 */
export function openTelemetryMetrics(observable: Observable, options: OpenTelemetryOptions): { detach(): void } {
	const { meter } = Object(options) as OpenTelemetryOptions;
	const attachment = attachmentOf('openTelemetryMetrics', observable, options, (must) => {
		const fits = typeof meter?.addBatchObservableCallback === 'function';
		must(fits, 'meter', meter, 'a Meter of @opentelemetry/api');
	});
	const { prefix } = attachment;
	const all = sharedBy(meter, 'opentelemetry', () => new Map<string, Instruments>());
	const instruments = all.get(prefix) ?? new Instruments(meter, prefix);
	all.set(prefix, instruments);
	const shedder = shedderOf(attachment, instruments.shedders);
	verify('openTelemetryMetrics', (must) =>
		must(!instruments.shedders.has(shedder), 'name', shedder, 'unique: another shedder is attached as that'),
	);
	return { detach: instruments.observe(shedder, attachment) };
}
