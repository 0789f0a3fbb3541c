export type { Handling } from '../brokers/handling.js';
export type { AmqplibAcks, AmqplibChannel, AmqplibConnection, AmqplibMessage } from './client.js';
export { type AmqplibHandler, type AmqplibHandling, amqplibHandler } from './handler.js';
export {
	type AmqplibConsumeOptions,
	type AmqplibDelivering,
	type AmqplibIntake,
	type AmqplibIntakeOptions,
	amqplibIntake,
} from './intake.js';
export { type AmqplibLagOptions, amqplibLag } from './lag.js';
