import { EventEmitter } from 'node:events';
import { fetchHandler, nodeHandler } from '../../src/http/index.js';
import { createLoadShedder, marketDataLadder } from '../../src/index.js';
import type { Group } from '../group.js';

/** A shedder of requests, as high as this lag takes it. */
async function shedderAt(lag: number) {
	const shedder = createLoadShedder({
		ladder: marketDataLadder,
		signals: { lag: () => lag, heap: () => 0.3 },
		priorityOf: ({ url }: { readonly url: string }) => (url.endsWith('/checkout') ? 'critical' : 'low'),
	});
	while ((await shedder.check()) !== null);
	return shedder;
}

const request = new Request('http://shop.example/products');

export const fetchRequests: Group = {
	title: 'A fetch handler that answers with a line of text',
	about: '`fetchHandler`, in this process, without a socket; every body is read to its end',
	async cases() {
		const bare = (_request: Request): Promise<Response> => Promise.resolve(new Response('in stock'));
		const [calm, overloaded] = [await shedderAt(0), await shedderAt(6_000_000)];
		const whole = fetchHandler(calm, bare, { streams: false });
		const followed = fetchHandler(calm, bare);
		const refusing = fetchHandler(overloaded, bare);
		const read = async (response: Promise<Response>) => (await response).text();
		return [
			{ name: 'bare', run: () => read(bare(request)) },
			{ name: 'fetchHandler, streams: false', run: () => read(whole(request)) },
			{ name: 'fetchHandler', run: () => read(followed(request)) },
			{ name: 'fetchHandler, a refusal', run: () => read(refusing(request)) },
		];
	},
};

/** As much of a response as a handler touches; it is over at once. */
class Sink extends EventEmitter {
	statusCode = 200;
	headersSent = false;
	writableEnded = false;
	closed = false;
	writeHead(status: number, _headers: object): void {
		this.statusCode = status;
		this.headersSent = true;
	}
	end(_body: string): void {
		this.writableEnded = true;
		this.emit('finish');
		this.emit('close');
	}
}

export const nodeRequests: Group = {
	title: 'A handler of node:http that answers with a line of text',
	about: '`nodeHandler`, in this process, with a response that goes nowhere',
	async cases() {
		const bare = (_request: { readonly url: string }, response: Sink): void => response.end('in stock');
		const wrapped = nodeHandler(await shedderAt(0), bare);
		const refusing = nodeHandler(await shedderAt(6_000_000), bare);
		const incoming = { url: '/products' };
		return [
			{ name: 'bare', run: () => bare(incoming, new Sink()) },
			{ name: 'nodeHandler', run: () => wrapped(incoming, new Sink()) },
			{ name: 'nodeHandler, a refusal', run: () => refusing(incoming, new Sink()) },
		];
	},
};
