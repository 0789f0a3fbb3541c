import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Refusal, refuseHost, refuseOrigin, TokenCheck } from './guard.js';
import { type DashboardOptions, settingsOf } from './options.js';
import { assets } from './page/assets.js';
import { Recorder } from './recorder.js';
import { Steering } from './steer.js';
import type { Steerable } from './steerable.js';
import { Viewers } from './viewers.js';

/** An `IncomingMessage` of `node:http`, in as many words as these types need, so that they need no others. */
export interface NodeRequest {
	readonly method?: string | undefined;
	readonly url?: string | undefined;
	readonly headers: object;
}

/** A `ServerResponse` of `node:http`, likewise. */
export interface NodeResponse {
	readonly headersSent: boolean;
	end(): unknown;
}

/** Answers the requests of the page; to be mounted in any server of Node. */
export interface DashboardHandler {
	/** @param next  told of an error inside, as middleware does; without it, the process warns. */
	(request: NodeRequest, response: NodeResponse, next?: (error?: unknown) => void): void;
	/** Ends the connections of all pages and the look at the shedder. Idempotent. */
	close(): void;
}

const POLICY = [
	...["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", 'img-src data:'],
	...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
];

const HEADERS = {
	'cache-control': 'no-store',
	'content-security-policy': POLICY.join('; '),
	'cross-origin-opener-policy': 'same-origin',
	'cross-origin-resource-policy': 'same-origin',
	'referrer-policy': 'no-referrer',
	'x-content-type-options': 'nosniff',
	'x-frame-options': 'DENY',
};

const PLAIN = { 'content-type': 'text/plain; charset=utf-8' };

/**
 * The live page of a shedder as a request handler: `http.createServer(dashboardHandler(shedder))`, or mounted under a path of
 * an Express or Fastify server. Who may see it there is that server's affair; without `overrides` nobody can change anything
 * through it.
 *
 * @throws ConfigError when an option is wrong.
 * @see docs/dashboard.md
 */
export function dashboardHandler(shedder: Steerable, options: DashboardOptions = {}): DashboardHandler {
	const settings = settingsOf(options);
	const viewers = new Viewers(settings.viewersMax);
	const recorder = new Recorder(shedder, settings, viewers);
	const { overrides } = settings;
	const steering = overrides && new Steering(shedder, overrides.maxTtlMs, new TokenCheck(overrides.token));

	const steer = async (request: IncomingMessage, response: ServerResponse): Promise<Refusal | undefined> => {
		if (request.method !== 'POST' && request.method !== 'DELETE') return wrongMethod('POST, DELETE');
		if (steering === null) return { status: 403, message: 'this page only shows' };
		const refusal = await steering.carryOut(request);
		if (refusal !== undefined) return refusal;
		recorder.refresh();
		response.writeHead(204, HEADERS).end();
		return undefined;
	};
	const follow = (request: IncomingMessage, response: ServerResponse): Refusal | undefined => {
		const refusal = refuseOrigin(request.headers);
		if (refusal !== undefined) return refusal;
		if (viewers.full) return { status: 503, message: 'too many pages follow already' };
		response.writeHead(200, { ...HEADERS, 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' });
		if (request.method === 'HEAD') response.end();
		else viewers.add(response, recorder.whole());
		return undefined;
	};
	const show = async (
		name: string,
		request: IncomingMessage,
		response: ServerResponse,
	): Promise<Refusal | undefined> => {
		const file = (await assets()).get(name);
		if (file === undefined) return { status: 404, message: 'there is no such page' };
		response.writeHead(200, { ...HEADERS, 'content-type': file.type });
		response.end(request.method === 'HEAD' ? undefined : file.text);
		return undefined;
	};
	/** Answers what may be answered, and returns why the rest is not. */
	const answer = async (request: IncomingMessage, response: ServerResponse): Promise<Refusal | undefined> => {
		const refusal = refuseHost(request.headers, settings.hosts, request.socket.localAddress);
		if (refusal !== undefined) return refusal;
		const name = lastPart(request.url);
		if (name === 'override') return steer(request, response);
		if (request.method !== 'GET' && request.method !== 'HEAD') return wrongMethod('GET, HEAD');
		if (name === 'events') return follow(request, response);
		// Mounted under `/ops`, the page was asked for as `/ops`, where its relative addresses would lead nowhere.
		const asked = lastPart((request as { readonly originalUrl?: string }).originalUrl ?? request.url);
		if (name !== '' || asked === '') return show(name, request, response);
		response.writeHead(308, { ...HEADERS, location: `./${asked}/` }).end();
		return undefined;
	};
	const handler: DashboardHandler = (asked, answered, next) => {
		const request = asked as IncomingMessage;
		const response = answered as ServerResponse;
		const refused = (refusal: Refusal | undefined) => refusal && refuse(response, refusal);
		answer(request, response).then(refused, (error: unknown) => {
			if (next !== undefined && !response.headersSent) {
				next(error);
				return;
			}
			process.emitWarning(error instanceof Error ? error : String(error));
			// Nothing of the inside is for whoever asks.
			if (!response.headersSent) response.writeHead(500, HEADERS);
			response.end();
		});
	};
	handler.close = () => {
		recorder.close();
		viewers.end();
	};
	return handler;
}

/** What comes after the last slash of a path: the page is the same wherever it is mounted. */
const lastPart = (url = '/'): string => url.replace(/[?#].*$/s, '').replace(/^.*\//s, '');

const wrongMethod = (allow: string): Refusal => ({ status: 405, message: `only ${allow}`, headers: { allow } });

function refuse(response: ServerResponse, { status, message, headers }: Refusal): void {
	// What is left of the request is not read.
	response.writeHead(status, { ...HEADERS, ...headers, ...PLAIN, connection: 'close' });
	response.end(`${message}\n`);
}
