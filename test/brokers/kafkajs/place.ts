import { randomUUID } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { type Admin, type Consumer, Kafka, logLevel, type Producer } from 'kafkajs';
import { createLoadShedder, defineLadder } from '../../../src/index.js';
import { memorySpill } from '../../../src/spill/memory.js';
import { type KafkaService, until } from '../../support/services.js';

/** A topic of one's own, with what is needed around it. */
export interface Place {
	readonly kafka: Kafka;
	readonly admin: Admin;
	readonly producer: Producer;
	readonly topic: string;
	readonly groupId: string;
	readonly partitions: number;
	/** A consumer of the group that is quick to notice things; it has not subscribed. */
	consumer(options?: { readonly groupId?: string }): Promise<Consumer>;
	/** Cuts every connection. */
	cut(): void;
	/** Resolves when the broker has them. Without a partition Kafka chooses. */
	produce(values: readonly string[], partition?: number): Promise<void>;
	/** What the group has committed, by partition; -1 for nothing. */
	committed(): Promise<number[]>;
	/** Disconnects all that was made here and removes the topic. */
	destroy(): Promise<void>;
}

/** On the mock a topic always has four partitions, and is never removed. */
export async function placeOn({ url, mock }: KafkaService, partitions = 1): Promise<Place> {
	const topic = `t-${randomUUID()}`;
	const groupId = `g-${randomUUID()}`;
	const sockets = new Set<Socket>();
	const kafka = new Kafka({
		brokers: url.split(','),
		logLevel: logLevel.NOTHING,
		// A connection that is refused while a server restarts is tried again soon.
		retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 8 },
		socketFactory: ({ host, port, onConnect }) => {
			const socket = connect({ host, port }, onConnect);
			sockets.add(socket);
			socket.once('close', () => sockets.delete(socket));
			return socket;
		},
	});
	const admin = kafka.admin();
	const producer = kafka.producer({ allowAutoTopicCreation: false });
	const consumers: Consumer[] = [];
	await Promise.all([admin.connect(), producer.connect()]);
	if (!mock) await admin.createTopics({ topics: [{ topic, numPartitions: partitions }], waitForLeaders: false });
	// A broker that is busy knows of a new topic a little later.
	await until('the topic is there', async () => (await admin.fetchTopicOffsets(topic)).length === partitions);
	return {
		kafka,
		admin,
		producer,
		topic,
		groupId,
		partitions,
		async consumer(options = {}) {
			const made = kafka.consumer({
				groupId: options.groupId ?? groupId,
				sessionTimeout: 6_000,
				heartbeatInterval: 200,
				maxWaitTimeInMs: 100,
			});
			consumers.push(made);
			await made.connect();
			return made;
		},
		cut() {
			// With an error, as when the other side resets it: of a silent end KafkaJS learns by the time-outs of its requests.
			for (const socket of sockets) socket.destroy(Object.assign(new Error('reset'), { code: 'ECONNRESET' }));
		},
		async produce(values, partition) {
			const messages = values.map((value) => ({ value, ...(partition === undefined ? {} : { partition }) }));
			await producer.send({ topic, messages });
		},
		async committed() {
			const [found] = await admin.fetchOffsets({ groupId, topics: [topic] });
			return (found?.partitions ?? [])
				.toSorted((a, b) => a.partition - b.partition)
				.map(({ offset }) => Number(offset));
		},
		async destroy() {
			await Promise.all(consumers.map((made) => made.disconnect()));
			if (!mock) await admin.deleteTopics({ topics: [topic] });
			await Promise.all([admin.disconnect(), producer.disconnect()]);
		},
	};
}

/** Another member takes a share of the partitions, reads nothing, and goes again. */
export async function rebalance({ topic, consumer }: Place, groupId: string, mine: Consumer): Promise<void> {
	const other = await consumer({ groupId });
	await other.subscribe({ topic });
	other.on('consumer.group_join', ({ payload }) =>
		other.pause(Object.entries(payload.memberAssignment).map(([name, partitions]) => ({ topic: name, partitions }))),
	);
	let joins = 0;
	const ended = mine.on('consumer.group_join', () => void joins++);
	await other.run({ eachMessage: async () => {} });
	await until('the group has two members', () => joins > 0);
	const before = joins;
	await other.disconnect();
	await until('the group has one member again', () => joins > before);
	ended();
}

const ladder = defineLadder({
	priorities: { protected: 'critical', sheddable: ['bulk', 'normal', 'low'] },
	features: [],
	signals: { pressure: { recoverBelow: 0.5 } },
	levels: [
		{ name: 'NORMAL' },
		{ name: 'REJECTING', enterAt: { pressure: 1 }, shed: { bulk: 'spill', normal: 'reject', low: 'drop' } },
	],
	cooldownMs: 1,
});

/** A message is its text; its first letter is its priority: `c`ritical, `n`ormal, `b`ulk, `l`ow. */
export type Text = string;

/** A shedder that rejects, spills and drops as it is told; and what it has spilled. */
export async function shedderAt(pressure: 0 | 1) {
	let now: number = pressure;
	const spill = memorySpill({ maxBytes: 2 ** 20 });
	const names = { c: 'critical', n: 'normal', b: 'bulk', l: 'low' } as const;
	const shedder = createLoadShedder({
		ladder,
		signals: { pressure: () => now },
		spill,
		keyOf: (text: Text) => text,
		priorityOf: (text: Text) => names[text.slice(0, 1) as keyof typeof names] ?? 'critical',
	});
	await shedder.check();
	return {
		shedder,
		async set(pressureNow: 0 | 1) {
			now = pressureNow;
			await until('the level follows', async () => {
				await shedder.check();
				return shedder.level === (pressureNow === 1 ? 'REJECTING' : 'NORMAL');
			});
		},
	};
}
