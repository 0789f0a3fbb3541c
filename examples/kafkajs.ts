/**
 * An overload of a Kafka consumer, and its recovery: lag from the broker, optional work given up, orders spilled to disk, the
 * intake paused and looked through, everything replayed.
 *
 *     npm run kafka                    in another terminal (Java 17 and Maven), or any Kafka of yours
 *     npx tsx examples/kafkajs.ts      KAFKA_BROKERS, default 127.0.0.1:9092
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import { createLoadShedder, defineLadder } from '../src/index.js';
import { kafkajsEachBatch, kafkajsIntake, kafkajsLag } from '../src/kafkajs/index.js';
import { fileSpill } from '../src/spill-file/index.js';

interface Order {
	readonly id: number;
	readonly account: string;
	readonly priority: 'critical' | 'normal' | 'low';
}

const ORDERS = 1_000;
const brokers = (process.env.KAFKA_BROKERS ?? '127.0.0.1:9092').split(',');
const say = (text: string) => process.stdout.write(`${text}\n`);
const kafka = new Kafka({ brokers, logLevel: logLevel.NOTHING, connectionTimeout: 2_000 });
const here = await isThere();
if (here) await run();
else say(`There is no Kafka at ${brokers}. Start one with "npm run kafka", or name yours in KAFKA_BROKERS.`);

async function run(): Promise<void> {
	const topic = `orders-${randomUUID()}`;
	const directory = mkdtempSync(join(tmpdir(), 'brownout-kafkajs-'));
	const admin = kafka.admin();
	await admin.connect();
	await admin.createTopics({ topics: [{ topic, numPartitions: 2 }], waitForLeaders: false });

	// The consumer as it would be without us; a resume is noticed after `maxWaitTimeInMs` at the latest.
	const consumer = kafka.consumer({ groupId: `desk-${randomUUID()}`, maxWaitTimeInMs: 100 });
	await consumer.connect();
	await consumer.subscribe({ topic, fromBeginning: true });

	const shedder = createLoadShedder({
		ladder: defineLadder({
			priorities: { protected: 'critical', sheddable: ['normal', 'low'] },
			features: ['enrichment'],
			signals: { lag: { recoverBelow: 0.5, fallsWhilePaused: false } },
			levels: [
				{ name: 'NORMAL' },
				{ name: 'SOFT', enterAt: { lag: 50 }, disable: ['enrichment'] },
				{ name: 'AGGRESSIVE', enterAt: { lag: 150 }, shed: { normal: 'spill', low: 'drop' } },
				{ name: 'CIRCUIT_BREAK', enterAt: { lag: 600 }, intake: 'paused' },
			],
			cooldownMs: 500,
			probe: { afterMs: 300, forMs: 500 },
		}),
		signals: { lag: kafkajsLag({ kafka, consumer, fromBeginning: true }) },
		intake: kafkajsIntake({ consumer }),
		keyOf: ({ account }: Order) => account,
		priorityOf: ({ priority }: Order) => priority,
		spill: fileSpill({ directory: join(directory, 'spill'), maxBytes: 64 * 1024 * 1024 }),
		// What it can do with everything on, so that replay need not feel for it.
		capacityPerS: 400,
		checkEveryMs: 100,
	});
	shedder.on('transitioned', ({ from, to, causes: [cause] }) =>
		say(`${from} -> ${to}${cause === undefined ? '' : `: ${cause.signal} ${cause.reading}`}`),
	);
	shedder.on('intakeChanged', ({ paused, probing }) =>
		say(paused ? '  intake paused' : `  intake open${probing ? ', for a look' : ''}`),
	);
	shedder.on('failed', ({ during, error }) => say(`  ${during}: ${String(error)}`));

	const handled = new Set<number>();
	await consumer.run({
		...kafkajsEachBatch({
			consumer,
			shedder,
			decode: ({ message }) => JSON.parse(String(message.value)) as Order,
			async handle({ id }, { features }) {
				await sleep(features.enrichment ? 2 : 1);
				handled.add(id);
			},
		}),
		autoCommitInterval: 100,
	});
	shedder.start();

	const orders = Array.from({ length: ORDERS }, (_, id): Order => {
		const priority = id % 10 === 0 ? 'critical' : id % 3 === 0 ? 'low' : 'normal';
		return { id, account: `A${id % 50}`, priority };
	});
	const producer = kafka.producer({ allowAutoTopicCreation: false });
	await producer.connect();
	await producer.send({
		topic,
		messages: orders.map((order) => ({ key: order.account, value: JSON.stringify(order) })),
	});
	say(`${ORDERS} orders at once, for a consumer that can do some 400 a second with everything on`);

	const due = orders.filter(({ priority }) => priority !== 'low');
	const endMs = performance.now() + 20_000;
	const isOver = () => shedder.level === 'NORMAL' && due.every(({ id }) => handled.has(id));
	while (!isOver() && performance.now() < endMs) await sleep(50);

	// The consumer first, so that what it has in hand is still decided on; then what is spilled is closed.
	await consumer.disconnect();
	await shedder.stop();
	const { processed, spilled, replayed, dropped, waiting, protectedShed } = shedder.stats();
	say(
		`processed ${processed}, spilled ${spilled} and replayed ${replayed}, dropped ${dropped}, protected shed ${protectedShed}`,
	);
	if (waiting > 0) say(`${waiting} wait in the spill: this machine is busy`);
	say(`${due.filter(({ id }) => handled.has(id)).length} of ${due.length} that may not be dropped were handled`);
	await producer.disconnect();
	await admin.deleteTopics({ topics: [topic] });
	await admin.disconnect();
	rmSync(directory, { recursive: true });
}

async function isThere(): Promise<boolean> {
	const admin = new Kafka({
		brokers,
		logLevel: logLevel.NOTHING,
		connectionTimeout: 2_000,
		retry: { retries: 0 },
	}).admin();
	try {
		await admin.connect();
		return true;
	} catch {
		return false;
	} finally {
		await admin.disconnect();
	}
}
