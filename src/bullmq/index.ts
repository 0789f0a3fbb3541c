export { bullmqAge } from './age.js';
export type { BullmqJob, BullmqQueue, BullmqState, BullmqWorker } from './client.js';
export { type BullmqIntake, bullmqIntake } from './intake.js';
export { type BullmqLagOptions, bullmqLag } from './lag.js';
export { type BullmqProcessorOptions, type BullmqShed, bullmqProcessor } from './processor.js';
