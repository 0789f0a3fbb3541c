export type Attributes = { readonly [label: string]: string };

/** A callback that observes any number of instruments at a time. */
export type Batch = (result: { observe(instrument: never, value: number, attributes?: Attributes): void }) => void;

/** What is needed of a `Meter` of `@opentelemetry/api`, so that any version of it fits. */
export interface OpenTelemetryMeter {
	createObservableGauge(name: string, options?: { description?: string; unit?: string }): object;
	createObservableCounter(name: string, options?: { description?: string; unit?: string }): object;
	addBatchObservableCallback(callback: Batch, observables: never[]): void;
	removeBatchObservableCallback(callback: Batch, observables: never[]): void;
}
