import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http';
import { createLoadShedder, defineLadder, defineTiers, memorySpill } from '../../src/index.js';
import { manualClock } from '../../src/testing/index.js';

export const ladder = defineLadder({
	priorities: { protected: 'critical', sheddable: ['normal', 'low'] },
	features: ['enrichment'],
	signals: { lag: { recoverBelow: 0.5 }, heap: { recoverBelow: 0.9 } },
	levels: [
		{ name: 'NORMAL' },
		{ name: 'SOFT', enterAt: { lag: 100, heap: 0.7 }, disable: ['enrichment'] },
		{ name: 'GRACEFUL', enterAt: { lag: 500, heap: 0.8 }, shed: { low: 'drop' } },
		{ name: 'AGGRESSIVE', enterAt: { lag: 1_000, heap: 0.9 }, shed: { normal: 'spill' } },
		{ name: 'CIRCUIT_BREAK', enterAt: { lag: 5_000, heap: 0.95 }, intake: 'paused' },
	],
	cooldownMs: 30_000,
	probe: { afterMs: 60_000, forMs: 5_000 },
});
const tiers = defineTiers({
	tiers: [{ name: 'top', priority: 'critical', keys: ['BHP'] }],
	fallback: { name: 'rest', priority: 'normal' },
});

/** A shedder whose time and readings are the test's. */
export function subject() {
	const clock = manualClock();
	const readings = { lag: 0, heap: 0.5 };
	const shedder = createLoadShedder({
		ladder,
		clock,
		signals: { lag: () => readings.lag, heap: () => readings.heap },
		tiers,
		keyOf: (message: { key: string; low?: boolean }) => message.key,
		priorityOf: ({ low }) => (low === true ? 'low' : undefined),
		spill: memorySpill(),
		intake: { pause() {}, resume() {} },
	});
	return { shedder, clock, readings };
}

export const TOKEN = 'a-token-that-nobody-guesses';

export interface Answer {
	readonly status: number;
	readonly headers: IncomingHttpHeaders;
	readonly text: string;
}

export interface Asking {
	readonly method?: string;
	readonly headers?: OutgoingHttpHeaders;
	readonly body?: string | Buffer;
}

/** One request with headers that `fetch` would not let through, such as a Host of one's own. */
export function ask(url: string, { method = 'GET', headers = {}, body }: Asking = {}): Promise<Answer> {
	// Node frames the body of a GET or a DELETE only when it is told how long it is.
	const framed = 'content-length' in headers || 'transfer-encoding' in headers || body === undefined;
	const all = framed ? headers : { ...headers, 'content-length': Buffer.byteLength(body) };
	return new Promise((resolve, reject) => {
		const sent = request(url, { method, headers: all, agent: false }, (response) => {
			const chunks: Buffer[] = [];
			response.on('data', (chunk: Buffer) => chunks.push(chunk));
			response.on('error', reject);
			response.on('end', () => {
				const text = Buffer.concat(chunks).toString();
				resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
			});
		});
		sent.on('error', reject);
		sent.end(body);
	});
}

/** The events of a page that follows, as they come. */
export async function* events(url: string, abort: AbortSignal): AsyncGenerator<{ name: string; data: unknown }> {
	const response = await fetch(`${url}events`, { signal: abort });
	if (response.body === null) throw new Error('there is no body');
	let text = '';
	const decoder = new TextDecoder();
	for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
		text += decoder.decode(chunk, { stream: true });
		for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
			const [, name = '', data = ''] = /^event: (.*)\ndata: (.*)$/.exec(text.slice(0, end)) ?? [];
			text = text.slice(end + 2);
			yield { name, data: JSON.parse(data) };
		}
	}
}
