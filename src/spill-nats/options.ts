import { verify } from '../core/errors.js';
import type { NatsConnection, NatsManager } from './client.js';
import { RECORD_OVERHEAD } from './frame.js';

/**
 * What a resolved append survives.
 * - `'process'`: the end of this process and of a server's process. Not a crash of the machine: by default a server syncs
 *   its files every two minutes.
 * - `'os-crash'`: a crash of the machine too. A client cannot see `jetstream.sync_interval`, so say it: `syncInterval`.
 * - `'replicated'`: the loss of a machine, being on the majority of at least three.
 */
export type NatsDurability = 'process' | 'os-crash' | 'replicated';

export interface NatsSpillOptions {
	readonly connection: NatsConnection;
	/** `await jetstreamManager(connection)`, with the domain or prefix that you use. */
	readonly manager: NatsManager;
	/** The name of the stream: letters, digits, `-` and `_`. Created when it is absent. Its subjects begin with it. */
	readonly stream: string;
	/** Payloads, ids, keys and headers, 64 bytes for each record and 192 for each write. Above 1024. */
	readonly maxBytes: number;
	/** 1 .. 64, default 1. A record that fails at replay holds up its partition only. Fixed when the stream is created. */
	readonly partitions?: number | undefined;
	/** Copies of the stream: 1, 3 or 5. Default 1, and 3 for `'replicated'`. */
	readonly replicas?: number | undefined;
	/** Default `'process'`. */
	readonly durability?: NatsDurability | undefined;
	/** Your word that each server has `sync_interval: always` (NATS 2.10 or later). Needed for `'os-crash'`, and only then. */
	readonly syncInterval?: 'always' | undefined;
}

export interface Options {
	readonly connection: NatsConnection;
	readonly manager: NatsManager;
	readonly stream: string;
	readonly maxBytes: number;
	readonly partitions: number;
	readonly replicas: number;
	readonly durability: NatsDurability;
}

const DURABILITIES: readonly string[] = ['process', 'os-crash', 'replicated'] satisfies NatsDurability[];
const PARTITIONS_MAX = 64;

/** @throws ConfigError with everything that is wrong. */
export function readOptions({
	connection,
	manager,
	stream,
	maxBytes,
	partitions = 1,
	durability = 'process',
	replicas = durability === 'replicated' ? 3 : 1,
	syncInterval,
}: NatsSpillOptions): Options {
	return verify('natsSpill', (must) => {
		must(typeof connection?.request === 'function', 'connection', connection, 'a connection of NATS');
		must(typeof manager?.streams?.info === 'function', 'manager', manager, 'a JetStream manager');
		const named = typeof stream === 'string' && /^[\w-]{1,200}$/.test(stream);
		must(named, 'stream', stream, '1 .. 200 letters, digits, - and _');
		const rule = `a number above ${RECORD_OVERHEAD}`;
		must(Number.isFinite(maxBytes) && maxBytes > RECORD_OVERHEAD, 'maxBytes', maxBytes, rule);
		const possible = Number.isInteger(partitions) && partitions >= 1 && partitions <= PARTITIONS_MAX;
		must(possible, 'partitions', partitions, `an integer of 1 .. ${PARTITIONS_MAX}`);
		must(DURABILITIES.includes(durability), 'durability', durability, `one of ${DURABILITIES.join(', ')}`);
		if (durability === 'replicated') must([3, 5].includes(replicas), 'replicas', replicas, "3 or 5 to be 'replicated'");
		else must([1, 3, 5].includes(replicas), 'replicas', replicas, '1, 3 or 5');
		if (durability === 'os-crash')
			must(syncInterval === 'always', 'syncInterval', syncInterval, "'always' to survive an 'os-crash'");
		else must(syncInterval === undefined, 'syncInterval', syncInterval, "absent unless durability is 'os-crash'");
		return { connection, manager, stream, maxBytes, partitions, replicas, durability };
	});
}
