/** Lag, intake and handler for consumers of `@platformatic/kafka` 1, the optional peer. */
export type {
	GroupEvent,
	OffsetsByTopic,
	PlatformaticConsumer,
	PlatformaticMessage,
	PlatformaticStream,
} from './client.js';
export { type PlatformaticKafkaIntakeOptions, platformaticKafkaIntake } from './intake.js';
export { type PlatformaticKafkaLagOptions, platformaticKafkaLag } from './lag.js';
export { type PlatformaticKafkaRunOptions, platformaticKafkaRun } from './run.js';
