import { verify } from '../core/errors.js';
import type { RedisClient } from './calls.js';
import { OVERHEAD_BYTES, TEXTS_MAX_BYTES } from './record.js';

/** Options of `redisSpill`. */
export interface RedisSpillOptions {
	/**
	 * A connection of `ioredis` 5 or 6, or anything with these four functions of it. It stays the caller's: the store neither connects
	 * nor ends it. Give the store one of its own: a blocking command (`XREAD BLOCK`) holds up whatever comes after it.
	 */
	readonly client: RedisClient;
	/** The name of the place, unique per server and owner: its keys begin with `brownout:{<name>}:`. 1 to 200 characters, no braces. */
	readonly name: string;
	/**
	 * How much it may hold, bytes: payloads, ids, keys, headers and 64 bytes a record, about what Redis takes for them. Keep it
	 * well below the memory that the server has left.
	 */
	readonly maxBytes: number;
	/** The largest payload, bytes, 1 to 64 MiB and at least 16 448 below `maxBytes`. Default 1 MiB, or what `maxBytes` leaves. */
	readonly maxRecordBytes?: number | undefined;
	/**
	 * How many streams share the keys, 1 to 64. A record that fails at replay holds up its own only. It cannot be changed
	 * while records wait. Default 8.
	 */
	readonly partitions?: number | undefined;
	/**
	 * What a resolved append has to survive. `'os-crash'` (default): the end of the server and of its machine, so the server
	 * must run with `appendonly yes`, `appendfsync always` and `no-appendfsync-on-rewrite no`, which is checked at `open` and at
	 * every renewal of the lease. `'process'`: the end of this process only; what the server loses is lost.
	 */
	readonly durability?: 'os-crash' | 'process' | undefined;
	/**
	 * How long after its last renewal the place of an owner that has died may be taken over, ms, 100 to 3 600 000. It is renewed
	 * three times in that span. Default 10 000.
	 */
	readonly leaseMs?: number | undefined;
	/** How long the server may take to answer one command, ms, 1 to 600 000. Default 5000. */
	readonly timeoutMs?: number | undefined;
	/**
	 * How much may be under way, bytes of appends that the client has not settled yet, above 0: it queues them while it is not
	 * connected. Beyond it appends are refused; one always goes. Default 64 MiB.
	 */
	readonly maxPendingBytes?: number | undefined;
}

const MIB = 1024 * 1024;

export type Options = { readonly [K in keyof RedisSpillOptions]-?: NonNullable<RedisSpillOptions[K]> };

/** @throws ConfigError with everything that is wrong. */
export function completed(options: RedisSpillOptions): Options {
	const { client, name, maxBytes, partitions = 8, durability = 'os-crash' } = options;
	const { leaseMs = 10_000, timeoutMs = 5_000, maxPendingBytes = 64 * MIB } = options;
	const largest = Math.min(64 * MIB, Math.floor(maxBytes) - OVERHEAD_BYTES - TEXTS_MAX_BYTES);
	const { maxRecordBytes = Math.min(MIB, largest) } = options;
	verify('redisSpill', (must) => {
		const whole = (path: string, value: number, least: number, most: number) =>
			must(
				Number.isInteger(value) && value >= least && value <= most,
				path,
				value,
				`a whole number from ${least} to ${most}`,
			);
		must(
			typeof client?.eval === 'function' && typeof client.xrangeBuffer === 'function',
			'client',
			client,
			'a client of ioredis: it has no eval or xrangeBuffer',
		);
		must(typeof name === 'string' && /^[^{}]{1,200}$/u.test(name), 'name', name, '1 to 200 characters without { and }');
		const roomy = Number.isFinite(maxBytes) && largest >= 1;
		must(roomy, 'maxBytes', maxBytes, `a number above ${OVERHEAD_BYTES + TEXTS_MAX_BYTES}`);
		if (roomy) whole('maxRecordBytes', maxRecordBytes, 1, largest);
		whole('partitions', partitions, 1, 64);
		must(durability === 'os-crash' || durability === 'process', 'durability', durability, '"os-crash" or "process"');
		whole('leaseMs', leaseMs, 100, 3_600_000);
		whole('timeoutMs', timeoutMs, 1, 600_000);
		must(maxPendingBytes > 0, 'maxPendingBytes', maxPendingBytes, 'above 0');
	});
	return { client, name, maxBytes, maxRecordBytes, partitions, durability, leaseMs, timeoutMs, maxPendingBytes };
}
