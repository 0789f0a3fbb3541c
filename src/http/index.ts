export type { Admission, RequestShedder } from '../ports/shedder.js';
export { type FetchOptions, fetchHandler } from './fetch-handler.js';
export type { Refusal } from './guard.js';
export { httpIntake } from './http-intake.js';
export { type Next, type NodeOptions, type NodeResponse, nodeHandler } from './node-handler.js';
export type { GuardOptions, RetryAfterOptions } from './options.js';
export { fetchReadiness, nodeReadiness, type ReadinessOptions } from './readiness.js';
export { requestsInFlight } from './requests-in-flight.js';
