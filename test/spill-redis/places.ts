import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { type RedisSpillOptions, redisSpill } from '../../src/spill-redis/index.js';
import type { SpillPlace } from '../../src/testing/index.js';

/** A connection that gives up soon and does not print what it is told. */
export function connect(
	url: string,
	options: {
		readonly keyPrefix?: string;
		readonly enableAutoPipelining?: boolean;
		readonly retryStrategy?: () => number | null;
	} = {},
): Redis {
	const client = new Redis(url, { retryStrategy: () => 50, ...options });
	// Every command rejects as well.
	client.on('error', () => {});
	return client;
}

export const uniqueName = (): string => `test-${randomUUID()}`;

/** An empty place on a server, and a way to remove it. */
export function redisPlace(
	client: Redis,
	options: Partial<RedisSpillOptions> & { readonly maxBytes: number },
): SpillPlace & { readonly name: string; destroy(): Promise<void> } {
	const name = uniqueName();
	return {
		name,
		store: () => redisSpill({ client, name, ...options }),
		async destroy() {
			await client.del(...keys(name, options.partitions ?? 8));
		},
	};
}

export const keys = (name: string, partitions = 8): string[] => [
	`brownout:{${name}}:meta`,
	...Array.from({ length: partitions }, (_, n) => `brownout:{${name}}:${n}`),
];
