import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { verify } from '../core/errors.js';
import { dashboardHandler } from './handler.js';
import { type DashboardOptions, VIEWERS_MAX } from './options.js';
import type { Steerable } from './steerable.js';

export interface ServeOptions extends DashboardOptions {
	/** 0 = any free one. Default 0. */
	readonly port?: number | undefined;
	/** The address to listen on. Default `'127.0.0.1'`: nobody outside this machine sees the page. */
	readonly host?: string | undefined;
}

/** A page that is being served. */
export interface Dashboard {
	/** Where it is, such as `http://127.0.0.1:8080/`. */
	readonly url: string;
	/** Ends it with all its connections. Idempotent. */
	close(): Promise<void>;
}

/** A request that does not arrive within this time ends its connection. */
const REQUEST_WITHIN_MS = 10_000;
/** How often it is looked whether one is late. */
const LATE_CHECK_MS = 2_000;
/** Connections besides those of the pages that follow: for their files and for what they ask. */
const SPARE_CONNECTIONS = 100;

/**
 * Serves the live page of a shedder: the ladder, the signals against their thresholds, what holds recovery back, decisions,
 * spill and transitions, as they are. Resolves when it listens; it does not keep the process alive.
 *
 * @throws ConfigError when an option is wrong; rejects when it cannot listen.
 */
export async function serveDashboard(shedder: Steerable, options: ServeOptions = {}): Promise<Dashboard> {
	const { port = 0, host = '127.0.0.1' } = options;
	verify('dashboard options', (must) => {
		must(Number.isInteger(port) && port >= 0 && port < 65_536, 'port', port, 'a whole number from 0 to 65535');
		must(typeof host === 'string' && host !== '', 'host', host, 'an address');
	});
	const handler = dashboardHandler(shedder, options);
	const server = createServer(
		{
			headersTimeout: REQUEST_WITHIN_MS,
			requestTimeout: REQUEST_WITHIN_MS,
			connectionsCheckingInterval: LATE_CHECK_MS,
		},
		(request, response) => handler(request, response),
	);
	server.maxConnections = (options.viewersMax ?? VIEWERS_MAX) + SPARE_CONNECTIONS;
	// Nor do the pages that follow keep the process alive.
	server.on('connection', (socket) => socket.unref());
	try {
		server.listen(port, host);
		await once(server, 'listening');
	} catch (error) {
		handler.close();
		throw error;
	}
	server.unref();
	const { port: given, address, family } = server.address() as AddressInfo;
	return {
		url: `http://${family === 'IPv6' ? `[${address}]` : address}:${given}/`,
		async close() {
			handler.close();
			if (!server.listening) return;
			const closed = once(server, 'close');
			server.close();
			server.closeAllConnections();
			await closed;
		},
	};
}
