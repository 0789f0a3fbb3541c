import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serveDashboard } from '../../dashboard/index.js';
import { InputError } from '../input-error.js';
import type { Shedder } from './brokers/broker.js';

/** Ports on loopback; 0 = any free one. */
export interface WatchOptions {
	/** Of the figures for Prometheus. */
	readonly metrics?: number | undefined;
	/** Of the live page. */
	readonly dashboard?: number | undefined;
}

/** Serves the metrics and the live page of a run. @returns where they are, and how to end that. */
export async function watched(
	shedder: Shedder,
	{ metrics, dashboard }: WatchOptions,
): Promise<{ readonly urls: readonly string[]; close(): Promise<void> }> {
	const served = [
		...(metrics === undefined ? [] : [await serveMetrics(shedder, metrics)]),
		...(dashboard === undefined ? [] : [await servePage(shedder, dashboard)]),
	];
	return {
		urls: served.map(({ url }) => url),
		async close() {
			await Promise.all(served.map((one) => one.close()));
		},
	};
}

async function servePage(shedder: Shedder, port: number) {
	try {
		return await serveDashboard(shedder, { port, title: 'brownout demo' });
	} catch (cause) {
		throw new InputError(`--dashboard ${port}: ${messageOf(cause)}`, { cause });
	}
}

async function serveMetrics(shedder: Shedder, port: number) {
	const { Registry } = await promClient();
	// It imports prom-client, which only who wants metrics has to have.
	const { prometheusMetrics } = await import('../../prometheus/index.js');
	const registry = new Registry();
	const { detach } = prometheusMetrics(shedder, { registry });
	const server = createServer(async ({ url }, response) => {
		if (url !== '/metrics') {
			response.writeHead(404).end('The metrics are at /metrics.\n');
			return;
		}
		try {
			const text = await registry.metrics();
			response.writeHead(200, { 'content-type': registry.contentType }).end(text);
		} catch (error) {
			response.writeHead(500).end(`${messageOf(error)}\n`);
		}
	});
	try {
		server.listen(port, '127.0.0.1');
		await once(server, 'listening');
	} catch (cause) {
		detach();
		throw new InputError(`--metrics ${port}: ${messageOf(cause)}`, { cause });
	}
	server.unref();
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`,
		async close() {
			const closed = once(server, 'close');
			server.close();
			server.closeAllConnections();
			await closed;
			detach();
		},
	};
}

async function promClient() {
	try {
		const library = await import('prom-client');
		return library.default ?? library;
	} catch (cause) {
		throw new InputError('--metrics needs prom-client: npm install prom-client', { cause });
	}
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
