import { Redis } from 'ioredis';
import { find, type Service } from './find.js';
import { type Instance, launch } from './instance.js';

export const redis = (): Promise<Service | undefined> =>
	find({ name: 'redis', variable: 'REDIS_URL', localUrl: 'redis://127.0.0.1:6379', refusal, start: startRedis });

/** A private redis-server. It keeps nothing on disk unless told to, such as by `['--appendonly', 'yes']`. */
export const startRedis = (args: readonly string[] = []): Promise<Instance> =>
	launch({
		name: 'redis',
		url: (port) => `redis://127.0.0.1:${port}`,
		refusal,
		command: (port, directory) => ({
			file: 'redis-server',
			args: ['--bind', '127.0.0.1', '--port', String(port), '--dir', directory, '--save', '', ...args],
		}),
	});

async function refusal(url: string): Promise<string | undefined> {
	const client = new Redis(url, {
		lazyConnect: true,
		retryStrategy: () => null,
		maxRetriesPerRequest: 0,
		connectTimeout: 2_000,
		commandTimeout: 2_000,
	});
	// Told by the rejected call as well; without a listener ioredis prints it.
	let told: Error | undefined;
	client.on('error', (error: Error) => {
		told = error;
	});
	try {
		await client.ping();
		return undefined;
	} catch (error) {
		return String(told ?? error);
	} finally {
		client.disconnect();
	}
}
