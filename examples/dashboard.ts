/**
 * The live page: a service whose lag rises and falls through all levels, over and over.
 *
 *     npx tsx examples/dashboard.ts [--port 8080] [--for <seconds>] [--token <at least 16 characters>]
 *
 * With a token, given there or in BROWNOUT_DASHBOARD_TOKEN, who knows it may override the level on the page.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { serveDashboard } from '../src/dashboard/index.js';
import { createLoadShedder, defineLadder, marketDataLadder, marketDataTiers, memorySpill } from '../src/index.js';

const { values } = parseArgs({
	options: { port: { type: 'string', default: '8080' }, for: { type: 'string' }, token: { type: 'string' } },
});
const token = values.token ?? process.env.BROWNOUT_DASHBOARD_TOKEN;

// The levels of the preset, with cooldowns that one can watch.
const ladder = defineLadder({
	...marketDataLadder.spec,
	levels: marketDataLadder.spec.levels.map((level) =>
		level.name === 'CIRCUIT_BREAK' ? { ...level, cooldownMs: 3_000 } : level,
	),
	cooldownMs: 8_000,
	guard: false,
});

/** What is asked of the consumer, s -> its lag: quiet, a rush, the peak, and the way down. */
const COURSE = [
	[0, 20_000],
	[15, 60_000],
	[25, 300_000],
	[35, 700_000],
	[45, 2_500_000],
	[52, 5_600_000],
	[57, 5_600_000],
	[66, 400_000],
	[72, 30_000],
	[120, 20_000],
] as const;
const startedMs = performance.now();

function lag(): number {
	const s = ((performance.now() - startedMs) / 1_000) % 120;
	const at = COURSE.findIndex(([end]) => end > s);
	const [from, low] = COURSE[at - 1] ?? [0, 0];
	const [to, high] = COURSE[at] ?? [1, 0];
	const noise = 1 + 0.06 * Math.sin(s * 7) + 0.04 * Math.sin(s * 3.1);
	return (low + ((high - low) * (s - from)) / (to - from)) * noise;
}

const shedder = createLoadShedder({
	ladder,
	signals: {
		lag: { read: lag, fallsWhilePaused: false },
		heap: () => 0.55 + 0.05 * Math.sin(performance.now() / 9_000),
	},
	tiers: marketDataTiers,
	keyOf: (trade: { symbol: string; reference: boolean }) => trade.symbol,
	priorityOf: (trade) => (trade.reference ? 'low' : undefined),
	spill: memorySpill(),
	// Where a consumer's `pause` and `resume` would be; here the traffic below asks `accepting`.
	intake: { pause() {}, resume() {} },
});
const handle = shedder.wrap(async () => sleep(2));

shedder.start();
const dashboard = await serveDashboard(shedder, {
	title: 'trades',
	port: Number(values.port),
	...(token === undefined ? {} : { overrides: { token } }),
});
console.log(`The page is at ${dashboard.url}${values.for === undefined ? ', until Ctrl+C' : ''}`);

const symbols = ['BHP', 'CBA', 'REA', 'QAN', 'ZIP', 'ABC', 'XYZ'];
const traffic = setInterval(() => {
	// Whoever is not accepting is not asked: what a paused consumer does.
	if (!shedder.accepting) return;
	for (let n = 0; n < 40; n++) {
		const symbol = symbols[n % symbols.length] ?? '';
		handle({ symbol, reference: n % 10 === 0 }).catch((error: unknown) => console.error(error));
	}
}, 100);

const stop = new AbortController();
process.once('SIGINT', () => stop.abort());
await sleep(values.for === undefined ? 2 ** 31 - 1 : Number(values.for) * 1_000, undefined, {
	signal: stop.signal,
}).catch(() => {});
clearInterval(traffic);
await dashboard.close();
await shedder.stop();
