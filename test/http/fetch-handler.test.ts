import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it, vi } from 'vitest';
import { type FetchOptions, fetchHandler } from '../../src/http/index.js';
import { createLoadShedder } from '../../src/index.js';
import { driver, expectNoLeaks, type Message } from '../control/driver.js';

expectNoLeaks();

const HTTP = 'http://shop';
type Options = FetchOptions<Request, []> & { readonly describe?: (request: Request) => Message };

function api(handler: (request: Request) => Response | Promise<Response>, options: Options = {}) {
	const made = driver();
	const describe = (request: Request): Message => ({ key: request.url });
	return { ...made, serve: fetchHandler(made.shedder, handler, { describe, ...options }) };
}

describe('fetchHandler', () => {
	it('hands on a response as it is: status, headers, several cookies, pieces of the body', async () => {
		const headers = new Headers({ 'content-type': 'text/csv', etag: '"1"' });
		headers.append('set-cookie', 'a=1');
		headers.append('set-cookie', 'b=2');
		const { serve, shedder } = api(() => new Response('x;y', { status: 206, statusText: 'Some', headers }));
		const response = await serve(new Request(HTTP));
		expect([response.status, response.statusText]).toEqual([206, 'Some']);
		expect(Object.fromEntries(response.headers)).toMatchObject({ 'content-type': 'text/csv', etag: '"1"' });
		expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
		expect(shedder.stats().inFlight).toBe(1);
		expect(await response.text()).toBe('x;y');
		expect(shedder.stats()).toMatchObject({ inFlight: 0, processed: 1 });
	});

	it('reads a streamed body no faster than its reader', async () => {
		let pulled = 0;
		const body = new ReadableStream<Uint8Array>(
			{ pull: (controller) => controller.enqueue(new Uint8Array([pulled++])) },
			{ highWaterMark: 0 },
		);
		const { serve } = api(() => new Response(body));
		const reader = (await serve(new Request(HTTP))).body?.getReader();
		expect(pulled).toBe(0);
		await reader?.read();
		expect(pulled).toBe(1);
		await reader?.cancel();
	});

	it('gives up the body of the handler with its reader, and counts that as failed', async () => {
		const cancel = vi.fn();
		const { serve, shedder } = api(() => new Response(new ReadableStream({ cancel })));
		const response = await serve(new Request(HTTP));
		await response.body?.cancel('gone');
		expect(cancel).toHaveBeenCalledWith('gone');
		expect(shedder.stats()).toMatchObject({ inFlight: 0, processed: 0, failed: 1 });
	});

	it('passes on what a body fails with', async () => {
		const body = new ReadableStream({ pull: (controller) => controller.error(new Error('disk')) });
		const { serve, shedder } = api(() => new Response(body));
		await expect((await serve(new Request(HTTP))).text()).rejects.toThrow('disk');
		expect(shedder.stats()).toMatchObject({ inFlight: 0, failed: 1 });
	});

	it('is done at once with what has no body, with HEAD, and where nothing streams', async () => {
		const { serve, shedder } = api(() => new Response(null, { status: 204 }));
		expect((await serve(new Request(HTTP))).status).toBe(204);
		expect(shedder.stats()).toMatchObject({ inFlight: 0, processed: 1 });
		const head = api(() => new Response('unread'));
		await head.serve(new Request(HTTP, { method: 'HEAD' }));
		expect(head.shedder.stats()).toMatchObject({ inFlight: 0, processed: 1 });
		const response = new Response('whole');
		const whole = api(() => response, { streams: false });
		expect(await whole.serve(new Request(HTTP))).toBe(response);
		expect(whole.shedder.stats()).toMatchObject({ inFlight: 0, processed: 1 });
	});

	it('is done with a body that is thrown away unread once the garbage is collected', async () => {
		setFlagsFromString('--expose-gc');
		const collect = runInNewContext('gc') as () => void;
		// A framework keeps the response in what it hands to the handler.
		const made = driver();
		const serve = fetchHandler(
			made.shedder,
			(_request: Request, _context, context: { response?: Response }) => {
				context.response = new Response('forgotten');
				return context.response;
			},
			{ describe: ({ url }: Request, _context: object) => ({ key: url }) },
		);
		await (async () => {
			const context: { response?: Response } = {};
			context.response = await serve(new Request(HTTP), context);
		})();
		expect(made.shedder.stats().inFlight).toBe(1);
		await vi.waitFor(
			() => {
				collect();
				expect(made.shedder.stats()).toMatchObject({ inFlight: 0, failed: 1 });
			},
			{ timeout: 10_000 },
		);
	});

	it('rejects with what the handler throws, at once or later, and with what is no response', async () => {
		const failing = [
			() => {
				throw new Error('no stock');
			},
			() => Promise.reject(new Error('no stock')),
		];
		for (const handler of failing) {
			const { serve, shedder } = api(handler);
			await expect(serve(new Request(HTTP))).rejects.toThrow('no stock');
			expect(shedder.stats()).toMatchObject({ inFlight: 0, failed: 1, processed: 0 });
		}
		for (const [wrong, shown] of [
			[undefined, 'undefined'],
			['ok', '"ok"'],
			[{ status: 200 }, 'an object'],
		]) {
			const { serve, shedder } = api(() => wrong as never);
			await expect(serve(new Request(HTTP))).rejects.toThrow(
				new TypeError(`fetchHandler: the handler must return a Response, got ${shown}`),
			);
			expect(shedder.stats()).toMatchObject({ inFlight: 0, failed: 1 });
		}
	});

	it('rejects with what `describe` throws, offering nothing', async () => {
		const { serve, shedder } = api(() => new Response(), {
			describe: () => {
				throw new Error('no tenant');
			},
		});
		await expect(serve(new Request(HTTP))).rejects.toThrow('no tenant');
		expect(shedder.stats()).toMatchObject({ offered: 0, inFlight: 0 });
	});

	it('lets `refuse` answer, with the reason, the request and whatever the server passes', async () => {
		const { shedder, at } = driver();
		const serve = fetchHandler(
			shedder,
			(_request: Request, _context, _env: { readonly name: string }) => new Response(),
			{
				describe: (request, { name }) => ({ key: `${name} ${request.url}`, priority: 'low' }),
				refuse: (refusal, request, env) => Response.json({ ...refusal, path: request.url, env }, { status: 429 }),
			},
		);
		await at('AGGRESSIVE');
		const response = await serve(new Request(`${HTTP}/a`), { name: 'eu' });
		expect(response.status).toBe(429);
		expect(await response.json()).toEqual({
			...{ why: 'drop', retryAfterS: 1, level: 'AGGRESSIVE' },
			...{ path: 'http://shop/a', env: { name: 'eu' } },
		});
	});

	it('hands on the context, and whatever else the server passes', async () => {
		const { shedder, at } = driver();
		const handler = vi.fn((_request: Request, _context: unknown, _info: { readonly ip: string }) => new Response(null));
		const serve = fetchHandler(shedder, handler, { describe: (_request, { ip }) => ({ key: ip }) });
		await at('SOFT');
		const request = new Request(HTTP);
		await serve(request, { ip: 'G1' });
		const context = { level: 'SOFT', priority: 'critical', features: { enrichment: false }, replayed: false };
		expect(handler).toHaveBeenCalledWith(request, context, { ip: 'G1' });
	});

	it('needs no `describe` where the shedder looks at requests, and only there', () => {
		const shared = { ladder: driver().shedder.ladder, signals: { load: () => 0 } };
		const ofRequests = createLoadShedder({ ...shared, priorityOf: (_request: Request) => 'critical' as const });
		const ofUrls = createLoadShedder({ ...shared, priorityOf: (_request: { url: string }) => 'critical' as const });
		const ofTenants = createLoadShedder({
			...shared,
			priorityOf: (_request: { tenant: string }) => 'critical' as const,
		});
		const handler = () => new Response();
		fetchHandler(ofRequests, handler);
		fetchHandler(ofUrls, handler);
		fetchHandler(ofTenants, handler, { describe: () => ({ tenant: 'a' }) });
		// @ts-expect-error: a request has no tenant.
		fetchHandler(ofTenants, handler);
		// @ts-expect-error: nor has that.
		fetchHandler(ofTenants, handler, { describe: () => ({ name: 'a' }) });
		fetchHandler(ofUrls, (_request, { features }) => {
			// @ts-expect-error: there is no such feature.
			return new Response(String(features.recommendation));
		});
	});
});
