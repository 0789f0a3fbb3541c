import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from '@nats-io/transport-node';
import { find, type Service } from './find.js';
import { type Instance, launch } from './instance.js';

/** A NATS server with JetStream. */
export const nats = (): Promise<Service | undefined> =>
	find({ name: 'nats', variable: 'NATS_URL', localUrl: 'nats://127.0.0.1:4222', refusal, start: startNats });

/**
 * A private nats-server with JetStream.
 *
 * @param settings entries of its configuration file, such as `{ max_payload: 4096, jetstream: { max_file: 1_000_000 } }`.
 */
export const startNats = ({ jetstream = {}, ...settings }: NatsSettings = {}): Promise<Instance> =>
	launch({
		name: 'nats',
		url: (port) => `nats://127.0.0.1:${port}`,
		refusal,
		// JSON is valid in its configuration language. The store keeps away from the file itself.
		prepare: (directory) =>
			writeFile(
				join(directory, 'nats.conf'),
				JSON.stringify({ ...settings, jetstream: { store_dir: join(directory, 'data'), ...jetstream } }),
			),
		command: (port, directory) => ({
			file: 'nats-server',
			args: ['-a', '127.0.0.1', '-p', String(port), '-c', join(directory, 'nats.conf')],
		}),
	});

export interface NatsSettings {
	readonly jetstream?: { readonly [name: string]: unknown };
	readonly [name: string]: unknown;
}

async function refusal(url: string): Promise<string | undefined> {
	try {
		const connection = await connect({ servers: url, reconnect: false, maxReconnectAttempts: 0, timeout: 2_000 });
		const { jetstream } = connection.info ?? {};
		await connection.close();
		return jetstream ? undefined : 'JetStream is off';
	} catch (error) {
		return String(error);
	}
}
