import type { TopicPartitions } from './client.js';

/** What a user has paused by his own calls, with the meaning that KafkaJS gives them. */
export interface UserPauses {
	pause(topics: readonly TopicPartitions[]): void;
	resume(topics: readonly TopicPartitions[]): void;
	has(topic: string, partition: number): boolean;
	clear(): void;
	/** There is something. */
	readonly any: boolean;
}

export function noUserPauses(): UserPauses {
	/** `all` also those that are not assigned yet; then `named` are the exceptions, else they are what is paused. */
	const topics = new Map<string, { all: boolean; named: Set<number> }>();
	return {
		pause(paused) {
			for (const { topic, partitions } of paused) {
				const before = topics.get(topic);
				if (partitions === undefined) topics.set(topic, { all: true, named: new Set() });
				// Partitions by name end a pause of the whole topic, in the client too.
				else
					topics.set(topic, {
						all: false,
						named: new Set([...(before?.all ? [] : (before?.named ?? [])), ...partitions]),
					});
			}
		},
		resume(resumed) {
			for (const { topic, partitions } of resumed) {
				const before = topics.get(topic);
				if (before === undefined) continue;
				if (partitions === undefined) topics.delete(topic);
				else for (const partition of partitions) before.named[before.all ? 'add' : 'delete'](partition);
			}
		},
		has(topic, partition) {
			const of = topics.get(topic);
			return of !== undefined && of.named.has(partition) !== of.all;
		},
		clear: () => topics.clear(),
		get any() {
			return topics.size > 0;
		},
	};
}
