export type { Handling } from '../brokers/handling.js';
export type { BatchHandler, ConsumeOptions, Consuming } from '../brokers/pull.js';
export { type RedisStreamsHandler, redisStreamsHandler } from './handler.js';
export { type RedisStreamsIntake, type RedisStreamsIntakeOptions, redisStreamsIntake } from './intake.js';
export { type RedisGroup, redisStreamsAge, redisStreamsLag } from './lag.js';
export type { StreamMessage } from './message.js';
export type { IoredisClient, NodeRedisClient, RedisClient } from './session.js';
