import { verify } from '../core/errors.js';
import type { Intake } from '../ports/intake.js';
import { assignmentsOf } from './assignments.js';
import { checkStream } from './check.js';
import type { PlatformaticStream } from './client.js';
import { pausesOf } from './pauses.js';

export interface PlatformaticKafkaIntakeOptions {
	/** What `consumer.consume` of `@platformatic/kafka` 1 has made. It stays the caller's. */
	readonly stream: PlatformaticStream<unknown>;
	/**
	 * Most messages that may still be delivered after a pause, a whole number of at least 0. It is 0 for `platformaticKafkaRun` and
	 * for a listener of `data`. A `for await` goes on with all that the stream has buffered: its `highWaterMark` (1024) and one fetch.
	 *
	 * @default 0
	 */
	readonly residual?: number | undefined;
}

/**
 * Pauses and resumes the stream of a consumer: nothing is fetched, nothing delivered. The member keeps its place in the
 * group, as heartbeats go on. What the user has paused himself stays paused, before and after; after each join of the
 * group a pause of ours is asserted anew.
 *
 * @throws ConfigError when an option is out of range.
 * @see docs/platformatic-kafka.md (rule M8)
 */
export function platformaticKafkaIntake({ stream, residual = 0 }: PlatformaticKafkaIntakeOptions): Intake {
	verify('platformaticKafkaIntake options', (must) => {
		checkStream(must, stream);
		must(Number.isInteger(residual) && residual >= 0, 'residual', residual, 'a whole number of at least 0');
	});
	const pauses = pausesOf(stream);
	const assignments = assignmentsOf(stream.consumer);
	const reason = {};
	return {
		residual,
		pause() {
			pauses.hold(reason);
			pauses.enforce();
		},
		resume: () => pauses.release(reason),
		onAssignmentChange: (listener) => assignments.onJoin(listener),
	};
}
