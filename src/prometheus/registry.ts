/** What is needed of a registry of prom-client, so that any copy of it fits. */
export interface PrometheusRegistry {
	readonly contentType: string;
	registerMetric(metric: never): void;
	getSingleMetric(name: string): unknown;
	removeSingleMetric(name: string): void;
}
