import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import express from 'express';
import fastify from 'fastify';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { dashboardHandler, serveDashboard } from '../../src/dashboard/index.js';
import { ask, subject, TOKEN } from './subject.js';

const { shedder, clock } = subject();
const handler = dashboardHandler(shedder, { overrides: { token: TOKEN } });
afterAll(async () => {
	handler.close();
	await shedder.stop();
});

const servers: Server[] = [];
afterEach(() => {
	for (const server of servers.splice(0)) server.close();
});
async function listening(server: Server): Promise<string> {
	servers.push(server);
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const inExpress = () => express().use('/ops/load', handler);
const inExpressWithBodies = () => express().use(express.json()).use('/ops/load', handler);
async function inFastify() {
	const app = fastify();
	await app.register(async (scope) => {
		// The page reads its own bodies.
		scope.removeAllContentTypeParsers();
		scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
		scope.all('/ops/load', (_request, reply) => reply.redirect('/ops/load/'));
		scope.all('/ops/load/*', (request, reply) => {
			reply.hijack();
			handler(request.raw, reply.raw);
		});
	});
	await app.ready();
	return app.server;
}

describe.each([
	['node:http', async () => createServer(handler)],
	['Express', async () => createServer(inExpress())],
	['Express, which reads JSON itself', async () => createServer(inExpressWithBodies())],
	['Fastify', inFastify],
])('the page mounted in %s', (_, make) => {
	it('is served with its files, also without the last slash, and lets who may set an override', async () => {
		const url = await listening(await make());
		const moved = await ask(`${url}/ops/load`);
		if (moved.status !== 404) {
			expect(moved.status).toBeGreaterThan(300);
			expect(new URL(moved.headers.location ?? '', `${url}/ops/load`).href).toBe(`${url}/ops/load/`);
		}
		for (const [path, type] of [
			['', 'text/html'],
			['page.js', 'text/javascript'],
			['page.css', 'text/css'],
		]) {
			const { status, headers } = await ask(`${url}/ops/load/${path}`);
			expect([status, headers['content-type']]).toEqual([200, `${type}; charset=utf-8`]);
		}
		const answer = await ask(`${url}/ops/load/override`, {
			method: 'POST',
			headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
			body: JSON.stringify({ level: 'SOFT', ttlMs: 1_000, reason: 'mounted' }),
		});
		expect(answer).toMatchObject({ status: 204 });
		expect(shedder.stats().override).toMatchObject({ reason: 'mounted' });
		await clock.advance(1_000);
		await shedder.check();
	});
});

describe('a page that is served', () => {
	it('does not keep its process alive, not even while one follows', async () => {
		const script = fileURLToPath(new URL('lonely.ts', import.meta.url));
		const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', script], { timeout: 60_000 });
		expect(stdout).toBe('followed\n');
	}, 90_000);

	it('rejects when it cannot listen, and leaves nothing behind', async () => {
		const first = await serveDashboard(shedder);
		const { port } = new URL(first.url);
		await expect(serveDashboard(shedder, { port: Number(port) })).rejects.toMatchObject({ code: 'EADDRINUSE' });
		await first.close();
	});
});
