export type { AttachmentOptions } from '../metrics/attachment.js';
export { type PrometheusOptions, prometheusMetrics } from './prometheus-metrics.js';
export type { PrometheusRegistry } from './registry.js';
