/**
 * Nothing lost: a consumer is overloaded, spills to disk, and is killed with `kill -9` in the middle. The next one finds
 * what was kept, replays it, and the ledger says that every message was handled.
 *
 *     npx tsx examples/spill-and-replay.ts
 *
 * This process plays the broker: it delivers again what was not acknowledged. The consumer is a child process.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createLoadShedder, defineLadder, defineTiers, type Stats } from '../src/index.js';
import { fileSpill } from '../src/spill-file/index.js';

interface Quote {
	readonly id: number;
	readonly symbol: string;
}
/** What the consumer tells the broker. */
type Told =
	| { readonly acked: readonly number[] }
	| { readonly handled: number; readonly replayed: boolean }
	| { readonly stats: Stats };

const MESSAGES = 3_000;
const symbols = ['BHP', 'CBA', 'ZIP', 'APT', 'KGN', 'NXL', 'ELO', 'MP1', 'WTC', 'XRO'];

const [, , directory] = process.argv;
if (directory === undefined) await playBroker();
else consume(directory);

/** The consumer: 2 ms of waiting a message, so that it can do some 400 a second. */
function consume(directory: string): void {
	const tell = (told: Told) => process.send?.(told);
	const queue: Quote[] = [];
	const shedder = createLoadShedder({
		ladder: defineLadder({
			priorities: { protected: 'critical', sheddable: ['normal'] },
			signals: { lag: { recoverBelow: 0.5, fallsWhilePaused: false } },
			levels: [{ name: 'NORMAL' }, { name: 'AGGRESSIVE', enterAt: { lag: 300 }, shed: { normal: 'spill' } }],
			cooldownMs: 500,
		}),
		signals: { lag: () => queue.length },
		tiers: defineTiers({
			tiers: [{ name: 'top', priority: 'critical', keys: ['BHP'] }],
			fallback: { name: 'rest', priority: 'normal' },
		}),
		keyOf: ({ symbol }: Quote) => symbol,
		spill: {
			store: fileSpill({ directory, maxBytes: 64 * 1024 * 1024 }),
			idOf: ({ id }) => String(id),
			keyFence: true,
		},
		checkEveryMs: 100,
	});
	// A batch is appended with one sync of the disk, which is much cheaper than to process it.
	const handle = shedder.wrapBatch(async ({ id }, { replayed }) => {
		await sleep(2);
		tell({ handled: id, replayed });
	});
	process.on('message', (quotes: readonly Quote[]) => queue.push(...quotes));
	process.once('disconnect', () => shedder.stop());
	setInterval(() => tell({ stats: shedder.stats() }), 100).unref();
	shedder.start();
	void (async () => {
		while (process.connected) {
			const batch = queue.splice(0, 50);
			if (batch.length === 0) await sleep(5);
			else {
				await handle(batch);
				// Processed, or durably kept: either way it is ours now.
				tell({ acked: batch.map(({ id }) => id) });
			}
		}
	})();
}

async function playBroker(): Promise<void> {
	const folder = mkdtempSync(join(tmpdir(), 'brownout-spill-'));
	const unacked = new Map<number, Quote>();
	const handled = new Map<number, number>();
	let stats: Stats | undefined;
	const startConsumer = (): ChildProcess => {
		stats = undefined;
		const child = fork(fileURLToPath(import.meta.url), [folder], { execArgv: ['--import', 'tsx'] });
		child.on('message', (told: Told) => {
			if ('acked' in told) for (const id of told.acked) unacked.delete(id);
			else if ('handled' in told) handled.set(told.handled, (handled.get(told.handled) ?? 0) + 1);
			else stats = told.stats;
		});
		return child;
	};
	const say = (text: string) => console.log(`${(performance.now() / 1000).toFixed(1).padStart(5)} s  ${text}`);

	const first = startConsumer();
	while (stats === undefined) await sleep(10);
	say(`${MESSAGES} messages arrive within a second; the consumer can do 400`);
	for (let id = 0; id < MESSAGES; id++) unacked.set(id, { id, symbol: symbols[id % symbols.length] as string });
	const quotes = [...unacked.values()];
	for (let sent = 0; sent < MESSAGES; sent += 30) {
		// In the middle of it: much is kept, and something is still in the hands of the consumer.
		if (MESSAGES - unacked.size > MESSAGES / 2) break;
		first.send(quotes.slice(sent, sent + 30));
		await sleep(10);
	}
	first.kill('SIGKILL');
	await once(first, 'exit');
	say(`kill -9: ${handled.size} handled, ${MESSAGES - unacked.size} acknowledged`);

	const second = startConsumer();
	second.send([...unacked.values()]);
	say(`a new consumer; ${unacked.size} messages are delivered again`);
	while (stats === undefined || stats.recovered === 0) await sleep(10);
	say(`it finds ${stats.recovered} messages on the disk`);
	while (unacked.size > 0 || stats.waiting + stats.inFlight > 0) await sleep(50);
	say(`everything is replayed, the level is ${stats.level}`);
	second.disconnect();
	await once(second, 'exit');
	rmSync(folder, { recursive: true });

	const { offered, recovered, processed, replayed, expired, lost, protectedShed } = stats;
	const twice = [...handled.values()].filter((times) => times > 1).length;
	console.log(`
second consumer   ${offered} offered + ${recovered} found = ${processed} processed + ${replayed} replayed + ${expired} known already
all messages      ${MESSAGES} sent, ${handled.size} handled, ${MESSAGES - handled.size} missing, ${twice} handled twice
                  ${lost} lost by the spill, ${protectedShed} protected ones shed`);
	if (handled.size !== MESSAGES) process.exitCode = 1;
}
