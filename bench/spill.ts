/**
 * The file spill against the disk it writes to, and against embedded stores. Prints a table and the goals.
 *
 *     tsx bench/compiled.ts spill.ts [--quick] [--check] [--bare] [--directory /where/to/write]
 *
 * What is compared is measured in turn, round by round, because a disk is never the same twice; a ratio is the median of the
 * rounds. `npm run bench:peers` installs the stores compared with. They keep the same records; with `--bare` the payloads only.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { fileSpill } from '../src/spill-file/index.js';
import { median } from './group.js';
import { type Contender, contenders, own, raw, recordsOf } from './spill-contenders.js';

const { values: options } = parseArgs({
	options: {
		quick: { type: 'boolean' },
		check: { type: 'boolean' },
		directory: { type: 'string', default: tmpdir() },
		bare: { type: 'boolean' },
		inflight: { type: 'boolean' },
	},
});
const ROUNDS = options.quick ? 3 : 7;
const BATCH = 1000;
const MIB = 1024 * 1024;

interface Result {
	readonly appendPerS: number;
	readonly replayPerS: number;
	readonly stallMs: number;
}

/** Appends and replays in a directory of its own. */
async function measure(contender: Contender, bytes: number, batches: number): Promise<Result> {
	const directory = await mkdtemp(join(options.directory, 'spill-bench-'));
	const delay = monitorEventLoopDelay({ resolution: 1 });
	try {
		const store = await contender.open(directory, bytes * BATCH * batches * 2 + 64 * MIB);
		const given = Array.from({ length: batches }, (_, n) => recordsOf(n * BATCH, BATCH, bytes));
		await new Promise((resolve) => setTimeout(resolve, 20));
		delay.enable();
		let fromMs = performance.now();
		for (const batch of given) {
			await store.append(batch);
			// A store that never waits would keep its stall from being seen.
			await new Promise(setImmediate);
		}
		const appendMs = performance.now() - fromMs;
		delay.disable();
		fromMs = performance.now();
		const replayed = await store.replay();
		const replayMs = performance.now() - fromMs;
		if (replayed !== batches * BATCH) throw new Error(`${contender.name} gave back ${replayed} records`);
		await store.close();
		const perS = (ms: number) => (batches * BATCH * 1000) / ms;
		return { appendPerS: perS(appendMs), replayPerS: perS(replayMs), stallMs: delay.max / 1e6 };
	} finally {
		await rm(directory, { recursive: true, force: true });
	}
}

interface Goal {
	readonly goal: string;
	readonly measured: string;
	readonly kept: boolean;
}
const goals: Goal[] = [];
const goal = (goal: string, measured: string, kept: boolean) => void goals.push({ goal, measured, kept });

async function throughput(all: readonly Contender[], bytes: number): Promise<void> {
	const batches = Math.ceil((options.quick ? 20 : 60) * (bytes > 500 ? 1 : 2));
	const results = new Map<string, Result[]>(all.map(({ name }) => [name, []]));
	for (const contender of all) await measure(contender, bytes, batches);
	for (let round = 0; round < ROUNDS; round++) {
		for (const contender of all) results.get(contender.name)?.push(await measure(contender, bytes, batches));
	}
	const of = (name: string, figure: keyof Result) => (results.get(name) ?? []).map((result) => result[figure]);
	const ratio = (name: string, to: string, figure: keyof Result) =>
		median(of(name, figure).map((value, round) => value / (of(to, figure)[round] as number)));
	console.log(`\n### ${bytes} B, batches of ${BATCH}, each durable before the next; ${ROUNDS} rounds of ${batches}\n`);
	console.log('| | append/s | of the raw disk | replay/s | longest stall, ms |');
	console.log('|---|---:|---:|---:|---:|');
	for (const { name } of all) {
		const cells = [
			thousands(median(of(name, 'appendPerS'))),
			`${ratio(name, raw.name, 'appendPerS').toFixed(2)}x`,
			name === raw.name ? '' : thousands(median(of(name, 'replayPerS'))),
			Math.max(...of(name, 'stallMs')).toFixed(1),
		];
		console.log(`| ${name} | ${cells.join(' | ')} |`);
	}
	const ofRaw = ratio(own.name, raw.name, 'appendPerS');
	if (bytes === 1024) goal('append at 1 KB at least 0.7 of raw', ofRaw.toFixed(2), ofRaw >= 0.7);
	const stall = Math.max(...of(own.name, 'stallMs'));
	goal(`${bytes} B: longest stall below 20 ms`, stall.toFixed(1), stall < 20);
	for (const [figure, least] of [['appendPerS', 1.5] as const, ['replayPerS', 2] as const]) {
		const peers = all.filter(({ name }) => name !== own.name && name !== raw.name);
		if (peers.length === 0) continue;
		const best = peers.reduce((a, b) => (median(of(a.name, figure)) >= median(of(b.name, figure)) ? a : b));
		const times = ratio(own.name, best.name, figure);
		const what = figure === 'appendPerS' ? 'append' : 'replay';
		goal(`${bytes} B: ${what} at least ${least}x the best (${best.name})`, `${times.toFixed(2)}x`, times >= least);
	}
}

/** Each message durable before the next, against the same by hand. */
async function oneByOne(): Promise<void> {
	const count = options.quick ? 300 : 1000;
	const perMessage = async (contender: Contender) => {
		const directory = await mkdtemp(join(options.directory, 'spill-bench-'));
		const store = await contender.open(directory, 64 * MIB);
		const records = recordsOf(0, count, 200);
		const fromMs = performance.now();
		for (const record of records) await store.append([record]);
		const ms = (performance.now() - fromMs) / count;
		await store.close();
		await rm(directory, { recursive: true, force: true });
		return ms;
	};
	const rounds: { readonly raw: number; readonly own: number }[] = [];
	for (const contender of [raw, own]) await perMessage(contender);
	for (let round = 0; round < 2 * ROUNDS; round++) {
		// In turn who comes first: the disk is slower behind a removal of files.
		if (round % 2 === 0) rounds.push({ raw: await perMessage(raw), own: await perMessage(own) });
		else {
			const first = await perMessage(own);
			rounds.push({ raw: await perMessage(raw), own: first });
		}
	}
	const times = median(rounds.map(({ raw, own }) => own / raw));
	const shown = `${times.toFixed(2)}x (${(1000 / median(rounds.map(({ own }) => own))).toFixed(0)}/s)`;
	goal('a sync per message takes at most 1.1 of raw', shown, times <= 1.1);
}

async function opening(): Promise<void> {
	const directory = await mkdtemp(join(options.directory, 'spill-bench-'));
	const make = () => fileSpill({ directory, maxBytes: 1024 * MIB, durability: 'os', minFreeBytes: 0 });
	const store = make();
	await store.open();
	for (let n = 0; n < 1_000_000; n += 10_000) await store.append(recordsOf(n, 10_000, 200));
	await store.close();
	const again = make();
	const fromMs = performance.now();
	await again.open();
	const ms = performance.now() - fromMs;
	const { records } = await again.stats();
	await again.close();
	await rm(directory, { recursive: true, force: true });
	if (records !== 1_000_000) throw new Error(`${records} records wait instead of a million`);
	goal('open with 1 M records waiting below 500 ms', `${ms.toFixed(0)} ms`, ms < 500);
}

/** In a process of its own, whose memory is nobody else's. */
async function inFlight(): Promise<void> {
	const child = fork(fileURLToPath(import.meta.url), ['--inflight', '--directory', options.directory], {
		execArgv: ['--expose-gc'],
	});
	const [mib] = (await once(child, 'message')) as [number];
	await once(child, 'exit');
	goal('10 000 appends of 1 KB in flight take at most 64 MB', `${mib.toFixed(0)} MB`, mib <= 64);
}

async function measureInFlight(): Promise<void> {
	const directory = await mkdtemp(join(options.directory, 'spill-bench-'));
	const store = fileSpill({ directory, maxBytes: 1024 * MIB, minFreeBytes: 0 });
	await store.open();
	await store.append(recordsOf(0, BATCH, 1024));
	const records = recordsOf(0, 10_000, 1024);
	globalThis.gc?.();
	const before = process.memoryUsage().rss;
	let peak = before;
	const appends = records.map((record) => store.append([record]));
	peak = Math.max(peak, process.memoryUsage().rss);
	await Promise.all(appends);
	peak = Math.max(peak, process.memoryUsage().rss);
	await store.close();
	await rm(directory, { recursive: true, force: true });
	process.send?.((peak - before) / 1e6);
}

function thousands(perS: number): string {
	return perS >= 10_000 ? `${Math.round(perS / 1000)}k` : perS.toFixed(0);
}

await mkdir(options.directory, { recursive: true });
if (options.inflight) await measureInFlight();
else {
	console.log(`Node ${process.version}, ${availableParallelism()} cores, ${process.platform}, in ${options.directory}`);
	const all = [raw, own, ...(await contenders(options.bare ?? false))];
	if (all.length === 2) console.log('The stores compared with are not installed: `npm run bench:peers` installs them.');
	for (const bytes of [200, 1024]) await throughput(all, bytes);
	await oneByOne();
	await opening();
	await inFlight();
	console.log('\n### Goals\n\n| goal | measured | |\n|---|---|---|');
	for (const { goal, measured, kept } of goals) console.log(`| ${goal} | ${measured} | ${kept ? 'kept' : 'MISSED'} |`);
	if (options.check && goals.some(({ kept }) => !kept)) process.exitCode = 1;
}
