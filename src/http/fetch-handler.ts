import { show, verify } from '../core/errors.js';
import type { Admission, RequestShedder } from '../ports/shedder.js';
import { unavailable } from './answer.js';
import { followedBodies } from './followed-body.js';
import { guarded, type Refusal } from './guard.js';
import type { GuardOptions } from './options.js';

/** Options of `fetchHandler`. `Q` its requests, `A` what its server passes beside them. */
export interface FetchOptions<Q, A extends readonly unknown[]> extends GuardOptions {
	/** Answers who is turned away. Default: 503, `Retry-After` and a line of text. What it throws is thrown on. */
	readonly refuse?: ((refusal: Refusal, request: Q, ...rest: A) => Response | Promise<Response>) | undefined;
	/**
	 * Whether a response may still be made after the handler has returned it. `true` (default): a request is in flight until
	 * its body was read to the end or given up, which costs some microseconds a response. `false`: until it is returned.
	 */
	readonly streams?: boolean | undefined;
}

/**
 * Wraps a handler of `Request`s: `Bun.serve`, `Deno.serve`, Next, Hono, workers.
 *
 * A request of which the shedder says anything but `process` is answered with 503 and `Retry-After`; it is never kept for
 * later. A handler that throws counts as `failed` and the promise rejects with its error; so does a response of 500 or
 * above, a body that fails or is given up before its end because the client has gone away, and what is no `Response`.
 *
 * @param handler  gets the request, what it is treated by, and whatever else the server passes.
 * @param options  `describe` makes what the shedder is to look at of a request, where that is not the request itself. What
 * it throws, the promise rejects with.
 * @throws ConfigError when an option is wrong.
 * @see docs/http.md
 */
export function fetchHandler<const M, Q extends Request, C, A extends readonly unknown[]>(
	shedder: RequestShedder<M, C>,
	handler: (request: Q, context: C, ...rest: A) => Response | Promise<Response>,
	options: FetchOptions<Q, A> & { readonly describe: (request: Q, ...rest: A) => NoInfer<M> },
): (request: Q, ...rest: A) => Promise<Response>;
export function fetchHandler<Q extends Request, C, A extends readonly unknown[]>(
	shedder: RequestShedder<Q, C>,
	handler: (request: Q, context: C, ...rest: A) => Response | Promise<Response>,
	options?: FetchOptions<Q, A>,
): (request: Q, ...rest: A) => Promise<Response>;
export function fetchHandler<const M, Q extends Request, C, A extends readonly unknown[]>(
	shedder: RequestShedder<M, C>,
	handler: (request: Q, context: C, ...rest: A) => Response | Promise<Response>,
	options: FetchOptions<Q, A> & { readonly describe?: (request: Q, ...rest: A) => M } = {},
): (request: Q, ...rest: A) => Promise<Response> {
	// Without `describe` the types see to it that a request is what the shedder takes.
	const { describe = (request: Q) => request as unknown as M, refuse = refused, streams = true } = options;
	const guard = guarded('fetchHandler', shedder, options);
	verify('fetchHandler', (must) => must(typeof handler === 'function', 'handler', handler, 'a function'));
	verify('fetchHandler options', (must) => {
		must(typeof describe === 'function', 'describe', describe, 'a function');
		must(typeof refuse === 'function', 'refuse', refuse, 'a function');
		must(typeof streams === 'boolean', 'streams', streams, 'a boolean');
	});
	const follow = followedBodies();
	return async (request, ...rest) => {
		const entry = guard(() => describe(request, ...rest));
		if ('refusal' in entry) return refuse(entry.refusal, request, ...rest);
		const { admission } = entry;
		try {
			const response = await handler(request, admission.context, ...rest);
			if (!isResponse(response)) {
				throw new TypeError(`fetchHandler: the handler must return a Response, got ${show(response)}`);
			}
			const as = response.status < 500 ? 'processed' : 'failed';
			// The response to a HEAD request has a body that nobody reads.
			if (streams && response.body !== null && request.method !== 'HEAD') {
				return new Response(follow(response.body, ending(admission, as)), response);
			}
			admission.end(as);
			return response;
		} catch (error) {
			admission.end('failed');
			throw error;
		}
	};
}

/** By its shape, because a framework may bring a `Response` of its own. Without types a forgotten `return` gives nothing. */
function isResponse(value: unknown): boolean {
	const { status, body } = Object(value) as { readonly status?: unknown; readonly body?: unknown };
	return typeof status === 'number' && body !== undefined;
}

/** Made out here, because a closure in the handler would keep request and response alive, and so the body that it waits for. */
function ending({ end }: Admission<unknown>, as: 'processed' | 'failed'): (whole: boolean) => void {
	return (whole) => end(whole ? as : 'failed');
}

function refused(refusal: Refusal): Response {
	const { status, headers, body } = unavailable(refusal);
	return new Response(body, { status, headers });
}
