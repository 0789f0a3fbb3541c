/**
 * An overload of a consumer of Redis Streams, and its recovery: lag from the server, optional work given up, orders spilled to
 * disk, the intake paused and opened for a look, everything replayed.
 *
 *     redis-server                          in another terminal, or any Redis of yours from 6.2 on
 *     npx tsx examples/redis-streams.ts     REDIS_URL, default redis://127.0.0.1:6379
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'redis';
import { createLoadShedder, defineLadder } from '../src/index.js';
import { redisStreamsHandler, redisStreamsIntake, redisStreamsLag } from '../src/redis-streams/index.js';
import { fileSpill } from '../src/spill-file/index.js';

interface Order {
	readonly id: number;
	readonly account: string;
	readonly priority: 'critical' | 'normal' | 'low';
}

const ORDERS = 1_000;
const url = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379';
const say = (text: string) => process.stdout.write(`${text}\n`);

// A client of ioredis does as well.
const client = createClient({ url, socket: { reconnectStrategy: false, connectTimeout: 2_000 } });
client.on('error', () => {});
const here = await client.connect().then(
	() => true,
	() => false,
);
if (here) {
	await run();
	client.destroy();
} else say(`There is no Redis at ${url}. Start one with "redis-server", or name yours in REDIS_URL.`);

async function run(): Promise<void> {
	const stream = `orders-${randomUUID()}`;
	const directory = mkdtempSync(join(tmpdir(), 'brownout-redis-'));
	await client.xGroupCreate(stream, 'desk', '0', { MKSTREAM: true });

	const place = { client, stream, group: 'desk' };
	const intake = redisStreamsIntake({ ...place, consumer: 'desk-1' });
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
		signals: { lag: redisStreamsLag(place) },
		intake,
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

	const orders = Array.from({ length: ORDERS }, (_, id): Order => {
		const priority = id % 10 === 0 ? 'critical' : id % 3 === 0 ? 'low' : 'normal';
		return { id, account: `A${id % 50}`, priority };
	});
	await Promise.all(orders.map((order) => client.xAdd(stream, '*', { order: JSON.stringify(order) })));
	say(`${ORDERS} orders at once, for a consumer that can do some 400 a second with everything on`);

	const handled = new Set<number>();
	const handler = redisStreamsHandler(shedder, {
		decode: ({ fields }) => JSON.parse(fields.order as string) as Order,
		async handle({ id }, { features }) {
			await sleep(features.enrichment ? 2 : 1);
			handled.add(id);
		},
	});
	const consuming = intake.consume(handler, { onError: (error) => say(`  ${String(error)}`) });
	shedder.start();

	const due = orders.filter(({ priority }) => priority !== 'low');
	const endMs = performance.now() + 20_000;
	const isOver = () => shedder.level === 'NORMAL' && due.every(({ id }) => handled.has(id));
	while (!isOver() && performance.now() < endMs) await sleep(50);

	// The consumer first, so that what it has in hand is still decided on; then what is spilled is closed.
	await consuming.stop();
	await shedder.stop();
	const { processed, spilled, replayed, dropped, waiting, protectedShed } = shedder.stats();
	say(
		`processed ${processed}, spilled ${spilled} and replayed ${replayed}, dropped ${dropped}, protected shed ${protectedShed}`,
	);
	if (waiting > 0) say(`${waiting} wait in the spill: this machine is busy`);
	say(`${due.filter(({ id }) => handled.has(id)).length} of ${due.length} that may not be dropped were handled`);
	await client.del(stream);
	rmSync(directory, { recursive: true });
}
