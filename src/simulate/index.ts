export { createPilot, Pilot, type PilotMessage, type PilotOptions, type PilotSample } from './pilot.js';
export { type ReadTraceOptions, readTrace } from './read-trace.js';
export type { ServiceModel, SimulateServiceOptions } from './service-model.js';
export { simulateService } from './simulate-service.js';
export { type SimulateSignalsOptions, simulateSignals } from './simulate-signals.js';
export type { PriorityCounts, ServiceOutcome, Simulation, Timeline, TimelineAction } from './simulation.js';
export { type Suggestion, type SuggestOptions, suggestThresholds } from './suggest.js';
export type { Trace } from './trace.js';
