/**
 * A service to look at with Prometheus and Grafana: its load comes in waves, from nothing to far too much and back.
 *
 *     npx tsx examples/observability/service.ts
 *     curl -s localhost:8000/metrics | grep degradation_level
 *
 * A wave takes two minutes and passes through all levels. `PORT=8001` moves the metrics, `WAVE_S=30` is a quicker wave.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Registry } from 'prom-client';
import { createLoadShedder, defineLadder, marketDataLadder, marketDataTiers, memorySpill } from '../../src/index.js';
import { prometheusMetrics } from '../../src/prometheus/index.js';

interface Quote {
	readonly symbol: string;
	/** Such as the name of a company: it can be fetched again. */
	readonly reference: boolean;
}

const SYMBOLS = ['BHP', 'CBA', 'REA', 'QAN', 'ZIP', 'APT', 'KGN', 'NXL'];
const PER_S = 400;
const TICK_MS = 50;
const PEAK_LAG = 6_000_000;
const waveMs = Number(process.env.WAVE_S ?? 120) * 1_000;
const startedMs = performance.now();

/** The length of a queue: half of a wave there is none. */
const lag = () => PEAK_LAG * Math.max(0, Math.sin(((performance.now() - startedMs) / waveMs) * 2 * Math.PI)) ** 3;

let open = true;
const shedder = createLoadShedder({
	ladder: defineLadder({
		...marketDataLadder.spec,
		// In a hurry, so that a wave is enough to see everything.
		cooldownMs: waveMs / 24,
		probe: { afterMs: waveMs / 24, forMs: waveMs / 60 },
	}),
	signals: {
		lag: { read: lag, fallsWhilePaused: false },
		heap: () => process.memoryUsage().heapUsed / 1_000_000_000,
	},
	intake: {
		pause() {
			open = false;
		},
		resume() {
			open = true;
		},
	},
	tiers: marketDataTiers,
	keyOf: ({ symbol }: Quote) => symbol,
	priorityOf: ({ reference }) => (reference ? 'low' : undefined),
	spill: memorySpill({ maxBytes: 10_000_000 }),
	capacityPerS: 2 * PER_S,
});
const handle = shedder.wrap(({ symbol }: Quote) => symbol);

const registry = new Registry();
prometheusMetrics(shedder, { registry, name: 'quotes' });
const server = createServer(async (request, response) => {
	if (request.url !== '/metrics') response.writeHead(404).end();
	else response.setHeader('content-type', registry.contentType).end(await registry.metrics());
});
server.listen(Number(process.env.PORT ?? 8_000), '127.0.0.1');
await once(server, 'listening');
const address = server.address();
console.log(`http://127.0.0.1:${typeof address === 'object' ? address?.port : address}/metrics`);

shedder.on('transitioned', ({ from, to, why }) => console.log(`${from} -> ${to} (${why})`));
shedder.start();

let sent = 0;
const traffic = setInterval(() => {
	for (let n = 0; open && n < (PER_S * TICK_MS) / 1_000; n++, sent++) {
		const symbol = SYMBOLS[sent % SYMBOLS.length] as string;
		handle({ symbol, reference: sent % 5 === 0 }).catch(console.error);
	}
}, TICK_MS);

for (const signal of ['SIGINT', 'SIGTERM'] as const)
	process.once(signal, async () => {
		clearInterval(traffic);
		server.close();
		await shedder.stop();
	});
