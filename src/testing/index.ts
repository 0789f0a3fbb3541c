export type { ConformanceCase } from './conformance-case.js';
export type { IntakePlace, IntakeSubject } from './intake/subject.js';
export { intakeConformance } from './intake-conformance.js';
export { type ManualClock, manualClock } from './manual-clock.js';
export type { SpillPlace, SpillStoreSubject } from './spill/subject.js';
export { spillStoreConformance } from './spill-conformance.js';
