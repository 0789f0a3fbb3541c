import type { Refusal } from './guard.js';

/** What a client is sent, for both kinds of server. */
export interface Answer {
	readonly status: number;
	readonly headers: { readonly [name: string]: string };
	readonly body: string;
}

export function plain(status: number, body: string, retryS?: number): Answer {
	const headers = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' };
	return { status, headers: retryS === undefined ? headers : { ...headers, 'retry-after': String(retryS) }, body };
}

export function unavailable({ retryAfterS }: Refusal): Answer {
	return plain(503, `Overloaded, try again in ${retryAfterS} s.\n`, retryAfterS);
}
