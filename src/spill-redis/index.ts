export type { RedisClient } from './calls.js';
export type { RedisSpillOptions } from './options.js';
export { redisSpill } from './spill.js';
