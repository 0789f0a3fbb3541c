import pg from 'pg';
import { expect, it } from 'vitest';
import { postgresSpillTable } from '../../src/spill-postgres/index.js';
import { fc } from '../support/property.js';
import { describeWith, postgres, startPostgres } from '../support/services.js';
import { range, record, records } from '../support/spill-records.js';
import { place } from './place.js';

await describeWith(postgres, 'the table of a postgresSpill', ({ url }) => {
	it('keeps any id, key and header, also those that PostgreSQL has no text for', async () => {
		const { store: make, destroy } = place(url);
		const store = make({ partitions: 3 });
		await store.open();
		const odd = ['', 'a\0b', '\ud800', '\udc00x', '"', '"quoted"', "'; DROP TABLE x; --", '{1,2}', 'NULL', '\\', '😀'];
		const text = fc.oneof(fc.constantFrom(...odd), fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }));
		// PostgreSQL writes -0 as 0, which is the same instant.
		const instant = fc.double({ noNaN: true }).map((at) => at + 0);
		let after: (string | undefined)[] = [undefined, undefined, undefined];
		await fc.assert(
			fc.asyncProperty(
				fc.record({
					id: text,
					key: text,
					payload: fc.uint8Array({ maxLength: 50 }),
					enqueuedAtMs: instant,
					headers: fc.dictionary(text, text, { maxKeys: 3 }),
				}),
				fc.option(instant, { nil: undefined }),
				async (given, expiresAtMs) => {
					await store.append([{ ...given, expiresAtMs }]);
					const found = await Promise.all(
						range(3).map((partition) => store.read({ partition, after: after[partition], maxRecords: 2 })),
					);
					const [only, ...others] = found.flat();
					if (only === undefined) expect.fail('it did not come back');
					const { partition, cursor, ...kept } = only;
					after = after.with(partition, cursor);
					expect(others).toEqual([]);
					expect({ ...kept, headers: { ...kept.headers } }).toEqual({
						...given,
						enqueuedAtMs: given.enqueuedAtMs,
						headers: { ...given.headers },
						...(expiresAtMs === undefined ? {} : { expiresAtMs }),
					});
				},
			),
		);
		await store.close();
		await destroy();
	});

	it('is what its name says, whatever the name is', async () => {
		const { query, pool, store: make, destroy } = place(url);
		const schema = 'br"own; DROP SCHEMA public; --';
		await query(`CREATE SCHEMA "${schema.replace('"', '""')}"`);
		const store = make({ schema, table: 'sp"ill Ü' });
		await store.open();
		await store.append(records(2));
		expect((await pool.query('SELECT relname FROM pg_class WHERE relname = $1', ['sp"ill Ü'])).rowCount).toBe(1);
		await store.close();
		await query(`DROP SCHEMA "${schema.replace('"', '""')}" CASCADE`);
		await destroy();
	});

	it('has the same figures counted anew as kept up to date', async () => {
		const { store: make, destroy } = place(url);
		const first = make({ partitions: 4 });
		await first.open();
		await Promise.all(range(20).map((n) => first.append(records(50, n * 50))));
		for (const partition of range(4)) {
			const found = await first.read({ partition, maxRecords: 7 });
			if (found[6]) await first.ack(partition, found[6].cursor);
		}
		const kept = await first.stats();
		await first.close();
		const second = make({ partitions: 4 });
		await second.open();
		expect(await second.stats()).toEqual(kept);
		expect(kept.records).toBeLessThan(1_000);
		await second.close();
		await destroy();
	});

	it("forgets nothing for a cursor that is nobody's, now or later", async () => {
		const { store: make, destroy } = place(url);
		const store = make();
		await store.open();
		await store.append(records(2));
		await store.ack(0, '999999.1');
		await store.append(records(1, 2));
		expect((await store.read({ partition: 0, maxRecords: 9 })).map(({ id }) => id)).toEqual(['id-0', 'id-1', 'id-2']);
		await store.close();
		await destroy();
	});

	it('takes appends that arrive together in one commit, and a large batch in several', async () => {
		const { pool, store: make, destroy } = place(url);
		let inserts = 0;
		const counting = {
			async connect() {
				const client = await pool.connect();
				return {
					query: (text: string, values?: unknown[]) => {
						if (text.includes('INSERT')) inserts++;
						return client.query(text, values);
					},
					on: (event: 'error' | 'end', listener: (error?: Error) => void) => client.on(event, listener),
					removeListener: (event: 'error' | 'end', listener: (error?: Error) => void) =>
						client.removeListener(event, listener),
					release: (destroyed?: boolean) => client.release(destroyed),
				};
			},
		};
		const store = make({ pool: counting });
		await store.open();
		await Promise.all(records(1_000).map((one) => store.append([one])));
		expect(inserts).toBe(1);
		await store.append(records(12_000, 1_000));
		expect(inserts).toBe(4);
		const found = await store.read({ partition: 0, maxRecords: 20_000 });
		expect(found.map(({ id }) => id)).toEqual(range(10_000).map((n) => `id-${n}`));
		await store.close();
		await destroy();
	});

	it('is read by its index, page by page, also right after it was filled', async () => {
		const { pool, store: make, destroy } = place(url);
		const plans: string[] = [];
		const explaining = {
			async connect() {
				const client = await pool.connect();
				return {
					query: async (text: string, values?: unknown[]) => {
						if (text.includes('LIMIT')) {
							const { rows } = await client.query(`EXPLAIN ${text}`, values);
							plans.push(rows.map((row) => row['QUERY PLAN']).join('\n'));
						}
						return client.query(text, values);
					},
					on: (event: 'error' | 'end', listener: (error?: Error) => void) => client.on(event, listener),
					removeListener: (event: 'error' | 'end', listener: (error?: Error) => void) =>
						client.removeListener(event, listener),
					release: (destroyed?: boolean) => client.release(destroyed),
				};
			},
		};
		const store = make({ pool: explaining });
		await store.open();
		await store.append(records(20_000));
		await store.read({ partition: 0, maxRecords: 1_000 });
		await store.stats();
		expect(plans).toHaveLength(2);
		for (const plan of plans) {
			expect(plan).toContain('Index Scan using');
			expect(plan).not.toMatch(/Sort|Bitmap|Seq Scan/);
		}
		await store.close();
		await destroy();
	});

	it('is unharmed by how this process has pg read types', async () => {
		const { pool, store: make, destroy } = place(url);
		const TEXT = 25;
		const BYTEA = 17;
		// Such as int8 as BigInt or float8 as a decimal: everything but texts and bytes.
		const getTypeParser = (oid: number) =>
			[TEXT, BYTEA].includes(oid) ? pg.types.getTypeParser(oid) : () => 'surprise';
		const odd = new pg.Pool({ ...pool.options, types: { getTypeParser } as never });
		const store = make({ pool: odd });
		await store.open();
		await store.append(records(3));
		const found = await store.read({ partition: 0, maxRecords: 9 });
		expect(found.map(({ partition, cursor, ...kept }) => kept)).toEqual(records(3));
		await store.ack(0, found[0]?.cursor ?? '');
		expect(await store.stats()).toMatchObject({ records: 2, oldestEnqueuedAtMs: 1_001 });
		await store.close();
		await store.open();
		expect(await store.stats()).toMatchObject({ records: 2, oldestEnqueuedAtMs: 1_001 });
		await store.close();
		await odd.end();
		await destroy();
	});

	it('can be made by a migration, for a service that may not make tables', async () => {
		const { query, table, pool, destroy } = place(url);
		const role = `${table}_role`;
		await query(postgresSpillTable({ table, partitions: 2 }));
		await query(`CREATE ROLE ${role} LOGIN`);
		await query(`GRANT SELECT, INSERT, DELETE ON ${table} TO ${role}`);
		const limited = place(url.replace(/\/\/[^@/]*@?(?=[^@]*\/)/, `//${role}@`), { table, partitions: 2 });
		const store = limited.store();
		await store.open();
		await store.append(records(4));
		expect(await store.stats()).toMatchObject({ records: 4 });
		await store.close();
		await limited.pool.end();
		await query(`DROP OWNED BY ${role}`);
		await query(`DROP ROLE ${role}`);
		await destroy();
		expect(pool.ended).toBe(true);
	});
});

await describeWith(startPostgres, 'a postgresSpill whose server is killed again and again', (server) => {
	it('has every record that it resolved, in order, and goes on by itself', async () => {
		const { store: make, destroy } = place(server.url);
		const store = make({ maxBytes: 1e9 });
		await store.open();
		const kept: number[] = [];
		let next = 0;
		for (const round of range(4)) {
			let killed = false;
			const appending = (async () => {
				while (!killed) {
					const batch = range(50, next);
					next += 50;
					await store.append(batch.map((n) => record(n, { key: 'one' }))).then(
						() => kept.push(...batch),
						() => {},
					);
				}
			})();
			const before = kept.length;
			await expect.poll(() => kept.length, { timeout: 10_000 }).toBeGreaterThan(before + 500 * (round + 1));
			await server.kill();
			killed = true;
			await appending;
			await server.restart();
		}
		const found: number[] = [];
		for (let after: string | undefined; ; ) {
			const page = await store.read({ partition: 0, after, maxRecords: 5_000 });
			if (page.length === 0) break;
			after = page.at(-1)?.cursor;
			found.push(...page.map(({ id }) => Number(id.slice(3))));
		}
		const there = new Set(found);
		expect(kept.filter((n) => !there.has(n))).toEqual([]);
		expect(found).toEqual([...found].sort((a, b) => a - b));
		expect(await store.stats()).toMatchObject({ records: found.length });
		await store.close();
		await destroy();
	}, 60_000);
});
