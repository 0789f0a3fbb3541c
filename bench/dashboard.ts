/**
 * What pages that follow cost the service that they follow: the delay of its event loop with none and with 200, in turns.
 *
 *     npm run bench:dashboard -- [--viewers 200] [--seconds 10] [--rounds 3] [--check]
 *
 * The service is this process and handles 2 000 messages a second; the pages are connections of another process, which
 * parses all that it hears. `--check` exits with 1 when the 99th percentile differs by more than 5 ms.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { serveDashboard } from '../src/dashboard/index.js';
import { createLoadShedder, marketDataLadder, marketDataTiers, memorySpill } from '../src/index.js';

const MORE_MAX_MS = 5;
const { values } = parseArgs({
	options: {
		viewers: { type: 'string', default: '200' },
		seconds: { type: 'string', default: '10' },
		rounds: { type: 'string', default: '3' },
		check: { type: 'boolean' },
	},
});

const shedder = createLoadShedder({
	ladder: marketDataLadder,
	signals: { lag: { read: () => 600_000, fallsWhilePaused: false }, heap: () => 0.6 },
	tiers: marketDataTiers,
	keyOf: (trade: { symbol: string }) => trade.symbol,
	spill: memorySpill(),
});
const handle = shedder.wrap(() => {});
shedder.start();
const traffic = setInterval(() => {
	for (let n = 0; n < 20; n++) handle({ symbol: n % 2 === 0 ? 'BHP' : 'ZIP' }).catch(() => {});
}, 10);
const dashboard = await serveDashboard(shedder);
// A history as long as after some minutes.
await sleep(5_000);

interface Delay {
	readonly mean: number;
	readonly p50: number;
	readonly p99: number;
	readonly max: number;
	readonly cpu: number;
}

/** @returns the delay beyond the timer's own period, ms, and the processor time, ratio. */
async function measure(): Promise<Delay> {
	const histogram = monitorEventLoopDelay({ resolution: 1 });
	const before = process.cpuUsage();
	histogram.enable();
	await sleep(Number(values.seconds) * 1_000);
	histogram.disable();
	const { user, system } = process.cpuUsage(before);
	const ms = (ns: number) => Math.max(0, ns / 1e6 - 1);
	return {
		mean: ms(histogram.mean),
		p50: ms(histogram.percentile(50)),
		p99: ms(histogram.percentile(99)),
		max: ms(histogram.max),
		cpu: (user + system) / 1e6 / Number(values.seconds),
	};
}

async function withViewers(): Promise<Delay> {
	const script = fileURLToPath(new URL('dashboard-viewers.ts', import.meta.url));
	const viewers = fork(script, [dashboard.url, values.viewers]);
	await once(viewers, 'message');
	try {
		return await measure();
	} finally {
		const ended = once(viewers, 'exit');
		viewers.kill();
		await ended;
	}
}

const rows: { readonly none: Delay; readonly many: Delay }[] = [];
console.log(
	`delay of the event loop in ms beyond 1 ms, ${values.seconds} s each, without and with ${values.viewers} pages`,
);
for (let round = 0; round < Number(values.rounds); round++) {
	const none = await measure();
	const many = await withViewers();
	rows.push({ none, many });
	for (const [name, { mean, p50, p99, max, cpu }] of [
		['none', none],
		[`${values.viewers} pages`, many],
	] as const) {
		const figures = Object.entries({ mean, p50, p99, max }).map(([key, ms]) => `${key} ${ms.toFixed(2)}`);
		console.log(`${name.padEnd(10)} ${figures.join('  ')}  processor ${(cpu * 100).toFixed(1)} %`);
	}
}
clearInterval(traffic);
await dashboard.close();
await shedder.stop();

// The median of the rounds: whatever else runs here disturbs single ones.
const more = rows.map(({ none, many }) => many.p99 - none.p99).sort((a, b) => a - b)[Math.floor(rows.length / 2)] ?? 0;
console.log(`99th percentile: ${more.toFixed(2)} ms more, at most ${MORE_MAX_MS} wanted`);
if (values.check && more > MORE_MAX_MS) process.exitCode = 1;
