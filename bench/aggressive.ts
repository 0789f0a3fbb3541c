/**
 * Does AGGRESSIVE lower the lag? A consumer whose handler takes 0.3 ms of CPU gets twice as many messages as it can handle, 5 % of
 * them protected, in batches of 200. How many it takes off its queue a second, by what becomes of the rest.
 *
 *     tsx bench/compiled.ts aggressive.ts [--seconds 4] [--directory /where/to/write]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { createLoadShedder, defineLadder, defineTiers, memorySpill, type SpillStore } from '../src/index.js';
import { fileSpill } from '../src/spill-file/index.js';

const { values: options } = parseArgs({
	options: { seconds: { type: 'string', default: '4' }, directory: { type: 'string', default: tmpdir() } },
});
const HANDLE_MS = 0.3;
const BATCH = 200;
const PER_S = 2 * (1000 / HANDLE_MS);
const LAG_AT_START = 5_000;

interface Quote {
	readonly key: string;
	readonly text: string;
}

/** What is measured: where messages go that are not protected; `undefined` = they are processed as ever. */
const ways: Readonly<Record<string, ((directory: string) => SpillStore) | undefined>> = {
	'no ladder: everything is processed': undefined,
	'AGGRESSIVE, memorySpill': () => memorySpill(),
	'AGGRESSIVE, fileSpill, os': (directory) => fileSpill({ directory, maxBytes: 2 ** 30, durability: 'os' }),
	'AGGRESSIVE, fileSpill, fsync': (directory) => fileSpill({ directory, maxBytes: 2 ** 30 }),
};

const table = new Table({
	style: { head: [], border: [] },
	head: ['', 'taken off the queue', 'of what arrives', 'lag after', 'spilled'],
});
for (const [name, make] of Object.entries(ways)) {
	const directory = await mkdtemp(join(options.directory, 'aggressive-'));
	const shedder = createLoadShedder({
		ladder: defineLadder({
			priorities: { protected: 'critical', sheddable: ['normal'] },
			signals: { lag: { recoverBelow: 0.5 } },
			levels: [{ name: 'NORMAL' }, { name: 'AGGRESSIVE', enterAt: { lag: 1_000 }, shed: { normal: 'spill' } }],
			cooldownMs: 30_000,
		}),
		signals: { lag: () => (make === undefined ? 0 : queue) },
		tiers: defineTiers({
			tiers: [{ name: 'top', priority: 'critical', keys: ['key 0'] }],
			fallback: { name: 'rest', priority: 'normal' },
		}),
		keyOf: ({ key }: Quote) => key,
		spill: make?.(directory),
	});
	let queue = LAG_AT_START;
	let arrived = 0;
	let taken = 0;
	let n = 0;
	const handle = shedder.wrapBatch((_: Quote) => {
		for (const untilMs = performance.now() + HANDLE_MS; performance.now() < untilMs; );
	});
	await shedder.check();
	const fromMs = performance.now();
	for (const untilMs = fromMs + Number(options.seconds) * 1000; performance.now() < untilMs && queue >= 1; ) {
		const batch = Array.from({ length: Math.min(BATCH, Math.floor(queue)) }, () => ({
			key: `key ${n++ % 20}`,
			text: 'a quote of some two hundred bytes '.repeat(5),
		}));
		await handle(batch);
		taken += batch.length;
		queue -= batch.length;
		const now = ((performance.now() - fromMs) * PER_S) / 1000;
		queue += now - arrived;
		arrived = now;
	}
	const seconds = (performance.now() - fromMs) / 1000;
	const perS = taken / seconds;
	table.push([
		name,
		`${Math.round(perS).toLocaleString('en')}/s`,
		`${((100 * perS) / PER_S).toFixed(0)} %`,
		queue < 1 ? `0 after ${seconds.toFixed(1)} s` : Math.round(queue).toLocaleString('en'),
		shedder.stats().spilled.toLocaleString('en'),
	]);
	await shedder.stop();
	await rm(directory, { recursive: true });
}
console.log(`${PER_S.toFixed(0)} messages arrive a second, ${LAG_AT_START} wait at the beginning.`);
console.log(table.toString());
