import { verify } from '../core/errors.js';
import type { PostgresPool } from './client.js';
import { RECORD_OVERHEAD } from './rows.js';

/**
 * What a resolved append survives, as the server is set up. It is checked at open.
 * - `'process'`: the end of this process, not a crash of the server. Nothing is checked.
 * - `'os-crash'`: a crash of the server and its machine (`fsync`, `full_page_writes` and `synchronous_commit` on, a logged table).
 * - `'replicated'`: also the loss of that machine (`synchronous_standby_names` set, `synchronous_commit` `on` or `remote_apply`).
 */
export type PostgresDurability = 'process' | 'os-crash' | 'replicated';

export interface PostgresSpillOptions {
	/** One connection of it is kept for as long as the store is open. Give the pool an `error` listener, as `pg` asks. */
	readonly pool: PostgresPool;
	/** Payloads, keys, ids and headers, and 64 bytes for each record. Above 320. */
	readonly maxBytes: number;
	/** Default `public`. It must exist. */
	readonly schema?: string | undefined;
	/** Created when it is absent; {@link postgresSpillTable} has its definition. Default `brownout_spill`. */
	readonly table?: string | undefined;
	/** 1 .. 256, default 1. A record that fails at replay holds up its partition only. Fixed when the table is created. */
	readonly partitions?: number | undefined;
	/** Default `'os-crash'`. */
	readonly durability?: PostgresDurability | undefined;
}

export type Options = { readonly [K in keyof PostgresSpillOptions]-?: NonNullable<PostgresSpillOptions[K]> };

const DURABILITIES: readonly string[] = ['process', 'os-crash', 'replicated'] satisfies PostgresDurability[];
const PARTITIONS_MAX = 256;
/** PostgreSQL cuts longer names off without an error, so two stores could meet in one table. */
const NAME_BYTES_MAX = 63;

/** @throws ConfigError with everything that is wrong. */
export function readOptions({
	pool,
	maxBytes,
	schema = 'public',
	table = 'brownout_spill',
	partitions = 1,
	durability = 'os-crash',
}: PostgresSpillOptions): Options {
	return verify('postgresSpill', (must) => {
		must(typeof pool?.connect === 'function', 'pool', pool, 'a pool with connect()');
		must(
			Number.isFinite(maxBytes) && maxBytes > RECORD_OVERHEAD,
			'maxBytes',
			maxBytes,
			`a number above ${RECORD_OVERHEAD}`,
		);
		for (const [path, name] of Object.entries({ schema, table })) must(isName(name), path, name, NAME_RULE);
		must(isCount(partitions), 'partitions', partitions, COUNT_RULE);
		must(DURABILITIES.includes(durability), 'durability', durability, `one of ${DURABILITIES.join(', ')}`);
		return { pool, maxBytes, schema, table, partitions, durability };
	});
}

export const NAME_RULE = `a name of 1 .. ${NAME_BYTES_MAX} bytes without a NUL`;
export const isName = (name: unknown): boolean =>
	typeof name === 'string' && name !== '' && !name.includes('\0') && Buffer.byteLength(name) <= NAME_BYTES_MAX;

export const COUNT_RULE = `an integer of 1 .. ${PARTITIONS_MAX}`;
export const isCount = (partitions: unknown): boolean =>
	Number.isInteger(partitions) && Number(partitions) >= 1 && Number(partitions) <= PARTITIONS_MAX;
