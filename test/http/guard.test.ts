import { describe, expect, it, vi } from 'vitest';
import { fetchHandler, fetchReadiness, httpIntake, nodeHandler, requestsInFlight } from '../../src/http/index.js';
import { createLoadShedder, defineLadder } from '../../src/index.js';
import { manualClock } from '../../src/testing/index.js';
import { expectNoLeaks } from '../control/driver.js';

expectNoLeaks();

const spec = {
	priorities: { protected: 'checkout', sheddable: ['browse'] },
	signals: { load: { recoverBelow: 0.5 }, lag: { recoverBelow: 0.5, fallsWhilePaused: false } },
	levels: [
		{ name: 'NORMAL' },
		{ name: 'BUSY', enterAt: { load: 10 }, shed: { browse: 'reject' } },
		{ name: 'STOPPED', enterAt: { load: 30, lag: 30 }, intake: 'paused' },
	],
	escalation: 'jump',
	cooldownMs: 20_000,
	probe: { afterMs: 8_000, forMs: 3_000 },
} as const;

function api({ gradual = false, ...options }: Parameters<typeof fetchReadiness>[1] & Record<string, unknown> = {}) {
	const clock = manualClock(500);
	const now = { load: 0, lag: 0 };
	const shedder = createLoadShedder({
		ladder: defineLadder({ ...spec, gradual: gradual === true }),
		signals: { load: () => now.load, lag: () => now.lag },
		priorityOf: ({ url }: { url: string }) => (url.includes('/browse') ? 'browse' : 'checkout'),
		keyOf: ({ url }) => url,
		intake: httpIntake(),
		clock,
	});
	const served: string[] = [];
	const serve = fetchHandler(
		shedder,
		(request: Request) => {
			served.push(request.url);
			return new Response('ok');
		},
		{ clock, ...options },
	);
	return {
		clock,
		shedder,
		served,
		ready: fetchReadiness(shedder, { clock, ...options }),
		get: (path: string) => serve(new Request(`http://shop${path}`)),
		async retryAfter(path = '/browse') {
			const response = await serve(new Request(`http://shop${path}`));
			expect(response.status).toBe(503);
			return response.headers.get('retry-after');
		},
		async set(next: Partial<typeof now>) {
			Object.assign(now, next);
			await shedder.check();
		},
		/** Checks once a second, as a running shedder would. */
		async pass(seconds: number) {
			for (let i = 0; i < seconds; i++) {
				await clock.advance(1_000);
				await shedder.check();
			}
		},
	};
}

describe('Retry-After', () => {
	it('is what is left of the cooldown, a whole one while it is still loud, rounded up', async () => {
		const { retryAfter, set, pass, clock } = api();
		await set({ load: 12 });
		expect(await retryAfter()).toBe('20');
		await pass(5);
		expect(await retryAfter(), 'still loud').toBe('20');
		await set({ load: 1 });
		expect(await retryAfter()).toBe('20');
		await pass(6);
		expect(await retryAfter()).toBe('14');
		await clock.advance(1_500);
		expect(await retryAfter(), 'between two checks').toBe('13');
	});

	it('is the time of the next probe while intake is paused by what cannot fall', async () => {
		const { retryAfter, set, pass, shedder } = api();
		await set({ lag: 40 });
		expect(shedder.accepting).toBe(false);
		expect(await retryAfter()).toBe('8');
		await pass(3);
		expect(await retryAfter()).toBe('5');
	});

	it('is the end of an override that is above the automatic level', async () => {
		const { retryAfter, shedder } = api();
		await shedder.check();
		shedder.override({ level: 'BUSY', ttlMs: 33_000, reason: 'test' });
		expect(await retryAfter()).toBe('33');
	});

	it('stays within its bounds', async () => {
		const { retryAfter, set, pass } = api({ retryAfter: { minS: 4, maxS: 10 } });
		await set({ load: 12 });
		expect(await retryAfter()).toBe('10');
		await set({ load: 1 });
		await pass(18);
		expect(await retryAfter()).toBe('4');
	});

	it('is the default under gradual treatment, which does not wait for a cooldown', async () => {
		const { get, set, shedder } = api({ gradual: true, retryAfter: { defaultS: 7 } });
		await set({ load: 29 });
		await set({ load: 29 });
		expect(shedder.level).toBe('BUSY');
		const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => get(`/browse/${i}`)));
		const refused = answers.filter(({ status }) => status === 503).map(({ headers }) => headers.get('retry-after'));
		expect(new Set(refused)).toEqual(new Set(['7']));
	});

	it('is computed once a second and level, because to refuse has to be cheap', async () => {
		const { retryAfter, set, shedder, clock } = api();
		await set({ load: 12 });
		const stats = vi.spyOn(shedder, 'stats');
		for (let i = 0; i < 10; i++) await retryAfter();
		expect(stats).toHaveBeenCalledTimes(1);
		await clock.advance(1_000);
		for (let i = 0; i < 10; i++) await retryAfter();
		expect(stats).toHaveBeenCalledTimes(2);
		await set({ load: 40 });
		await retryAfter();
		expect(stats).toHaveBeenCalledTimes(3);
	});
});

describe('while intake is paused', () => {
	it("'serve-protected' serves what is protected", async () => {
		const { get, set, served } = api();
		await set({ load: 40 });
		expect((await get('/checkout')).status).toBe(200);
		expect((await get('/browse')).status).toBe(503);
		expect(served).toEqual(['http://shop/checkout']);
	});

	it("'refuse-all' serves nobody, offers nothing, and serves again while a probe is open", async () => {
		const { get, set, served, shedder, pass } = api({ whilePaused: 'refuse-all' });
		await set({ lag: 40 });
		expect((await get('/checkout')).status).toBe(503);
		expect(shedder.stats()).toMatchObject({ offered: 0, rejected: 0, protectedShed: 0 });
		await pass(8);
		expect(shedder.accepting, 'a probe').toBe(true);
		expect((await get('/checkout')).status).toBe(200);
		expect((await get('/browse')).status, 'under the rules of the level below').toBe(503);
		expect(served).toEqual(['http://shop/checkout']);
	});

	it('the readiness endpoint says so, and else that all is well, also while requests are shed', async () => {
		const { ready, set } = api();
		for (const [load, status, text] of [
			[0, 200, 'ready\n'],
			[12, 200, 'ready\n'],
			[40, 503, 'not ready: intake is paused at STOPPED\n'],
		] as const) {
			await set({ load });
			const response = ready();
			expect([response.status, await response.text()]).toEqual([status, text]);
			expect(response.headers.get('retry-after')).toBe(status === 503 ? '8' : null);
			expect(response.headers.get('cache-control')).toBe('no-store');
		}
	});
});

describe('requestsInFlight', () => {
	it('reads the most requests at a time since the last read, whatever becomes of them', async () => {
		const clock = manualClock();
		const inFlight = requestsInFlight();
		const shedder = createLoadShedder({
			ladder: defineLadder({
				...spec,
				signals: { load: { recoverBelow: 0.5 } },
				levels: [{ name: 'NORMAL' }, { name: 'BUSY', enterAt: { load: 100 } }],
			}),
			signals: { load: inFlight },
			priorityOf: () => 'checkout' as const,
			clock,
		});
		const [first, second] = [shedder.begin('a'), shedder.begin('b')];
		first.end('processed');
		expect(inFlight.read()).toBe(2);
		expect(inFlight.read()).toBe(1);
		second.end('failed');
		expect(inFlight.read()).toBe(1);
		expect(inFlight.read()).toBe(0);
	});
});

describe('wrong options', () => {
	const { shedder } = api();
	type Maker = (shedder: unknown, handler: () => void, options: unknown) => unknown;
	it.each([
		[{ whilePaused: 'serve' }, 'whilePaused: "serve" must be "serve-protected" or "refuse-all"'],
		[{ retryAfter: { minS: 0 } }, 'retryAfter.minS: 0 must be a whole number of at least 1'],
		[{ retryAfter: { minS: 5, maxS: 4 } }, 'retryAfter.maxS: 4 must be a whole number of at least minS (5)'],
		[{ retryAfter: { defaultS: 90 } }, 'retryAfter.defaultS: 90 must be a whole number from minS (1) to maxS (60)'],
		[{ refuse: 503 }, 'refuse: 503 must be a function'],
		[{ describe: 1 }, 'describe: 1 must be a function'],
	])('%j are refused by both', (options, problem) => {
		const makers = { fetchHandler: fetchHandler as unknown as Maker, nodeHandler: nodeHandler as Maker };
		for (const [name, make] of Object.entries(makers)) {
			expect(() => make(shedder, () => {}, options)).toThrow(`invalid ${name} options (1 problem):\n${problem}`);
		}
	});

	it('a handler that is none and a shedder that is none are refused', () => {
		expect(() => fetchHandler(shedder, 1 as never)).toThrow('handler: 1 must be a function');
		expect(() => nodeHandler({} as never, () => {})).toThrow('shedder: undefined must be made by createLoadShedder');
		expect(() => fetchReadiness({} as never)).toThrow('shedder: undefined must be made by createLoadShedder');
	});

	it('the bounds may be above or below the defaults of the others', () => {
		expect(() => fetchHandler(shedder, () => new Response(), { retryAfter: { minS: 90 } })).not.toThrow();
		expect(() => fetchHandler(shedder, () => new Response(), { retryAfter: { maxS: 2 } })).not.toThrow();
	});
});
