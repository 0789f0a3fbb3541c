import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { vi } from 'vitest';
import type { SpillStore } from '../../src/index.js';
import { type PostgresSpillOptions, postgresSpill } from '../../src/spill-postgres/index.js';

// Real servers share the machine with other tests.
vi.setConfig({ testTimeout: 30_000 });

/** A table of the test's own, on some server. */
export interface Place {
	readonly pool: pg.Pool;
	readonly table: string;
	/** Another instance on this table. */
	store(options?: Partial<PostgresSpillOptions>): SpillStore;
	query(text: string, values?: unknown[]): Promise<readonly Record<string, unknown>[]>;
	destroy(): Promise<void>;
}

export function place(url: string, defaults: Partial<PostgresSpillOptions> = {}): Place {
	const table = `brownout_test_${randomUUID().slice(0, 8)}`;
	const pool = new pg.Pool({ connectionString: url, max: 8 });
	// Told by the calls as well; without a listener a server that is killed would end the tests.
	pool.on('error', () => {});
	const query = async (text: string, values?: unknown[]) => (await pool.query(text, values)).rows;
	return {
		pool,
		table,
		store: (options) => postgresSpill({ pool, table, maxBytes: 32 * 1024 * 1024, ...defaults, ...options }),
		query,
		async destroy() {
			await pool.query(`DROP TABLE IF EXISTS "${table}"`);
			await pool.end();
		},
	};
}
