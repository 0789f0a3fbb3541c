/**
 * A consumer of RabbitMQ that is overloaded and loses its connection in the middle: alarms are handled at once, readings of
 * sensors are kept on disk and handled when there is time, debug output is left out.
 *
 *     npx tsx examples/amqplib.ts
 *
 * It needs a RabbitMQ at AMQP_URL, or on the usual port.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Channel, type ChannelModel, type ConsumeMessage, connect } from 'amqplib';
import { amqplibHandler, amqplibIntake, amqplibLag } from '../src/amqplib/index.js';
import { createLoadShedder, defineLadder } from '../src/index.js';
import { fileSpill } from '../src/spill-file/index.js';

interface Report {
	readonly sensor: string;
	readonly kind: 'alarm' | 'reading' | 'debug';
}

const MESSAGES = 800;
const url = process.env.AMQP_URL ?? 'amqp://guest:guest@127.0.0.1:5672';

const producer = await connect(url, { timeout: 2_000 }).catch(() => undefined);
if (producer !== undefined) await overload(producer);
else console.log(`There is no RabbitMQ at ${url}. Start one with "rabbitmq-server", or set AMQP_URL.`);

async function overload(producer: ChannelModel): Promise<void> {
	const queue = `brownout-example-${process.pid}`;
	const directory = mkdtempSync(join(tmpdir(), 'brownout-amqplib-'));
	let current: ChannelModel | undefined;
	let channel: Channel | undefined;

	const intake = amqplibIntake<ConsumeMessage>({ prefetch: 100 });
	const lag = amqplibLag({ queue, connection: () => current, intake });
	const shedder = createLoadShedder({
		ladder: defineLadder({
			priorities: { protected: 'alarm', sheddable: ['reading', 'debug'] },
			signals: { lag: { recoverBelow: 0.5, fallsWhilePaused: false } },
			levels: [
				{ name: 'NORMAL' },
				{ name: 'BUSY', enterAt: { lag: 100 }, shed: { debug: 'drop' } },
				{ name: 'OVERLOADED', enterAt: { lag: 250 }, shed: { reading: 'spill' } },
				{ name: 'STOPPED', enterAt: { lag: 20_000 }, intake: 'paused' },
			],
			cooldownMs: 500,
			probe: { afterMs: 5_000, forMs: 1_000 },
		}),
		signals: { lag },
		intake,
		checkEveryMs: 100,
		keyOf: ({ sensor }: Report) => sensor,
		priorityOf: ({ kind }: Report) => kind,
		spill: fileSpill({ directory, maxBytes: 2 ** 26 }),
	});
	shedder.on('transitioned', ({ from, to, causes }) =>
		console.log(`${from} -> ${to}${causes.map(({ signal, reading }) => `, ${signal} ${reading}`).join('')}`),
	);
	shedder.on('failed', ({ during, name, error }) => console.log(`${during} ${name}: ${String(error)}`));
	const handler = amqplibHandler(shedder, {
		decode: ({ content }: ConsumeMessage): Report => JSON.parse(content.toString()),
		handle: () => sleep(2),
		onError: (error) => console.error(error),
	});

	const output = await producer.createConfirmChannel();
	await output.assertQueue(queue);
	for (let n = 0; n < MESSAGES; n++) {
		const kind = n % 10 === 0 ? 'alarm' : n % 3 === 0 ? 'debug' : 'reading';
		output.sendToQueue(queue, Buffer.from(JSON.stringify({ sensor: `s${n % 97}`, kind } satisfies Report)));
	}
	await output.waitForConfirms();
	console.log(`${MESSAGES} messages wait`);

	// Called for every connection: the first, and each that amqplib makes after a loss.
	const setup = async (connection: ChannelModel): Promise<void> => {
		current = connection;
		channel = await connection.createChannel();
		await intake.consume(channel, queue, handler);
	};
	const connection = await connect(url, { recovery: { initialDelay: 50, setup } });
	connection.on('disconnect', () => console.log('the connection is lost'));
	connection.on('connect', () => console.log('connected again'));
	shedder.start();

	while (shedder.stats().offered < MESSAGES / 4) await sleep(20);
	// What is under way is finished, and its acknowledgements are not sent: those messages come again.
	await current?.close();

	while (!(await drained()) || shedder.level !== 'NORMAL' || shedder.stats().waiting > 0) await sleep(100);
	const { offered, processed, spilled, replayed, dropped, protectedShed } = shedder.stats();
	console.log(`
${processed} handled at once, ${spilled} kept on disk and ${replayed} of them handled since, ${dropped} left out
${offered} deliveries of ${MESSAGES} messages; ${protectedShed} alarms were shed`);

	await handler.close();
	await connection.close();
	await shedder.stop();
	await output.deleteQueue(queue);
	await producer.close();
	rmSync(directory, { recursive: true });

	async function drained(): Promise<boolean> {
		return (await output.checkQueue(queue)).messageCount + intake.held(queue) === 0;
	}
}
