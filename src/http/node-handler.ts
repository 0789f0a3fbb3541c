import { verify } from '../core/errors.js';
import type { RequestShedder } from '../ports/shedder.js';
import { type Answer, plain, unavailable } from './answer.js';
import { guarded, type Refusal } from './guard.js';
import type { GuardOptions } from './options.js';

/** What is needed of a response of `node:http`, and of what Express, Fastify and `node:http2` make of it. */
export interface NodeResponse {
	statusCode: number;
	readonly headersSent: boolean;
	/** Its last byte was written, not necessarily sent. */
	readonly writableEnded: boolean;
	/** It is over: sent, or its client has gone away. */
	readonly closed?: boolean | undefined;
	writeHead(status: number, headers: { readonly [name: string]: string }): unknown;
	end(body: string): unknown;
	once(event: 'finish' | 'close', listener: () => void): unknown;
	destroy?(error?: Error): unknown;
	/** Of HTTP/2, whose responses cannot be destroyed. */
	readonly stream?: { destroy(error?: Error): unknown } | undefined;
}

/** Passes a request on to what comes next, or, with an error, to who answers errors. */
export type Next = (error?: Error) => void;

/** Options of `nodeHandler`. */
export interface NodeOptions<Q, S> extends GuardOptions {
	/** Answers who is turned away. Default: 503, `Retry-After` and a line of text. What it throws is treated as the handler's. */
	readonly refuse?: ((refusal: Refusal, request: Q, response: S, next: Next) => void) | undefined;
	/**
	 * Hears what the handler has thrown where there is no `next` to tell; must not throw. The client gets a 500, or a broken
	 * connection once the response has begun. Default: `console.error`.
	 */
	readonly onError?: ((error: unknown, request: Q) => void) | undefined;
}

/**
 * Wraps a handler of `(request, response)`: `node:http`, `node:http2`, and with `next` the middleware of Express, Nest,
 * Connect and the hooks of Fastify.
 *
 * A request of which the shedder says anything but `process` is answered with 503 and `Retry-After`; it is never kept for
 * later. A request is in flight until its response was sent or its client has gone away. It counts as `failed` when the
 * handler has thrown or rejected, when the status is 500 or above, and when the client has gone away before the end.
 *
 * @param handler  gets the request, the response, what it is treated by, and `next`; a promise of it is waited for.
 * @param options  `describe` makes what the shedder is to look at of a request, where that is not the request itself. What
 * it throws is treated as the handler's.
 * @throws ConfigError when an option is wrong.
 * @see docs/http.md
 */
export function nodeHandler<const M, Q extends object, S extends NodeResponse, C>(
	shedder: RequestShedder<M, C>,
	handler: (request: Q, response: S, context: C, next: Next) => unknown,
	options: NodeOptions<Q, S> & { readonly describe: (request: Q) => NoInfer<M> },
): (request: Q, response: S, next?: Next) => void;
export function nodeHandler<Q extends object, S extends NodeResponse, C>(
	shedder: RequestShedder<Q, C>,
	handler: (request: Q, response: S, context: C, next: Next) => unknown,
	options?: NodeOptions<Q, S>,
): (request: Q, response: S, next?: Next) => void;
export function nodeHandler<const M, Q extends object, S extends NodeResponse, C>(
	shedder: RequestShedder<M, C>,
	handler: (request: Q, response: S, context: C, next: Next) => unknown,
	options: NodeOptions<Q, S> & { readonly describe?: (request: Q) => M } = {},
): (request: Q, response: S, next?: Next) => void {
	// Without `describe` the types see to it that a request is what the shedder takes.
	const { describe = (request: Q) => request as unknown as M, refuse = refused, onError = console.error } = options;
	const guard = guarded('nodeHandler', shedder, options);
	verify('nodeHandler', (must) => must(typeof handler === 'function', 'handler', handler, 'a function'));
	verify('nodeHandler options', (must) => {
		must(typeof describe === 'function', 'describe', describe, 'a function');
		must(typeof refuse === 'function', 'refuse', refuse, 'a function');
		must(typeof onError === 'function', 'onError', onError, 'a function');
	});
	return (request, response, next) => {
		let as: 'processed' | 'failed' = 'processed';
		const failed = (error: unknown): void => {
			as = 'failed';
			// Whatever it is that was thrown.
			if (next !== undefined) next(error as Error);
			else {
				breakOff(response);
				onError(error, request);
			}
		};
		const onwards = next ?? ((error: Error = new Error('there is no next handler')) => failed(error));
		try {
			const entry = guard(() => describe(request));
			if ('refusal' in entry) {
				refuse(entry.refusal, request, response, onwards);
				return;
			}
			const { admission } = entry;
			const sent = () => admission.end(response.statusCode < 500 ? as : 'failed');
			response.once('finish', sent);
			// Of the two the first counts: a response that is closed without having been finished has failed.
			response.once('close', () => admission.end('failed'));
			// Its events are over already: its client has gone away while others looked at the request.
			if (response.closed === true) admission.end('failed');
			const result = handler(request, response, admission.context, onwards);
			if (isThenable(result)) Promise.resolve(result).catch(failed);
		} catch (error) {
			failed(error);
		}
	};
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
	return typeof (value as Partial<PromiseLike<unknown>> | null | undefined)?.then === 'function';
}

function refused(refusal: Refusal, _request: unknown, response: NodeResponse): void {
	send(response, unavailable(refusal));
}

/** Ends a response that its handler cannot end any more. */
function breakOff(response: NodeResponse): void {
	if (response.writableEnded) return;
	if (!response.headersSent) send(response, plain(500, 'Internal Server Error\n'));
	else if (response.destroy !== undefined) response.destroy();
	else response.stream?.destroy();
}

function send(response: NodeResponse, { status, headers, body }: Answer): void {
	// Somebody else has answered already.
	if (response.headersSent) return;
	response.writeHead(status, headers);
	response.end(body);
}
