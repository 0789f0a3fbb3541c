import { once } from 'node:events';
import type pg from 'pg';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { SpillError } from '../../src/index.js';
import { type PostgresConnection, type PostgresPool, postgresSpill } from '../../src/spill-postgres/index.js';
import { describeWith, postgres } from '../support/services.js';
import { range, record, records } from '../support/spill-records.js';
import { place } from './place.js';

const codeOf = (work: Promise<unknown>): Promise<string> =>
	work.then(
		() => 'resolved',
		({ code }: SpillError) => code,
	);
const read = { partition: 0, maxRecords: 1_000 };

await describeWith(postgres, 'the owner of a postgresSpill', ({ url }) => {
	/** Ends the connection that holds the lock, as an administrator or a failing network does. */
	const cut = async ({ query, table, pool }: ReturnType<typeof place>) => {
		const noticed = once(pool, 'remove');
		const [holder] = await query(
			`SELECT pid, pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'
			AND (classid::bigint << 32) + objid::bigint = hashtextextended($1, 0)`,
			[`brownout "public"."${table}"`],
		);
		expect(holder?.pid).toBeTypeOf('number');
		await noticed;
	};

	it('goes on after a lost connection, when nobody else took over', async () => {
		const here = place(url);
		const store = here.store();
		await store.open();
		await store.append(records(3));
		await cut(here);
		await store.append(records(2, 3));
		expect((await store.read(read)).map(({ id }) => id)).toEqual(['id-0', 'id-1', 'id-2', 'id-3', 'id-4']);
		expect(await store.stats()).toMatchObject({ records: 5 });
		await store.close();
		await here.destroy();
	});

	it('goes on with an empty table when somebody dropped the one it had', async () => {
		const here = place(url);
		const store = here.store();
		await store.open();
		await store.append(records(3));
		await here.query(`DROP TABLE "${here.table}"`);
		await expect(store.append(records(1, 3))).rejects.toMatchObject({
			code: 'SPILL_FAILED',
			message: `the postgres spill failed: relation "public.${here.table}" does not exist`,
		});
		await store.append(records(2, 4));
		const found = await store.read({ partition: 0, maxRecords: 9 });
		expect(found.map(({ id }) => id)).toEqual(['id-4', 'id-5']);
		expect(await store.stats()).toMatchObject({ records: 2, damage: { missingRecords: 3 } });
		await store.close();
		await here.destroy();
	});

	it('forgets nothing new for a cursor of records that a failover took away', async () => {
		const here = place(url);
		const store = here.store();
		await store.open();
		await store.append(records(5));
		const found = await store.read(read);
		await store.ack(0, found[0]?.cursor ?? '');
		// As a standby that lags behind is promoted: it never got the last two, and gives their numbers again.
		await here.query(`DELETE FROM ${here.table} WHERE seq > 3`);
		await here.query(`SELECT setval(pg_get_serial_sequence('${here.table}', 'seq'), 3)`);
		await cut(here);
		await store.append(records(3, 5));
		expect(await store.stats()).toMatchObject({ records: 5, damage: { missingRecords: 2 } });
		await store.ack(0, found[4]?.cursor ?? '');
		const after = await store.read({ ...read, after: found[4]?.cursor });
		expect(after.map(({ id }) => id)).toEqual(['id-1', 'id-2', 'id-5', 'id-6', 'id-7']);
		const next = await store.read({ ...read, after: found[2]?.cursor });
		expect(next.map(({ id }) => id)).toEqual(['id-5', 'id-6', 'id-7']);
		await store.ack(0, after[4]?.cursor ?? '');
		expect(await store.stats()).toMatchObject({ records: 0, bytes: 0, damage: { missingRecords: 2 } });
		await store.close();
		await store.open();
		expect(await store.stats()).toMatchObject({ damage: { missingRecords: 0 } });
		await store.close();
		await here.destroy();
	});

	it('notices that its table was emptied, and forgets nothing new for an old cursor', async () => {
		const here = place(url);
		const store = here.store({ partitions: 2 });
		await store.open();
		const of = (length: number, from = 0) => records(length, from).map((one, n) => ({ ...one, key: `key-${n % 2}` }));
		const all = async (after: readonly (string | undefined)[] = []) =>
			(await Promise.all(range(2).map((n) => store.read({ partition: n, after: after[n], maxRecords: 9 })))).flat();
		await store.append(of(6));
		const cursors = range(2).map((n) => `6.${n}`);
		for (const { partition, cursor } of await all()) cursors[partition] = cursor;
		await here.query(`TRUNCATE ${here.table}`);
		expect(await store.stats()).toMatchObject({ records: 0, bytes: 0, damage: { missingRecords: 6 } });
		await store.append(of(4, 6));
		await here.query(`TRUNCATE ${here.table} RESTART IDENTITY`);
		await store.append(of(8, 10));
		expect(await store.stats()).toMatchObject({ records: 8, damage: { missingRecords: 10 } });
		for (const [partition, cursor] of cursors.entries()) await store.ack(partition, cursor);
		expect(await all()).toHaveLength(8);
		expect(await all(cursors)).toHaveLength(8);
		await store.close();
		await here.destroy();
	});

	it('neither writes nor forgets anything while another owns the table', async () => {
		const here = place(url);
		const [first, second] = [here.store(), here.store()];
		await first.open();
		await first.append(records(3));
		const [{ cursor } = { cursor: '' }] = await first.read(read);
		await cut(here);
		await second.open();
		await second.append(records(1, 3));
		expect(await Promise.all([first.append(records(9, 50)), first.ack(0, cursor)].map(codeOf))).toEqual([
			'SPILL_LOCKED',
			'SPILL_LOCKED',
		]);
		expect(await second.stats()).toMatchObject({ records: 4 });
		await second.ack(0, cursor);
		await second.close();
		await first.append(records(1, 4));
		expect((await first.read(read)).map(({ id }) => id)).toEqual(['id-1', 'id-2', 'id-3', 'id-4']);
		// What the other one acknowledged is not missing.
		expect(await first.stats()).toMatchObject({ records: 4, damage: { missingRecords: 0 } });
		await first.close();
		await here.destroy();
	});

	it('rejects what was under way when the connection was lost, and counts anew what is there', async () => {
		const here = place(url);
		const store = here.store();
		await store.open();
		const kept = new Set<string>();
		const works = range(200).map((n) =>
			store.append(range(100, n * 100).map((id) => record(id))).then(
				() => range(100, n * 100).forEach((id) => void kept.add(`id-${id}`)),
				({ code }: SpillError) => code,
			),
		);
		await works[0];
		await cut(here);
		const codes = new Set((await Promise.all(works)).filter((code) => code !== undefined));
		expect([...codes].filter((code) => code !== 'SPILL_CONNECTION')).toEqual([]);
		const found = (await store.read({ partition: 0, maxRecords: 100_000, maxBytes: 1e9 })).map(({ id }) => id);
		const all = Number((await here.query(`SELECT count(*) FROM ${here.table}`))[0]?.count);
		expect(await store.stats()).toMatchObject({ records: all });
		expect([...kept].slice(0, 5_000).filter((id) => !found.includes(id))).toEqual([]);
		await store.close();
		await here.destroy();
	});

	it('notices that a pooler lends its connection to others, before it changes anything', async () => {
		const here = place(url);
		const clients = [await here.pool.connect(), await here.pool.connect()];
		let lent = 0;
		const pooler: PostgresPool = {
			connect: async () => ({
				query: (text, values) => (clients[lent] as pg.PoolClient).query(text, values),
				on: () => {},
				removeListener: () => {},
				release: () => {},
			}),
		};
		const store = here.store({ pool: pooler });
		await store.open();
		await store.append(records(2));
		const [{ cursor } = { cursor: '' }] = await store.read(read);
		lent = 1;
		const error = await store.append(records(2, 2)).catch((thrown: SpillError) => thrown);
		expect(error).toMatchObject({
			code: 'SPILL_LOCK_LOST',
			message: `the connection of the postgres spill "public"."${here.table}" was lent to others: its lock needs a connection of its own, so connect directly or through a pooler in session mode`,
		});
		expect(await here.query(`SELECT count(*)::int AS n FROM ${here.table}`)).toEqual([{ n: 2 }]);
		lent = 0;
		await store.append([]);
		expect(await codeOf(store.stats())).toBe('resolved');
		lent = 1;
		expect(await codeOf(store.ack(0, cursor))).toBe('SPILL_LOCK_LOST');
		expect(await here.query(`SELECT count(*)::int AS n FROM ${here.table}`)).toEqual([{ n: 2 }]);
		await store.close();
		for (const client of clients) client.release(true);
		await here.destroy();
	});

	it('gives its connection back, whole when it closes and closed when it was lost', async () => {
		const here = place(url);
		const store = here.store();
		await store.open();
		expect(here.pool.totalCount - here.pool.idleCount).toBe(1);
		await store.close();
		expect(here.pool.totalCount - here.pool.idleCount).toBe(0);
		const settings = ['brownout.owner', 'enable_seqscan', 'enable_bitmapscan'];
		const { rows } = await here.pool.query('SELECT current_setting(name, true) AS is FROM unnest($1::text[]) AS name', [
			settings,
		]);
		expect(rows).toEqual([{ is: '' }, { is: 'on' }, { is: 'on' }]);
		const locks = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()";
		expect((await here.pool.query(locks)).rowCount).toBe(0);
		await here.destroy();
	});

	it('can be given up while it opens, and then holds nothing', async () => {
		const here = place(url);
		const holder = here.store();
		await holder.open();
		const store = here.store();
		const abort = new AbortController();
		const opening = store.open({ signal: abort.signal });
		abort.abort(new Error('enough'));
		await expect(opening).rejects.toThrow('enough');
		await holder.close();
		// Its own open goes on for a moment; whatever that comes to is given back.
		await store.close();
		await holder.open();
		await holder.close();
		await here.destroy();
	});
});

describe('a postgresSpill whose server does not answer', () => {
	afterEach(() => void vi.useRealTimers());

	const silent = () => {
		const released: unknown[] = [];
		let answers = true;
		const put = (records: number) => ({ partition: '0', records: String(records), first: '1', last: String(records) });
		const connection: PostgresConnection = {
			// As many rows as the server would say were written: those of the first column.
			query: (_text, values) =>
				answers
					? Promise.resolve({ rows: Array.isArray(values?.[0]) ? [put(values[0].length)] : [], rowCount: null })
					: new Promise(() => {}),
			on: () => {},
			removeListener: () => {},
			release: (destroy) => void released.push(destroy),
		};
		const falls = () => {
			answers = false;
		};
		return { pool: { connect: async () => connection }, released, falls };
	};
	const options = { maxBytes: 1e9, durability: 'process' } as const;

	it('rejects after ten seconds and closes the connection', async () => {
		vi.useFakeTimers();
		const { pool, released, falls } = silent();
		const store = postgresSpill({ pool, ...options });
		await store.open();
		await store.append(records(1));
		falls();
		const appending = store.append(records(1)).catch((error: SpillError) => error);
		await vi.advanceTimersByTimeAsync(10_000);
		expect(await appending).toMatchObject({
			code: 'SPILL_CONNECTION',
			message: 'the postgres spill lost its connection: a statement took longer than 10000 ms',
		});
		expect(released).toEqual([true]);
		await store.close();
		expect(vi.getTimerCount()).toBe(0);
	});

	it('rejects when the pool has no connection to give, and gives one back that comes late', async () => {
		vi.useFakeTimers();
		let give: (connection: PostgresConnection) => void = () => {};
		const pool = { connect: () => new Promise<PostgresConnection>((resolve) => (give = resolve)) };
		const opening = postgresSpill({ pool, ...options }).open();
		const rejected = expect(opening).rejects.toThrow('the postgres spill failed: connecting took longer than 10000 ms');
		await vi.advanceTimersByTimeAsync(10_000);
		await rejected;
		const late = silent();
		give(await late.pool.connect());
		await vi.advanceTimersByTimeAsync(0);
		expect(late.released).toEqual([undefined]);
	});

	it('rejects at once what is given up, and keeps nothing that was only waiting', async () => {
		vi.useFakeTimers();
		const { pool, falls } = silent();
		const store = postgresSpill({ pool, ...options });
		await store.open();
		falls();
		const abort = new AbortController();
		const works = range(2).map(() => store.append(records(1), { signal: abort.signal }));
		await vi.advanceTimersByTimeAsync(0);
		works.push(store.append(records(1), { signal: abort.signal }));
		abort.abort(new Error('enough'));
		for (const work of works) await expect(work).rejects.toThrow('enough');
		await vi.advanceTimersByTimeAsync(20_000);
		await store.close();
	});

	it('bounds what waits for it', async () => {
		vi.useFakeTimers();
		const { pool, falls } = silent();
		const store = postgresSpill({ pool, ...options });
		await store.open();
		falls();
		const megabytes = (n: number) => range(n).map((id) => record(id, { payload: new Uint8Array(1_000_000) }));
		const works = [store.append(megabytes(1)).catch(() => {})];
		await vi.advanceTimersByTimeAsync(0);
		works.push(store.append(megabytes(50)).catch(() => {}));
		const refused = await store.append(megabytes(20)).catch((error: SpillError) => error);
		expect(refused).toMatchObject({
			code: 'SPILL_BUSY',
			message:
				'the postgres spill is behind: 50003690 bytes wait for the server and 20001470 more would exceed 67108864',
		});
		await vi.advanceTimersByTimeAsync(60_000);
		await Promise.all(works);
		await store.close();
	});
});
