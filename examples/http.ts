// A shop under overload: a server that is good for ten requests at a time gets forty. Checkout goes through, browsing is
// refused with Retry-After while the crowd lasts, and let in again afterwards. Run: npx tsx examples/http.ts
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { httpIntake, nodeHandler, nodeReadiness, requestsInFlight } from '../src/http/index.js';
import { createLoadShedder, defineLadder } from '../src/index.js';

const shedder = createLoadShedder({
	ladder: defineLadder({
		priorities: { protected: 'checkout', sheddable: ['browse', 'crawl'] },
		features: ['recommendations'],
		signals: { inFlight: { recoverBelow: 0.6 } },
		levels: [
			{ name: 'NORMAL' },
			{ name: 'BUSY', enterAt: { inFlight: 8 }, disable: ['recommendations'], shed: { crawl: 'reject' } },
			{ name: 'OVERLOADED', enterAt: { inFlight: 14 }, shed: { browse: 'reject' } },
		],
		cooldownMs: 1_000,
	}),
	signals: { inFlight: requestsInFlight() },
	priorityOf: ({ url = '' }: IncomingMessage) =>
		url.startsWith('/checkout') ? 'checkout' : url.startsWith('/robots') ? 'crawl' : 'browse',
	intake: httpIntake(),
	checkEveryMs: 50,
});
shedder.on('transitioned', ({ from, to }) => console.log(`  ${from} -> ${to}`));

const shop = nodeHandler(shedder, async (_request: IncomingMessage, response: ServerResponse, { features }) => {
	await sleep(features.recommendations ? 100 : 50); // a database, say
	response.end(features.recommendations ? 'bought together: ...' : 'in stock');
});
const ready = nodeReadiness(shedder);
const server = createServer((request, response) =>
	request.url === '/ready' ? ready(request, response) : shop(request, response),
).listen(0, '127.0.0.1');
await once(server, 'listening');
const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
shedder.start();

/** Clients that ask again as soon as they are answered, and wait a little when they are refused. */
async function clients(count: number, forMs: number): Promise<void> {
	const tally = new Map<string, { served: number; refused: number }>();
	const untilMs = performance.now() + forMs;
	const client = async (path: string) => {
		const counts = tally.get(path) ?? { served: 0, refused: 0 };
		tally.set(path, counts);
		while (performance.now() < untilMs) {
			const response = await fetch(origin + path);
			await response.text();
			counts[response.status === 503 ? 'refused' : 'served']++;
			// A well-behaved client waits for `Retry-After`; these are in a hurry.
			if (response.status === 503) await sleep(100);
		}
	};
	const paths = ['/checkout', '/products', '/products', '/robots'];
	await Promise.all(Array.from({ length: count }, (_, i) => client(paths[i % paths.length] as string)));
	console.table(Object.fromEntries([...tally].sort()));
}

console.log('four clients:');
await clients(4, 500);
console.log('forty clients:');
await clients(40, 1_500);
console.log(`ready all the while: ${(await fetch(`${origin}/ready`)).status}, and the crowd is gone:`);
// Until it has been calm for its cooldown.
for (let waits = 0; shedder.level !== 'NORMAL' && waits < 100; waits++) await sleep(100);
await clients(4, 500);

const { processed, rejected, failed, inFlight, protectedShed } = shedder.stats();
console.log({ processed, rejected, failed, inFlight, protectedShed });
server.close();
server.closeAllConnections();
await shedder.stop();
