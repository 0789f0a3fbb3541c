export type { AttachmentOptions } from '../metrics/attachment.js';
export type { OpenTelemetryMeter } from './meter.js';
export { type OpenTelemetryOptions, openTelemetryMetrics } from './open-telemetry-metrics.js';
