export { type ManualClock, manualClock } from './manual-clock.js';
export type { SpillPlace, SpillStoreSubject } from './spill/subject.js';
export { type ConformanceCase, spillStoreConformance } from './spill-conformance.js';
