import type { PlatformaticConsumer } from './client.js';

/** Follows what a consumer is assigned. */
export interface Assignments {
	/** By topic. `undefined` before the consumer has joined its group, while the group is rebalancing, and after it has left. */
	readonly current: ReadonlyMap<string, readonly number[]> | undefined;
	/** Called after each join, also when it brought nothing new. @returns ends it. */
	onJoin(listener: () => void): () => void;
}

const known = new WeakMap<PlatformaticConsumer, Assignments>();

/** The same for everybody who asks for one consumer, so that it has few listeners. */
export function assignmentsOf(consumer: PlatformaticConsumer): Assignments {
	const assignments = known.get(consumer) ?? follow(consumer);
	known.set(consumer, assignments);
	return assignments;
}

function follow(consumer: PlatformaticConsumer): Assignments {
	const joined = new Set<() => void>();
	let rebalancing = false;
	let source: PlatformaticConsumer['assignments'] = null;
	let current: ReadonlyMap<string, readonly number[]> | undefined;
	const read = () => {
		const { assignments } = consumer;
		if (rebalancing || assignments === null || !consumer.isActive()) return undefined;
		// The client makes a new list at each join: the same list is the same assignment.
		if (assignments !== source) {
			source = assignments;
			current = new Map(assignments.map(({ topic, partitions }) => [topic, partitions]));
		}
		return current;
	};
	consumer.on('consumer:group:join', () => {
		rebalancing = false;
		for (const listener of joined) listener();
	});
	consumer.on('consumer:group:rebalance', () => {
		rebalancing = true;
	});
	return {
		get current() {
			return read();
		},
		onJoin(listener) {
			// A wrapper of its own, so that a listener that is added twice is ended twice.
			const own = () => listener();
			joined.add(own);
			return () => void joined.delete(own);
		},
	};
}
