import { verify } from '../core/errors.js';
import type { Intake } from '../ports/intake.js';
import { assignmentsOf } from './assignments.js';
import { checkConsumer } from './check.js';
import type { KafkaConsumer } from './client.js';
import { pausesOf } from './pauses.js';

export interface KafkajsIntakeOptions {
	/** A consumer of `kafkajs` 2. It stays the caller's. Make the intake before `consumer.run`. */
	readonly consumer: KafkaConsumer;
	/**
	 * Most messages that may still be delivered after a pause, a whole number of at least 0. It is 0 for `kafkajsEachBatch` and
	 * `kafkajsEachMessage`. With an `eachMessage` of your own KafkaJS still delivers one message of each partition that it
	 * had fetched, with an `eachBatch` of your own everything that it had fetched.
	 *
	 * @default 0
	 */
	readonly residual?: number | undefined;
}

/**
 * Pauses and resumes the partitions that a consumer has, and those that it gets while paused. The member keeps its place in
 * the group: heartbeats go on. What the user has paused himself stays paused, before and after.
 *
 * While everything is paused KafkaJS looks up only every `maxWaitTimeInMs` (default 5000), so that long may a resume take.
 *
 * @throws ConfigError when an option is out of range.
 * @see docs/kafkajs.md (rule M8)
 */
export function kafkajsIntake({ consumer, residual = 0 }: KafkajsIntakeOptions): Intake {
	verify('kafkajsIntake options', (must) => {
		checkConsumer(must, consumer);
		must(Number.isInteger(residual) && residual >= 0, 'residual', residual, 'a whole number of at least 0');
	});
	const assignments = assignmentsOf(consumer);
	const pauses = pausesOf(consumer);
	const reason = {};
	return {
		residual,
		pause: () => pauses.holdAll(reason),
		resume: () => pauses.releaseAll(reason),
		onAssignmentChange: (listener) => assignments.onJoin(listener),
	};
}
