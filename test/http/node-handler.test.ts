import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import {
	connect,
	createServer as createHttp2Server,
	type Http2ServerRequest,
	type Http2ServerResponse,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { nodeHandler, nodeReadiness } from '../../src/http/index.js';
import { deferred, driver, expectNoLeaks } from '../control/driver.js';

expectNoLeaks();

const open: (() => void)[] = [];
afterEach(() => {
	for (const close of open.splice(0)) close();
});

async function listening(listener: RequestListener): Promise<string> {
	const server = createServer(listener).listen(0, '127.0.0.1');
	await once(server, 'listening');
	open.push(() => {
		server.close();
		server.closeAllConnections();
	});
	return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const key = ({ url }: IncomingMessage) => ({ key: url ?? '' });
const low = (_request: IncomingMessage) => ({ key: 'x', priority: 'low' }) as const;

describe('nodeHandler', () => {
	it('answers for a handler that throws, at once or later, and tells once, where there is no next', async () => {
		const { shedder } = driver();
		const onError = vi.fn();
		const handler = (request: IncomingMessage) => {
			if (request.url === '/later') return Promise.reject(new Error('later'));
			throw new Error('at once');
		};
		const origin = await listening(nodeHandler(shedder, handler, { describe: key, onError }));
		for (const [path, message] of [
			['/at-once', 'at once'],
			['/later', 'later'],
		] as const) {
			const response = await fetch(origin + path);
			expect([response.status, await response.text()]).toEqual([500, 'Internal Server Error\n']);
			expect(onError).toHaveBeenLastCalledWith(new Error(message), expect.objectContaining({ url: path }));
		}
		expect(onError).toHaveBeenCalledTimes(2);
		await vi.waitFor(() => expect(shedder.stats()).toMatchObject({ failed: 2, inFlight: 0 }));
	});

	it('tells next, and leaves the answer to it, where there is one', async () => {
		const { shedder } = driver();
		const next = vi.fn();
		const guard = nodeHandler(shedder, () => Promise.reject(new Error('later')), { describe: key });
		const origin = await listening((request, response) => {
			guard(request, response, (error) => {
				next(error);
				response.statusCode = 418;
				response.end();
			});
		});
		expect((await fetch(origin)).status).toBe(418);
		expect(next.mock.calls).toEqual([[new Error('later')]]);
		await vi.waitFor(() => expect(shedder.stats(), 'whatever the answer').toMatchObject({ failed: 1, inFlight: 0 }));
	});

	it('has nothing to break when a handler throws after its response has ended', async () => {
		const { shedder } = driver();
		const onError = vi.fn();
		const handler = (_request: IncomingMessage, response: ServerResponse) => {
			response.end('whole');
			throw new Error('too late');
		};
		const origin = await listening(nodeHandler(shedder, handler, { describe: key, onError }));
		expect(await (await fetch(origin)).text()).toBe('whole');
		expect(onError).toHaveBeenCalledTimes(1);
		await vi.waitFor(() => expect(shedder.stats()).toMatchObject({ failed: 1, inFlight: 0 }));
	});

	it('treats what `describe` throws as what the handler throws, offering nothing', async () => {
		const { shedder } = driver();
		const onError = vi.fn();
		const describe = (_request: IncomingMessage): never => {
			throw new Error('no tenant');
		};
		const origin = await listening(nodeHandler(shedder, () => {}, { describe, onError }));
		expect((await fetch(origin)).status).toBe(500);
		expect(onError).toHaveBeenCalledTimes(1);
		expect(shedder.stats()).toMatchObject({ offered: 0, inFlight: 0 });
	});

	it('says so when a handler goes on to a next that is not there', async () => {
		const { shedder } = driver();
		const onError = vi.fn();
		const handler = nodeHandler(shedder, (_request, _response, _context, next) => next(), { describe: key, onError });
		const origin = await listening(handler);
		expect((await fetch(origin)).status).toBe(500);
		expect(onError.mock.calls[0]?.[0]).toEqual(new Error('there is no next handler'));
	});

	it('does not wait for a response that is over before it is reached', async () => {
		const { shedder } = driver();
		const guard = nodeHandler(shedder, (_request, _response, _context, next) => next(), { describe: key });
		const reached = deferred();
		const origin = await listening(async (request, response) => {
			await once(response, 'close');
			guard(request, response, () => reached.resolve());
		});
		const abort = new AbortController();
		const call = fetch(origin, { signal: abort.signal });
		setImmediate(() => abort.abort());
		await expect(call).rejects.toThrow();
		// Either the server saw the client go, or it never saw it come.
		if (await Promise.race([reached.promise.then(() => true), new Promise((over) => setTimeout(over, 1_000, false))])) {
			expect(shedder.stats()).toMatchObject({ failed: 1, inFlight: 0 });
		}
	});

	it('writes nothing to a response that somebody else has begun', async () => {
		const { shedder, at } = driver();
		await at('AGGRESSIVE');
		const guard = nodeHandler(shedder, () => {}, { describe: low });
		const origin = await listening((request, response) => {
			response.writeHead(200);
			guard(request, response);
			response.end('mine');
		});
		const response = await fetch(origin);
		expect([response.status, await response.text()]).toEqual([200, 'mine']);
		expect(shedder.stats()).toMatchObject({ dropped: 1, inFlight: 0 });
	});

	it('lets `refuse` answer or pass the refusal on', async () => {
		const { shedder, at } = driver();
		await at('AGGRESSIVE');
		const guard = nodeHandler(shedder, (_request: IncomingMessage) => {}, {
			describe: low,
			refuse: ({ why, level, retryAfterS }, _request, _response, next) =>
				next(new Error(`${why} at ${level} for ${retryAfterS} s`)),
		});
		const origin = await listening((request, response) => {
			guard(request, response, (error) => response.end(error?.message));
		});
		expect(await (await fetch(origin)).text()).toBe('drop at AGGRESSIVE for 1 s');
	});

	it('keeps the connection of those whom it refuses, with the body of their request unread', async () => {
		const { shedder, at } = driver();
		await at('AGGRESSIVE');
		const origin = await listening(nodeHandler(shedder, () => {}, { describe: low }));
		for (let i = 0; i < 3; i++) {
			const response = await fetch(origin, { method: 'POST', body: 'x'.repeat(100_000) });
			expect(response.status).toBe(503);
			await response.text();
		}
		expect(shedder.stats()).toMatchObject({ dropped: 3, inFlight: 0 });
	});

	it('works for HTTP/2, where streams break instead of connections', async () => {
		const { shedder, at } = driver();
		const handler = async (request: Http2ServerRequest, response: Http2ServerResponse) => {
			response.write('first,');
			if (request.url === '/half') throw new Error('half way');
			response.end('last');
		};
		const describe = ({ url }: Http2ServerRequest) =>
			({ key: url, priority: url === '/low' ? 'low' : 'critical' }) as const;
		const server = createHttp2Server(nodeHandler(shedder, handler, { describe, onError() {} })).listen(0, '127.0.0.1');
		await once(server, 'listening');
		const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
		open.push(() => {
			session.destroy();
			server.close();
		});
		await at('AGGRESSIVE');
		const get = async (path: string) => {
			const stream = session.request({ ':path': path });
			const answered = once(stream, 'response');
			let body = '';
			stream.setEncoding('utf8').on('data', (piece) => {
				body += piece;
			});
			const [headers] = await answered;
			await Promise.race([once(stream, 'close'), once(stream, 'end')]).catch(() => {});
			return { status: headers[':status'], retryAfter: headers['retry-after'], body };
		};
		expect(await get('/a')).toMatchObject({ status: 200, body: 'first,last' });
		expect(await get('/low')).toMatchObject({ status: 503, retryAfter: '1' });
		await vi.waitFor(() => expect(shedder.stats()).toMatchObject({ processed: 1, dropped: 1, inFlight: 0 }));
		await get('/half');
		await vi.waitFor(() => expect(shedder.stats()).toMatchObject({ processed: 1, failed: 1, inFlight: 0 }));
	});
});

describe('nodeReadiness', () => {
	it('answers 200 while intake is open and 503 while it is paused', async () => {
		const { shedder, at } = driver();
		const origin = await listening(nodeReadiness(shedder));
		await at('AGGRESSIVE');
		expect((await fetch(origin)).status).toBe(200);
		await at('CIRCUIT_BREAK');
		const response = await fetch(origin);
		expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
		expect(await response.text()).toBe('not ready: intake is paused at CIRCUIT_BREAK\n');
	});
});
