export type { Handling } from '../brokers/handling.js';
export type { BatchHandler, ConsumeOptions, Consuming } from '../brokers/pull.js';
export { type NatsAgeOptions, natsAge } from './age.js';
export type { NatsConnection, NatsConsumer, NatsConsumerInfo, NatsManager, NatsMessage } from './client.js';
export { type NatsHandler, type NatsHandling, natsHandler } from './handler.js';
export { type NatsIntake, type NatsIntakeOptions, natsIntake } from './intake.js';
export { natsLag } from './lag.js';
