import { expect, it } from 'vitest';
import { ConfigError, type SpillError } from '../../src/index.js';
import { type PostgresDurability, postgresSpill, postgresSpillTable } from '../../src/spill-postgres/index.js';
import { describeWith, postgres, startPostgres } from '../support/services.js';
import { record, records } from '../support/spill-records.js';
import { place } from './place.js';

const rejection = (work: Promise<unknown>): Promise<SpillError> =>
	work.then(
		() => expect.fail('it did not reject'),
		(error) => error,
	);

it('says everything that is wrong with its options', () => {
	const wrong = { pool: {}, maxBytes: 320, schema: '', table: 'x'.repeat(64), partitions: 0, durability: 'disk' };
	expect(() => postgresSpill(wrong as never)).toThrow(ConfigError);
	expect(() => postgresSpill(wrong as never)).toThrow(
		[
			'invalid postgresSpill (6 problems):',
			'pool: an object must be a pool with connect()',
			'maxBytes: 320 must be a number above 320',
			'schema: "" must be a name of 1 .. 63 bytes without a NUL',
			`table: "${'x'.repeat(64)}" must be a name of 1 .. 63 bytes without a NUL`,
			'partitions: 0 must be an integer of 1 .. 256',
			'durability: "disk" must be one of process, os-crash, replicated',
		].join('\n'),
	);
	expect(() => postgresSpillTable({ table: 'a\0b', partitions: 257 })).toThrow(
		'invalid postgresSpillTable (2 problems):\ntable: "a\\u0000b" must be a name of 1 .. 63 bytes without a NUL\n' +
			'partitions: 257 must be an integer of 1 .. 256',
	);
});

await describeWith(postgres, 'postgresSpill', ({ url }) => {
	it('refuses a table that is not a spill', async () => {
		const { table, query, store, destroy } = place(url);
		await query(`CREATE TABLE "${table}" (id int)`);
		expect(await rejection(store().open())).toMatchObject({
			code: 'SPILL_FORMAT',
			message: `the table "public"."${table}" has no comment and must have "brownout spill, format 1, partitions 1": it is not a spill, or it has another number of partitions, which cannot change while it exists`,
		});
		await destroy();
	});

	it('refuses another number of partitions than the table was made for', async () => {
		const { table, store, destroy } = place(url);
		const first = store({ partitions: 2 });
		await first.open();
		await first.close();
		expect(await rejection(store({ partitions: 3 }).open())).toMatchObject({
			code: 'SPILL_FORMAT',
			message: `the table "public"."${table}" has the comment "brownout spill, format 1, partitions 2" and must have "brownout spill, format 1, partitions 3": it is not a spill, or it has another number of partitions, which cannot change while it exists`,
		});
		await destroy();
	});

	it('refuses an unlogged table, which a crash of the server empties', async () => {
		const { table, query, store, destroy } = place(url);
		await query(postgresSpillTable({ table }).replace('CREATE TABLE', 'CREATE UNLOGGED TABLE'));
		expect(await rejection(store().open())).toMatchObject({
			code: 'SPILL_DURABILITY',
			message: `the postgres spill is declared durability: 'os-crash', which the server does not keep: the table "public"."${table}" is unlogged and must be logged. Change that, or declare a weaker durability`,
		});
		const weaker = store({ durability: 'process' });
		await weaker.open();
		expect(weaker.capabilities.durability).toBe('process');
		await weaker.close();
		await destroy();
	});

	it('refuses cursors, partitions and payloads that are not its own', async () => {
		const { store: make, destroy } = place(url);
		const store = make({ maxBytes: 2_000 });
		await store.open();
		const ack = (cursor: string) => rejection(store.ack(0, cursor));
		expect((await ack('seven')).message).toBe('"seven" is not a cursor of the postgres spill');
		expect((await ack('9223372036854775808.1')).code).toBe('SPILL_CURSOR');
		expect(await rejection(store.read({ partition: 1, maxRecords: 1 }))).toMatchObject({
			code: 'SPILL_PARTITION',
			message: 'the postgres spill has no partition 1, only 0 .. 0',
		});
		expect((await rejection(store.append([record(1, { payload: new Uint8Array(1_681) })]))).message).toBe(
			'a payload of 1681 bytes, with its texts, is too large: the postgres spill keeps 1680, 2000 with its texts',
		);
		expect(await rejection(store.append([record(1, { key: 'k'.repeat(2_000) })]))).toMatchObject({
			code: 'SPILL_RECORD_TOO_LARGE',
		});
		expect((await rejection(store.append(records(30)))).message).toBe(
			'the postgres spill is full: 0 of 2000 bytes are taken and the batch needs 2510',
		);
		await store.close();
		await destroy();
	});

	it('is full when the disk of the server is, and takes more when it is not', async () => {
		const { table, query, store: make, destroy } = place(url);
		const store = make();
		await store.open();
		await query(`CREATE FUNCTION ${table}_full() RETURNS trigger LANGUAGE plpgsql AS
			$$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$`);
		await query(`CREATE TRIGGER filled BEFORE INSERT ON ${table} EXECUTE FUNCTION ${table}_full()`);
		expect(await rejection(Promise.all([store.append(records(2)), store.append(records(2))]))).toMatchObject({
			code: 'SPILL_FULL',
			message: 'the disk of the postgres spill is full: could not extend file',
		});
		await query(`DROP FUNCTION ${table}_full CASCADE`);
		await store.append(records(2));
		expect(await store.stats()).toMatchObject({ records: 2 });
		await store.close();
		await destroy();
	});
});

const settings: readonly [PostgresDurability, { readonly [name: string]: string }, string][] = [
	['os-crash', { fsync: 'off' }, 'fsync is "off" and must be on'],
	['os-crash', { full_page_writes: 'off' }, 'full_page_writes is "off" and must be on'],
	['os-crash', { synchronous_commit: 'off' }, 'synchronous_commit is "off" and must be on'],
	['replicated', {}, 'synchronous_standby_names is "" and must be set'],
	[
		'replicated',
		{ synchronous_standby_names: 'other', synchronous_commit: 'local', fsync: 'off' },
		'fsync is "off" and must be on; synchronous_commit is "local" and must be on or remote_apply',
	],
];
for (const [durability, given, complaint] of settings) {
	const shown = Object.entries(given).map(([name, value]) => `${name} = ${value}`);
	await describeWith(
		() => startPostgres(given),
		`postgresSpill on a server with ${shown.join(', ') || 'no standby'}`,
		(server) => {
			it(`is not '${durability}'`, async () => {
				const { store, destroy } = place(server.url);
				expect(await rejection(store({ durability }).open())).toMatchObject({
					code: 'SPILL_DURABILITY',
					message: `the postgres spill is declared durability: '${durability}', which the server does not keep: ${complaint}. Change that, or declare a weaker durability`,
				});
				const weaker = store({ durability: 'process' });
				await weaker.open();
				await weaker.close();
				await destroy();
			});
		},
	);
}
