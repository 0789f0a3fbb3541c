import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo, Server as NetServer } from 'node:net';
import { serve } from '@hono/node-server';
import { Controller, Get, Module, Req, Res } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import express from 'express';
import fastify from 'fastify';
import { type Context, Hono, type Next } from 'hono';
import { fetchHandler, nodeHandler } from '../../src/http/index.js';
import type { HandlerContext, LoadShedder } from '../../src/index.js';
import 'reflect-metadata';

export type Priority = 'checkout' | 'browse' | 'crawl';
export type Level = 'NORMAL' | 'BUSY' | 'OVERLOADED' | 'STOPPED';
/** What the tests' shedders look at: requests of both kinds have it. */
export interface Described {
	readonly url?: string | undefined;
}
export type Treated = HandlerContext<Level, Priority, 'recommendations'>;
export type HttpShedder<M> = LoadShedder<M, Level, 'load', 'checkout', 'browse' | 'crawl', 'recommendations'>;

/** What each server does, in its own words, for the same paths. */
export interface Site {
	/** Sends a first piece; the rest once the test says so. */
	readonly stream: { readonly released: () => Promise<void> };
	/** The requests whose handler was called. */
	readonly served: string[];
}

export interface Running {
	readonly origin: string;
	close(): Promise<void>;
}

export type Serve = (shedder: HttpShedder<Described>, site: Site) => Promise<Running>;

/** By name: the same site on each server and framework. */
export const servers: Readonly<Record<string, Serve>> = {
	'node:http': (shedder, site) =>
		listening(
			nodeHandler(
				shedder,
				async (request: IncomingMessage, response: ServerResponse, { features }) => {
					await answer(site, request.url ?? '', features.recommendations, response);
				},
				quiet,
			),
		),
	Express: (shedder, site) => {
		const app = express();
		app.use(
			nodeHandler(shedder, (_request: express.Request, response: express.Response, context, next) => {
				response.locals.treated = context;
				next();
			}),
		);
		app.get('/*path', (request, response) => {
			const { features } = response.locals.treated as Treated;
			return answer(site, request.url, features.recommendations, response);
		});
		// Express writes errors to the console unless somebody answers them.
		app.use((_error: unknown, _request: express.Request, response: express.Response, next: express.NextFunction) => {
			if (response.headersSent) next('closes the connection');
			else response.sendStatus(500);
		});
		app.set('env', 'test');
		return listening(app);
	},
	Fastify: async (shedder, site) => {
		const app = fastify({ forceCloseConnections: true });
		const guard = nodeHandler(
			shedder,
			(request: IncomingMessage & { treated?: Treated }, _response: ServerResponse, context, next) => {
				request.treated = context;
				next();
			},
		);
		app.addHook('onRequest', (request, reply, done) => guard(request.raw, reply.raw, done));
		app.get('/*', async (request, reply) => {
			const { treated } = request.raw as { treated?: Treated };
			if (!request.url.startsWith('/throws')) reply.hijack();
			await answer(site, request.url, treated?.features.recommendations === true, reply.raw);
		});
		const origin = await app.listen({ port: 0, host: '127.0.0.1' });
		return { origin, close: async () => void (await app.close()) };
	},
	NestJS: async (shedder, site) => {
		class Products {
			async any(request: express.Request, response: express.Response) {
				const { features } = response.locals.treated as Treated;
				await answer(site, request.url, features.recommendations, response);
			}
		}
		// Decorators as calls: those of Nest are older than those of the language.
		Req()(Products.prototype, 'any', 0);
		Res()(Products.prototype, 'any', 1);
		Reflect.defineMetadata('design:paramtypes', [Object, Object], Products.prototype, 'any');
		Get('*path')(Products.prototype, 'any', Object.getOwnPropertyDescriptor(Products.prototype, 'any') as never);
		Controller()(Products);
		class Shop {}
		Module({ controllers: [Products] })(Shop);
		const app = await NestFactory.create(Shop, { logger: false });
		app.use(
			nodeHandler(shedder, (_request: express.Request, response: express.Response, context, next) => {
				response.locals.treated = context;
				next();
			}),
		);
		await app.listen(0, '127.0.0.1');
		return { origin: await app.getUrl(), close: () => ended(app.getHttpServer(), () => app.close()) };
	},
	'Hono around the application': (shedder, site) => {
		const app = new Hono<{ Bindings: { readonly treated: Treated } }>();
		app.onError((_error, c) => c.text('Internal Server Error', 500));
		app.get('*', (c) => reply(site, path(c.req.url), c.env.treated.features.recommendations));
		const guard = fetchHandler(shedder, (request: Request, treated, env: object) =>
			app.fetch(request, { ...env, treated }),
		);
		return hono(guard);
	},
	'Hono as middleware': (shedder, site) => {
		const app = new Hono<{ Variables: { treated: Treated } }>();
		app.onError((_error, c) => c.text('Internal Server Error', 500));
		const guard = fetchHandler(
			shedder,
			async (_request: Request, treated, c: Context<{ Variables: { treated: Treated } }>, next: Next) => {
				c.set('treated', treated);
				await next();
				return c.res;
			},
		);
		app.use(async (c, next) => {
			c.res = await guard(c.req.raw, c, next);
		});
		app.get('*', (c) => reply(site, path(c.req.url), c.get('treated').features.recommendations));
		return hono(app.fetch);
	},
};

/** The errors of these handlers are part of the tests. */
const quiet = { onError() {} };

async function answer(site: Site, url: string, recommendations: boolean, response: ServerResponse): Promise<void> {
	site.served.push(url);
	if (url.startsWith('/throws')) throw new Error('no stock');
	response.setHeader('x-recommendations', recommendations ? 'on' : 'off');
	response.writeHead(url.startsWith('/broken') ? 502 : 200, { 'content-type': 'text/plain' });
	response.write('first,');
	if (url.startsWith('/checkout/stream')) await site.stream.released();
	if (url.startsWith('/checkout/stream/half')) throw new Error('half way');
	response.end('last');
}

function reply(site: Site, url: string, recommendations: boolean): Response {
	site.served.push(url);
	if (url.startsWith('/throws')) throw new Error('no stock');
	const text = new TextEncoder();
	const body = new ReadableStream<Uint8Array>({
		async start(controller) {
			controller.enqueue(text.encode('first,'));
			if (url.startsWith('/checkout/stream')) await site.stream.released();
			if (url.startsWith('/checkout/stream/half')) {
				controller.error(new Error('half way'));
				return;
			}
			try {
				controller.enqueue(text.encode('last'));
				controller.close();
			} catch {
				// The client has gone away, which has cancelled the stream.
			}
		},
	});
	const headers = { 'content-type': 'text/plain', 'x-recommendations': recommendations ? 'on' : 'off' };
	return new Response(body, { status: url.startsWith('/broken') ? 502 : 200, headers });
}

function path(url: string): string {
	return new URL(url).pathname;
}

async function listening(listener: RequestListener): Promise<Running> {
	const server = createServer(listener);
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	return running(server);
}

async function hono(fetch: (request: Request, ...rest: never[]) => Response | Promise<Response>): Promise<Running> {
	const server = await new Promise<NetServer>((resolve) => {
		const made = serve({ fetch: fetch as never, port: 0, hostname: '127.0.0.1' }, () => resolve(made as NetServer));
	});
	return running(server);
}

function running(server: NetServer): Running {
	const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	return { origin, close: () => ended(server, () => new Promise((resolve) => server.close(() => resolve()))) };
}

async function ended(server: object, close: () => Promise<void>): Promise<void> {
	const closing = close();
	(server as { closeAllConnections?(): void }).closeAllConnections?.();
	await closing;
}
