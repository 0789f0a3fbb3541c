/**
 * Two shedders of one process, scraped over HTTP as Prometheus does it, before and during an overload.
 *
 *     npx tsx examples/prometheus.ts            scrapes itself and ends
 *     npx tsx examples/prometheus.ts 8000       stays; then: curl -s localhost:8000/metrics | grep degradation_level
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Registry } from 'prom-client';
import { createLoadShedder, marketDataLadder, marketDataTiers, memorySpill } from '../src/index.js';
import { heapSignal } from '../src/process/index.js';
import { prometheusMetrics } from '../src/prometheus/index.js';

const [, , port] = process.argv;
const lag = { trades: 0, quotes: 0 };
const registry = new Registry();

function start(name: keyof typeof lag) {
	const shedder = createLoadShedder({
		ladder: marketDataLadder,
		signals: { lag: { read: () => lag[name], fallsWhilePaused: false }, heap: heapSignal() },
		tiers: marketDataTiers,
		keyOf: ({ symbol }: { symbol: string }) => symbol,
		spill: memorySpill(),
	});
	prometheusMetrics(shedder, { registry, name });
	shedder.start();
	return { shedder, handle: shedder.wrap(async () => 'done') };
}

const [trades, quotes] = [start('trades'), start('quotes')];

const server = createServer(async (request, response) => {
	if (request.url !== '/metrics') {
		response.writeHead(404).end();
		return;
	}
	try {
		const text = await registry.metrics();
		response.writeHead(200, { 'content-type': registry.contentType }).end(text);
	} catch (error) {
		// Better no figures, which Prometheus notices, than half of them.
		response.writeHead(500).end(String(error));
	}
});
server.listen(Number(port ?? 0), '127.0.0.1');
await once(server, 'listening');
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`;

async function scrape(title: string, wanted: RegExp): Promise<void> {
	const text = await (await fetch(url)).text();
	console.log(
		`${title}:\n${text
			.split('\n')
			.filter((line) => wanted.test(line))
			.join('\n')}\n`,
	);
}

await scrape('at rest', /^brownout_degradation_level\{/);
lag.trades = 1_200_000;
while (trades.shedder.level !== 'AGGRESSIVE') await trades.shedder.check();
for (const symbol of ['BHP', 'REA', 'ZIP']) for (const { handle } of [trades, quotes]) await handle({ symbol });
await scrape(
	'trades overloaded',
	/^brownout_(degradation_level\{|(degradation_transitions|messages_shed|spilled)_total.* [1-9])/,
);

if (port === undefined) {
	server.close();
	for (const { shedder } of [trades, quotes]) await shedder.stop();
} else console.log(`serving ${url}; Ctrl+C ends it`);
