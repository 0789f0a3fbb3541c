/**
 * An overload of a consumer of `@platformatic/kafka`, and its recovery: lag from the broker, optional work given up, orders
 * spilled, the intake paused and looked through, everything replayed.
 *
 *     npm run kafka                             in another terminal (Java 17 and Maven), or any Kafka of yours
 *     npx tsx examples/platformatic-kafka.ts    KAFKA_BROKERS, default 127.0.0.1:9092
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Admin, Consumer, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka';
import { createLoadShedder, defineLadder, memorySpill } from '../src/index.js';
import {
	platformaticKafkaIntake,
	platformaticKafkaLag,
	platformaticKafkaRun,
} from '../src/platformatic-kafka/index.js';

interface Order {
	readonly id: number;
	readonly account: string;
	readonly priority: 'critical' | 'normal' | 'low';
}

const ORDERS = 1_000;
const bootstrapBrokers = (process.env.KAFKA_BROKERS ?? '127.0.0.1:9092').split(',');
const client = { clientId: 'desk', bootstrapBrokers, connectTimeout: 2_000 };
const say = (text: string) => process.stdout.write(`${text}\n`);
const admin = new Admin({ ...client, retries: 0 });
if (await isThere()) await run();
else say(`There is no Kafka at ${bootstrapBrokers}. Start one with "npm run kafka", or name yours in KAFKA_BROKERS.`);
await admin.close();

async function run(): Promise<void> {
	const topic = `orders-${randomUUID()}`;
	await admin.createTopics({ topics: [topic], partitions: 2, replicas: 1 });

	// The consumer as it would be without us, but that it does not commit by itself.
	const consumer = new Consumer({
		...client,
		groupId: `desk-${randomUUID()}`,
		deserializers: stringDeserializers,
		maxWaitTime: 100,
	});
	const stream = await consume();

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
		signals: { lag: platformaticKafkaLag({ consumer, fallbackMode: 'earliest' }) },
		intake: platformaticKafkaIntake({ stream }),
		keyOf: ({ account }: Order) => account,
		priorityOf: ({ priority }: Order) => priority,
		// A real service keeps what it acknowledges on disk: `fileSpill`.
		spill: memorySpill(),
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
	const running = platformaticKafkaRun({
		stream,
		shedder,
		decode: ({ value }: { value: string }) => JSON.parse(value) as Order,
		async handle({ id }, { features }) {
			await sleep(features.enrichment ? 2 : 1);
			handled.add(id);
		},
		commitEveryMs: 100,
	});
	shedder.start();

	const orders = Array.from({ length: ORDERS }, (_, id): Order => {
		const priority = id % 10 === 0 ? 'critical' : id % 3 === 0 ? 'low' : 'normal';
		return { id, account: `A${id % 50}`, priority };
	});
	const producer = new Producer({ ...client, serializers: stringSerializers });
	await producer.send({
		messages: orders.map((order) => ({ topic, key: order.account, value: JSON.stringify(order) })),
	});
	say(`${ORDERS} orders at once, for a consumer that can do some 400 a second with everything on`);

	const due = orders.filter(({ priority }) => priority !== 'low');
	const endMs = performance.now() + 20_000;
	const isOver = () => shedder.level === 'NORMAL' && due.every(({ id }) => handled.has(id));
	while (!isOver() && performance.now() < endMs) await sleep(50);

	// The stream first, so that what is in hand is settled and committed; then what is spilled is closed.
	await stream.close();
	await running;
	await consumer.close(true);
	await shedder.stop();
	const { processed, spilled, replayed, dropped, waiting, protectedShed } = shedder.stats();
	say(
		`processed ${processed}, spilled ${spilled} and replayed ${replayed}, dropped ${dropped}, protected shed ${protectedShed}`,
	);
	if (waiting > 0) say(`${waiting} wait in the spill: this machine is busy`);
	say(`${due.filter(({ id }) => handled.has(id)).length} of ${due.length} that may not be dropped were handled`);
	await producer.close();
	await admin.deleteTopics({ topics: [topic] });

	/** A broker that is busy knows of a new topic a little later. */
	async function consume(tries = 20): ReturnType<typeof consumer.consume> {
		try {
			return await consumer.consume({
				topics: [topic],
				mode: 'committed',
				fallbackMode: 'earliest',
				autocommit: false,
			});
		} catch (error) {
			if (tries <= 1) throw error;
			await sleep(100);
			return consume(tries - 1);
		}
	}
}

async function isThere(): Promise<boolean> {
	try {
		await admin.metadata({ topics: [] });
		return true;
	} catch {
		return false;
	}
}
