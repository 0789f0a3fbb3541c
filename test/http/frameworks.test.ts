import { request } from 'node:http';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { httpIntake } from '../../src/http/index.js';
import { createLoadShedder, defineLadder } from '../../src/index.js';
import { manualClock } from '../../src/testing/index.js';
import { deferred, expectNoLeaks, imbalance, unruly } from '../control/driver.js';
import { type Described, type Priority, type Running, type Serve, servers } from './servers.js';

expectNoLeaks();
// The server for Hono writes what a body fails with.
beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => {}));

const ladder = defineLadder({
	priorities: { protected: 'checkout', sheddable: ['browse', 'crawl'] },
	features: ['recommendations'],
	signals: { load: { recoverBelow: 0.5 } },
	levels: [
		{ name: 'NORMAL' },
		{ name: 'BUSY', enterAt: { load: 10 }, disable: ['recommendations'], shed: { crawl: 'drop' } },
		// A level that spills, with a store: a request is refused all the same.
		{ name: 'OVERLOADED', enterAt: { load: 20 }, shed: { browse: 'spill' } },
		{ name: 'STOPPED', enterAt: { load: 30 }, intake: 'paused' },
	],
	escalation: 'jump',
	cooldownMs: 20_000,
});

const LOAD = { NORMAL: 0, BUSY: 10, OVERLOADED: 20, STOPPED: 30 } as const;

function priorityOf({ url = '' }: Described): Priority {
	// A request of `node:http` has a path, a `Request` a whole URL.
	const path = url.replace(/^https?:\/\/[^/]+/, '');
	return path.startsWith('/crawl') ? 'crawl' : path.startsWith('/products') ? 'browse' : 'checkout';
}

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
	for (const close of open.splice(0)) await close();
});

async function site(serve: Serve) {
	const { store, appends } = unruly();
	let load = 0;
	const shedder = createLoadShedder({
		ladder,
		signals: { load: () => load },
		priorityOf,
		spill: store,
		intake: httpIntake(),
		clock: manualClock(),
	});
	const gate = deferred();
	const served: string[] = [];
	const { origin, close }: Running = await serve(shedder, { served, stream: { released: () => gate.promise } });
	open.push(async () => {
		gate.resolve();
		await close();
		await shedder.stop();
		expect(appends, 'a request is never acknowledged as kept').toEqual([]);
		expect(imbalance(shedder.stats())).toBe(0);
		expect(shedder.stats().protectedShed).toBe(0);
	});
	return {
		shedder,
		served,
		origin,
		release: gate.resolve,
		async at(level: keyof typeof LOAD) {
			load = LOAD[level];
			await shedder.check();
			expect(shedder.level).toBe(level);
		},
		get: (path: string) => fetch(origin + path, { headers: { connection: 'close' } }),
		/** What the ledger comes to, once the server has noticed. */
		counts: (expected: Partial<Record<'inFlight' | 'processed' | 'failed' | 'dropped' | 'rejected', number>>) =>
			vi.waitFor(() => expect(shedder.stats()).toMatchObject(expected), { timeout: 10_000 }),
	};
}

describe.each(Object.entries(servers))('on %s', (_name, serve) => {
	it('serves everybody while all is well, with all features on', async () => {
		const { get, counts, served } = await site(serve);
		for (const path of ['/checkout/1', '/products/1', '/crawl/1']) {
			const response = await get(path);
			expect([response.status, await response.text()]).toEqual([200, 'first,last']);
			expect(response.headers.get('x-recommendations')).toBe('on');
		}
		expect(served).toEqual(['/checkout/1', '/products/1', '/crawl/1']);
		await counts({ inFlight: 0, processed: 3, failed: 0 });
	});

	it('refuses with 503 and Retry-After whom the level gives up, and tells handlers which features are off', async () => {
		const { at, get, counts, served } = await site(serve);
		await at('BUSY');
		const dropped = await get('/crawl/1');
		expect(dropped.status).toBe(503);
		expect(dropped.headers.get('retry-after'), 'a whole cooldown is the least that is to come').toBe('20');
		expect(await dropped.text()).toBe('Overloaded, try again in 20 s.\n');
		const lean = await get('/products/1');
		expect([lean.status, lean.headers.get('x-recommendations')]).toEqual([200, 'off']);
		await lean.text();
		await at('OVERLOADED');
		expect((await get('/products/2')).status).toBe(503);
		expect((await get('/checkout/1')).status).toBe(200);
		expect(served).toEqual(['/products/1', '/checkout/1']);
		await counts({ dropped: 1, rejected: 1, processed: 2, inFlight: 0 });
	});

	it('serves only what is protected while intake is paused', async () => {
		const { at, get, counts, served } = await site(serve);
		await at('STOPPED');
		expect((await get('/products/1')).status).toBe(503);
		expect((await get('/checkout/1')).status).toBe(200);
		expect(served).toEqual(['/checkout/1']);
		await counts({ rejected: 1, processed: 1, inFlight: 0 });
	});

	it('has a request in flight until its response was sent', async () => {
		const { get, counts, release } = await site(serve);
		const response = await get('/checkout/stream');
		expect(response.status).toBe(200);
		await counts({ inFlight: 1, processed: 0 });
		release();
		expect(await response.text()).toBe('first,last');
		await counts({ inFlight: 0, processed: 1, failed: 0 });
	});

	it('counts a client that goes away as failed, and has it in flight no longer', async () => {
		const { origin, counts } = await site(serve);
		const call = request(`${origin}/checkout/stream`, (response) => {
			response.on('error', () => {});
			response.once('data', () => call.destroy());
		});
		call.on('error', () => {});
		call.end();
		await counts({ inFlight: 0, processed: 0, failed: 1 });
	});

	it('answers 500 for a handler that throws, and counts that and every 5xx as failed', async () => {
		const { get, counts } = await site(serve);
		expect((await get('/throws')).status).toBe(500);
		await counts({ failed: 1, inFlight: 0 });
		const broken = await get('/broken');
		expect([broken.status, await broken.text()]).toEqual([502, 'first,last']);
		await counts({ failed: 2, processed: 0, inFlight: 0 });
	});
});

describe.each(['node:http', 'Express', 'Hono around the application', 'Hono as middleware'])('on %s', (name) => {
	it('breaks the connection of a response that fails half way, so that nobody takes it for whole', async () => {
		const { origin, release, counts } = await site(servers[name] as Serve);
		const whole = await new Promise<boolean>((resolve, reject) => {
			const call = request(`${origin}/checkout/stream/half`, (response) => {
				response.on('error', () => {});
				response.on('data', () => release());
				response.on('close', () => resolve(response.complete));
			});
			call.on('error', reject);
			call.end();
		});
		expect(whole).toBe(false);
		await counts({ failed: 1, processed: 0, inFlight: 0 });
	});
});
