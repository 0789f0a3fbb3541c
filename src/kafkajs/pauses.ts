import { assignmentsOf } from './assignments.js';
import type { KafkaConsumer, TopicPartitions } from './client.js';
import { noUserPauses } from './user-pauses.js';

/** Who has paused what of one consumer: its user, an intake (everything), a handler that gave a message back (a partition). */
export interface Pauses {
	/** Pauses whatever is assigned, now and later, until every reason is gone. Idempotent. */
	holdAll(reason: object): void;
	releaseAll(reason: object): void;
	/** Pauses one partition. @returns ends it. */
	hold(topic: string, partition: number): () => void;
	/** By anybody. */
	isPaused(topic: string, partition: number): boolean;
	/** Told when somebody has paused or resumed something. @returns ends it. */
	onChange(listener: () => void): () => void;
}

const known = new WeakMap<KafkaConsumer, Pauses>();

/**
 * The same for everybody who asks for one consumer. KafkaJS keeps one set of paused partitions and tells nobody of a change,
 * so the `pause` and `resume` of this consumer are replaced by ours, which keep the user's own pauses apart and then do
 * what they did.
 */
export function pausesOf(consumer: KafkaConsumer): Pauses {
	const pauses = known.get(consumer) ?? keepApart(consumer);
	known.set(consumer, pauses);
	return pauses;
}

function keepApart(consumer: KafkaConsumer): Pauses {
	const assignments = assignmentsOf(consumer);
	const [pause, resume] = [consumer.pause.bind(consumer), consumer.resume.bind(consumer)];
	const users = noUserPauses();
	users.pause(consumer.paused().map(({ topic, partitions }) => ({ topic, partitions: [...partitions] })));
	const reasons = new Set<object>();
	/** One entry for each hold. */
	const held = new Set<{ readonly topic: string; readonly partition: number }>();
	const listeners = new Set<() => void>();

	const isHeld = (topic: string, partition: number): boolean => {
		if (reasons.size > 0) return true;
		for (const hold of held) if (hold.topic === topic && hold.partition === partition) return true;
		return false;
	};
	const isPaused = (topic: string, partition: number) => isHeld(topic, partition) || users.has(topic, partition);

	/** Makes the client's set what it should be. Nothing is fetched in between: this is one turn of the event loop. */
	const enforce = (): void => {
		for (const [topic, assigned] of Object.entries(assignments.current?.partitions ?? {})) {
			const partitions = assigned.filter((partition) => isPaused(topic, partition));
			resume([{ topic }]);
			if (partitions.length > 0) pause([{ topic, partitions }]);
		}
	};
	const tell = (): void => {
		for (const listener of listeners) listener();
	};
	const changed = (): void => {
		enforce();
		tell();
	};
	const byUser = (call: (topics: TopicPartitions[]) => void, keep: (topics: readonly TopicPartitions[]) => void) => {
		return (topics: TopicPartitions[] = []): void => {
			// It checks its arguments, and throws while the consumer does not run.
			call(topics);
			keep(topics);
			if (reasons.size > 0 || held.size > 0) enforce();
			tell();
		};
	};
	consumer.pause = byUser(pause, users.pause);
	consumer.resume = byUser(resume, users.resume);

	// Before the first fetch of what was just assigned.
	assignments.onJoin(() => {
		if (reasons.size > 0 || held.size > 0 || users.any) changed();
	});
	// The client forgets all pauses then.
	assignments.onStop(() => users.clear());

	return {
		holdAll(reason) {
			if (reasons.has(reason)) return;
			reasons.add(reason);
			changed();
		},
		releaseAll(reason) {
			if (reasons.delete(reason)) changed();
		},
		hold(topic, partition) {
			const hold = { topic, partition };
			held.add(hold);
			changed();
			return () => {
				if (held.delete(hold)) changed();
			};
		},
		isPaused,
		onChange(listener) {
			const own = () => listener();
			listeners.add(own);
			return () => void listeners.delete(own);
		},
	};
}
