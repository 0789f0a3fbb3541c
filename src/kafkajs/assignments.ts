import type { KafkaConsumer } from './client.js';

/** What a consumer was given. */
export interface Assignment {
	readonly groupId: string;
	/** By topic. Empty when there are more consumers than partitions. */
	readonly partitions: { readonly [topic: string]: readonly number[] };
}

/** Follows what a consumer is assigned. */
export interface Assignments {
	/** `undefined` before the consumer has joined its group, while the group is rebalancing, and after a stop. */
	readonly current: Assignment | undefined;
	/** Called after each join, also when it brought nothing new. @returns ends it. */
	onJoin(listener: () => void): () => void;
	/** Called after each stop, and before a crashed consumer starts again. @returns ends it. */
	onStop(listener: () => void): () => void;
}

const known = new WeakMap<KafkaConsumer, Assignments>();

/** The same for everybody who asks for one consumer. KafkaJS tells only as it happens, so ask before `consumer.run`. */
export function assignmentsOf(consumer: KafkaConsumer): Assignments {
	const assignments = known.get(consumer) ?? follow(consumer);
	known.set(consumer, assignments);
	return assignments;
}

function follow(consumer: KafkaConsumer): Assignments {
	const joined = new Set<() => void>();
	const stopped = new Set<() => void>();
	let current: Assignment | undefined;
	consumer.on('consumer.group_join', ({ payload }) => {
		current = { groupId: payload.groupId, partitions: payload.memberAssignment };
		for (const listener of joined) listener();
	});
	consumer.on('consumer.rebalancing', () => {
		current = undefined;
	});
	consumer.on('consumer.stop', () => {
		current = undefined;
		for (const listener of stopped) listener();
	});
	const added = (listeners: Set<() => void>, listener: () => void) => {
		// A wrapper of its own, so that a listener that is added twice is ended twice.
		const own = () => listener();
		listeners.add(own);
		return () => void listeners.delete(own);
	};
	return {
		get current() {
			return current;
		},
		onJoin: (listener) => added(joined, listener),
		onStop: (listener) => added(stopped, listener),
	};
}
