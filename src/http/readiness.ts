import type { RequestShedder } from '../ports/shedder.js';
import { type Answer, plain } from './answer.js';
import type { NodeResponse } from './node-handler.js';
import { checkedGuard, type GuardOptions } from './options.js';
import { retryAfterS } from './retry-after.js';

/** Of a readiness endpoint. */
export type ReadinessOptions = Pick<GuardOptions, 'retryAfter' | 'clock'>;

/**
 * A readiness endpoint: 200 while intake is open, 503 with `Retry-After` while it is paused. It asks nothing and waits for
 * nothing. Shedding alone does not make a service unready: taking it away would give its load to the others.
 *
 * @throws ConfigError
 * @see docs/http.md#readiness
 */
export function fetchReadiness(
	shedder: RequestShedder<never, unknown>,
	options: ReadinessOptions = {},
): () => Response {
	const answer = readiness('fetchReadiness', shedder, options);
	return () => {
		const { status, headers, body } = answer();
		return new Response(body, { status, headers });
	};
}

/** {@link fetchReadiness} for `node:http`, Express and Fastify. @throws ConfigError */
export function nodeReadiness(
	shedder: RequestShedder<never, unknown>,
	options: ReadinessOptions = {},
): (request: unknown, response: NodeResponse) => void {
	const answer = readiness('nodeReadiness', shedder, options);
	return (_request, response) => {
		const { status, headers, body } = answer();
		response.writeHead(status, headers);
		response.end(body);
	};
}

function readiness(subject: string, shedder: RequestShedder<never, unknown>, options: ReadinessOptions): () => Answer {
	const waitS = retryAfterS(shedder, checkedGuard(subject, shedder, options));
	return () =>
		shedder.accepting
			? plain(200, 'ready\n')
			: plain(503, `not ready: intake is paused at ${shedder.level}\n`, waitS());
}
