import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Registry } from 'prom-client';
import {
	createLoadShedder,
	createTierRegistry,
	defineLadder,
	marketDataLadder,
	marketDataTiers,
	memorySpill,
} from '../../../src/index.js';
import { prometheusMetrics } from '../../../src/prometheus/index.js';

interface Quote {
	readonly id: number;
	readonly symbol: string;
	/** Reference data can be backfilled. */
	readonly reference: boolean;
}

/** A tier each, and one message in four is reference data. */
const SYMBOLS = ['BHP', 'REA', 'ZIP', 'CBA'];
const PACE_MS = 20;

/** The lag of each level, in the middle between its threshold and the next. */
export const LAG = { NORMAL: 0, SOFT: 200_000, GRACEFUL: 600_000, AGGRESSIVE: 2_000_000, CIRCUIT_BREAK: 6_000_000 };

/** The market-data ladder, in a hurry. */
const ladder = defineLadder({
	...marketDataLadder.spec,
	cooldownMs: 500,
	backoff: false,
	probe: { afterMs: 300, forMs: 200 },
	signals: { ...marketDataLadder.spec.signals, heap: { recoverBelow: 0.9, maxAgeMs: 100 } },
});

/** A shedder with traffic, whose signals the test sets, and its metrics on a port of its own. @param name  default: none. */
export async function startCourse(name?: string) {
	const now = { lag: LAG.NORMAL, heap: 0.2 as number | Error };
	const tiers = createTierRegistry(marketDataTiers);
	const shedder = createLoadShedder({
		ladder,
		signals: {
			lag: { read: () => now.lag, fallsWhilePaused: false },
			heap: () => {
				if (now.heap instanceof Error) throw now.heap;
				return now.heap;
			},
		},
		tiers,
		keyOf: ({ symbol }: Quote) => symbol,
		priorityOf: ({ reference }) => (reference ? 'low' : undefined),
		spill: memorySpill({ maxBytes: 10_000_000 }),
		replay: { maxPerS: 20 },
		capacityPerS: 10_000,
		checkEveryMs: 50,
	});
	// Failures are what some of the course is about.
	shedder.on('failed', () => {});
	const registry = new Registry();
	const metrics = prometheusMetrics(shedder, { registry, name });
	const server = await listen(async (_, response) => {
		response.setHeader('content-type', registry.contentType).end(await registry.metrics());
	});
	const handle = shedder.wrap(async () => {
		await sleep(1);
	});
	const traffic = new AbortController();
	const delivered = deliver(handle, traffic.signal);
	shedder.start();
	return {
		shedder,
		tiers,
		now,
		/** `host:port` of its metrics. */
		target: server.host,
		async stop() {
			traffic.abort();
			await delivered;
			await shedder.stop();
			metrics.detach();
			await server.close();
		},
	};
}

/** Hands over one message after the other; nothing is unanswered when it resolves. */
async function deliver(handle: (quote: Quote) => Promise<unknown>, signal: AbortSignal): Promise<void> {
	const answers: Promise<unknown>[] = [];
	for (let id = 0; !signal.aborted; id++) {
		const symbol = SYMBOLS[id % SYMBOLS.length] as string;
		answers.push(handle({ id, symbol, reference: id % 4 === 3 }));
		if (answers.length > 100) await answers.shift();
		await sleep(PACE_MS);
	}
	await Promise.all(answers);
}

/** A server on a free loopback port. */
export async function listen(answer: RequestListener) {
	const server = createServer(answer).listen(0, '127.0.0.1');
	await once(server, 'listening');
	const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
	return {
		host,
		url: `http://${host}/`,
		async close() {
			server.close();
			server.closeAllConnections();
			await once(server, 'close');
		},
	};
}
