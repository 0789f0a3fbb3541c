import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { serveDashboard } from '../../src/dashboard/index.js';
import { type Asking, ask, subject, TOKEN } from './subject.js';

const { shedder, clock } = subject();
await shedder.check();
const page = await serveDashboard(shedder, { overrides: { token: TOKEN, maxTtlMs: 60_000 } });
const open = await serveDashboard(shedder);
afterAll(async () => {
	await Promise.all([page.close(), open.close(), page.close()]);
	await shedder.stop();
});

const port = new URL(page.url).port;
const wanted = { level: 'SOFT', ttlMs: 30_000, reason: 'a test' };
const right: Asking & { headers: object } = {
	method: 'POST',
	headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
	body: JSON.stringify(wanted),
};
const override = (change: Asking = {}) =>
	ask(`${page.url}override`, { ...right, ...change, headers: { ...right.headers, ...change.headers } });
const inForce = () => shedder.stats().override;

describe('an override on the page', () => {
	afterEach(async () => {
		await clock.advance(60_000);
		await shedder.check();
	});

	it('is set with everything right, shown, and ended', async () => {
		expect(await override()).toMatchObject({ status: 204, text: '' });
		expect(inForce()).toMatchObject({ floor: 'SOFT', ceiling: 'SOFT', reason: 'a test', remainingMs: 30_000 });
		expect(shedder.level).toBe('SOFT');
		expect(await override({ method: 'DELETE' })).toMatchObject({ status: 204 });
		expect(inForce()).toBeNull();
	});

	it('ends by itself', async () => {
		await override();
		await clock.advance(30_000);
		await shedder.check();
		expect(inForce()).toBeNull();
	});

	it('takes bounds and a name', async () => {
		const body = JSON.stringify({ floor: 'SOFT', ceiling: 'GRACEFUL', ttlMs: 5_000, reason: 'drill', actor: 'ana' });
		expect((await override({ body })).status).toBe(204);
		expect(inForce()).toMatchObject({ floor: 'SOFT', ceiling: 'GRACEFUL', actor: 'ana' });
	});

	it('that somebody else has set is not ended from a page', async () => {
		shedder.override({ level: 'GRACEFUL', ttlMs: 60_000, reason: 'by hand' });
		expect((await override({ method: 'DELETE' })).status).toBe(409);
		expect(inForce()?.reason).toBe('by hand');
	});

	const foreign: readonly [string, Asking, number][] = [
		['a foreign Host', { headers: { host: 'evil.example' } }, 421],
		['a foreign Host with our port', { headers: { host: `evil.example:${port}` } }, 421],
		['a foreign Origin', { headers: { origin: 'http://evil.example' } }, 403],
		['the Origin of another port', { headers: { origin: 'http://127.0.0.1:1' } }, 403],
		['an opaque Origin', { headers: { origin: 'null' } }, 403],
		['a cross-site request without an Origin', { headers: { 'sec-fetch-site': 'cross-site' } }, 403],
		['a form', { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'level=SOFT' }, 415],
		['a form that pretends', { headers: { 'content-type': 'text/plain' } }, 415],
		['a multipart form', { headers: { 'content-type': 'multipart/form-data; boundary=x' } }, 415],
		['GET', { method: 'GET' }, 405],
		['HEAD', { method: 'HEAD' }, 405],
		['PUT', { method: 'PUT' }, 405],
		['OPTIONS, which would ask for leave from another origin', { method: 'OPTIONS' }, 405],
		['no token', { headers: { authorization: '' } }, 401],
		['a token in another scheme', { headers: { authorization: `Basic ${TOKEN}` } }, 401],
		['a wrong token', { headers: { authorization: 'Bearer wrong-wrong-wrong-wrong' } }, 401],
		['a longer token', { headers: { authorization: `Bearer ${TOKEN}x` } }, 401],
		['what is no JSON', { body: '{"level":' }, 400],
		['nothing', { body: '' }, 400],
		['null', { body: 'null' }, 400],
		['a text', { body: '"SOFT"' }, 400],
		['no reason', { body: JSON.stringify({ ...wanted, reason: ' ' }) }, 400],
		['a reason that is a book', { body: JSON.stringify({ ...wanted, reason: 'x'.repeat(301) }) }, 400],
		['a reason that is no text', { body: JSON.stringify({ ...wanted, reason: { a: 1 } }) }, 400],
		['a level that is none', { body: JSON.stringify({ ...wanted, level: '__proto__' }) }, 400],
		['no end', { body: JSON.stringify({ ...wanted, ttlMs: undefined }) }, 400],
		['an end too far away', { body: JSON.stringify({ ...wanted, ttlMs: 60_001 }) }, 400],
		['a time that is a text', { body: JSON.stringify({ ...wanted, ttlMs: '30000' }) }, 400],
	];
	it.each(foreign)('is refused with %s', async (_, change, status) => {
		const answer = await override(change);
		expect(answer.status).toBe(status);
		expect(answer.headers['access-control-allow-origin']).toBeUndefined();
		expect(inForce()).toBeNull();
	});

	it.each([
		['that says so', { 'content-length': '1000000' }],
		['in chunks', { 'transfer-encoding': 'chunked' }],
	])('is refused with a huge body %s', async (_, headers) => {
		// The connection may break before the answer has been read: the rest of the body is not wanted.
		const answer = await override({ headers, body: Buffer.alloc(1_000_000, ' ') }).catch((error) => error);
		expect([413, 'ECONNRESET', 'EPIPE']).toContain(answer.status ?? answer.code);
		expect(inForce()).toBeNull();
	});

	it('is refused on a page that only shows', async () => {
		const answer = await ask(`${open.url}override`, right);
		expect(answer).toMatchObject({ status: 403, text: 'this page only shows\n' });
		expect(inForce()).toBeNull();
	});
});

describe('who is slow', () => {
	/** Sends the beginning of a request. @returns what came back until the connection was ended. */
	async function begin(text: string): Promise<string> {
		const socket = connect(Number(port), '127.0.0.1');
		const chunks: Buffer[] = [];
		socket.on('data', (chunk) => chunks.push(chunk));
		socket.on('error', () => {});
		socket.write(text);
		await once(socket, 'close');
		return Buffer.concat(chunks).toString();
	}

	it('with a body is refused', async () => {
		const head = ['POST /override HTTP/1.1', `Host: 127.0.0.1:${port}`, `Authorization: Bearer ${TOKEN}`];
		const answer = await begin(
			`${[...head, 'Content-Type: application/json', 'Content-Length: 50'].join('\r\n')}\r\n\r\n{`,
		);
		expect(answer).toContain('HTTP/1.1 408');
		expect(inForce()).toBeNull();
	}, 60_000);

	it('with the headers is cut off', async () => {
		expect(await begin('GET / HTTP/1.1\r\nHost: 127')).toContain('408');
	}, 60_000);
});

describe('what the page is made of', () => {
	const paths = ['', 'page.js', 'page.css', '?theme=dark', 'some/where/page.js'];
	it.each(paths)('is served at /%s, under a strict policy, to be kept by nobody', async (path) => {
		const { status, headers } = await ask(page.url + path);
		expect(status).toBe(200);
		const policy = headers['content-security-policy'];
		for (const rule of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "form-action 'none'"])
			expect(policy).toContain(rule);
		expect(policy).not.toContain('unsafe');
		expect(headers).toMatchObject({
			'cache-control': 'no-store',
			'x-content-type-options': 'nosniff',
			'x-frame-options': 'DENY',
			'cross-origin-resource-policy': 'same-origin',
			'referrer-policy': 'no-referrer',
		});
	});

	it('asks for nothing from elsewhere', async () => {
		for (const path of ['', 'page.js', 'page.css']) {
			const { text } = await ask(page.url + path);
			const links = text.match(/https?:\/\/[^\s"'`)]+/g) ?? [];
			// The name of a language is no address that anybody asks.
			expect(links.filter((link) => !link.startsWith('http://www.w3.org/'))).toEqual([]);
		}
	});

	it.each([
		['another file', '../package.json', {}, 404],
		['a file of that name elsewhere', 'assets.ts', {}, 404],
		['a path that is no URL', '//', { path: true }, 200],
		['a POST', 'page.js', { method: 'POST' }, 405],
	])('is not %s', async (_, path, change, status) => {
		expect((await ask(page.url + path, change as Asking)).status).toBe(status);
	});

	it.each(['', 'page.js', 'events'])('is refused at /%s under a foreign name', async (path) => {
		expect((await ask(page.url + path, { headers: { host: 'evil.example' } })).status).toBe(421);
	});

	it('is followed by the page itself only', async () => {
		const answer = await ask(`${page.url}events`, { headers: { origin: 'http://evil.example' } });
		expect(answer.status).toBe(403);
	});
});
