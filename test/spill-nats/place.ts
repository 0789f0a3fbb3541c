import { randomUUID } from 'node:crypto';
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { vi } from 'vitest';
import type { SpillStore } from '../../src/index.js';
import { type NatsSpillOptions, natsSpill } from '../../src/spill-nats/index.js';

// Real servers share the machine with other tests.
vi.setConfig({ testTimeout: 30_000 });

/** A stream of the test's own, on some server. */
export interface Place {
	readonly connection: NatsConnection;
	readonly manager: JetStreamManager;
	readonly stream: string;
	/** Another instance on this stream. */
	store(options?: Partial<NatsSpillOptions>): SpillStore;
	destroy(): Promise<void>;
}

export async function place(url: string | string[], defaults: Partial<NatsSpillOptions> = {}): Promise<Place> {
	const stream = `brownout_test_${randomUUID().slice(0, 8)}`;
	const connection = await connect({ servers: url, maxReconnectAttempts: -1, reconnectTimeWait: 20 });
	const manager = await jetstreamManager(connection, { checkAPI: false });
	return {
		connection,
		manager,
		stream,
		store: (options) => natsSpill({ connection, manager, stream, maxBytes: 32 * 1024 * 1024, ...defaults, ...options }),
		async destroy() {
			// A cluster that has just lost a server answers once it has a leader again.
			await vi.waitFor(
				async () => {
					// Some tests never make one.
					const names = await manager.streams.names().next();
					if (names.includes(stream)) await manager.streams.delete(stream);
				},
				{ timeout: 20_000, interval: 100 },
			);
			await connection.close();
		},
	};
}

/** Resolves when the client has a server again, after the one it has was lost. */
export async function reconnected({ connection }: Pick<Place, 'connection'>): Promise<void> {
	for await (const { type } of connection.status()) if (type === 'reconnect') return;
}
