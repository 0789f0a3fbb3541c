import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/index.js';
import { type FileSpillOptions, fileSpill } from '../../src/spill-file/index.js';
import { Disk } from './support/disk.js';
import { DIRECTORY, hostOf, idsOf, record, records, storeOn, temporaryDirectory, waiting } from './support/store.js';

describe('fileSpill', () => {
	it.each<[Partial<FileSpillOptions>, string]>([
		[{ directory: '' }, 'directory: "" must be a path'],
		[{ maxBytes: 100 }, 'maxBytes: 100 must be a whole number of at least 16384'],
		[{ maxBytes: Number.NaN }, 'maxBytes: NaN must be a whole number of at least 16384'],
		[{ durability: 'disk' as 'os' }, 'durability: "disk" must be "fsync", "interval" or "os"'],
		[{ syncEveryMs: 5 }, 'syncEveryMs: 5 must be left out unless durability is "interval"'],
		[{ durability: 'interval', syncEveryMs: 0 }, 'syncEveryMs: 0 must be above 0 and below 2147483648'],
		[{ segmentBytes: 100 }, 'segmentBytes: 100 must be a whole number of at least 4096'],
		[{ segmentBytes: 2_000_000 }, 'segmentBytes: 2000000 must be at most maxBytes, 1000000'],
		[{ maxRecordBytes: 1_000_000 }, 'maxRecordBytes: 1000000 must be at most maxBytes - 78, and at most 1073741824'],
		[{ maxAgeMs: 0 }, 'maxAgeMs: 0 must be above 0'],
		[{ minFreeBytes: -1 }, 'minFreeBytes: -1 must be a whole number of at least 0'],
		[{ partitions: 0 }, 'partitions: 0 must be a whole number of 1 to 256'],
		[{ maxPendingBytes: 0.5 }, 'maxPendingBytes: 0.5 must be a whole number of at least 1'],
	])('refuses %j', (options, message) => {
		const make = () => fileSpill({ directory: '/nowhere', maxBytes: 1_000_000, ...options });
		expect(make).toThrow(ConfigError);
		expect(make).toThrow(message);
	});

	it('says of a missing capacity nothing but that it is missing', () => {
		expect(() => fileSpill({ directory: '/nowhere' } as FileSpillOptions)).toThrow(
			/^invalid fileSpill \(1 problem\):\nmaxBytes: undefined must be a whole number of at least 16384$/,
		);
	});

	it('stays in its directory, wherever the process goes', async () => {
		const place = temporaryDirectory();
		const home = process.cwd();
		try {
			process.chdir(place);
			const store = fileSpill({ directory: 'spill', maxBytes: 1_000_000, minFreeBytes: 0 });
			await store.open();
			process.chdir(home);
			await store.append([record(0)]);
			expect(readdirSync(join(place, 'spill')).filter((name) => name.endsWith('.log')).length).toBe(1);
			await store.close();
		} finally {
			process.chdir(home);
		}
	});

	it.each([
		['fsync', 'os-crash'],
		['interval', 'process'],
		['os', 'process'],
	] as const)('declares for durability %s that an append survives %s', (durability, declared) => {
		const { capabilities } = fileSpill({ directory: '/nowhere', maxBytes: 1_000_000, durability });
		expect(capabilities).toEqual({ durability: declared, partitions: 1, maxRecordBytes: 125_000, dedupesById: false });
	});

	it.skipIf(process.platform === 'win32')('makes files and directories that only their owner may read', async () => {
		const directory = join(temporaryDirectory(), 'a', 'b');
		const store = fileSpill({ directory, maxBytes: 1_000_000 });
		await store.open();
		await store.append(records(3));
		for (const path of [directory, join(directory, '..')]) expect(statSync(path).mode & 0o777).toBe(0o700);
		for (const name of readdirSync(directory)) {
			if (!name.startsWith('lock.sock'))
				expect([name, statSync(join(directory, name)).mode & 0o777]).toEqual([name, 0o600]);
		}
		await store.close();
	});

	it('syncs appends that arrive together once, and resolves them after that', async () => {
		const disk = new Disk();
		const store = storeOn(disk);
		await store.open();
		await store.append([record(0)]);
		const calls: string[] = [];
		disk.fault = ({ name, path }) => {
			if (path.endsWith('.log')) calls.push(name);
			return undefined;
		};
		const appends = Array.from({ length: 500 }, (_, i) =>
			store.append([record(i + 1)]).then(() => calls.push('resolved')),
		);
		await Promise.all(appends);
		expect(calls.filter((name) => name === 'writev').length).toBe(2);
		expect(calls.filter((name) => name === 'datasync').length).toBe(2);
		expect(calls.indexOf('datasync')).toBeLessThan(calls.indexOf('resolved'));
		expect(idsOf(await waiting(store, 0, 1000))).toEqual(idsOf(records(501)));
		await store.close();
	});

	it('does not give a record to a reader before it is durable', async () => {
		const disk = new Disk();
		const store = storeOn(disk);
		await store.open();
		await store.append([record(0)]);
		let whileSyncing: Promise<number[]> | undefined;
		const open = disk.open.bind(disk);
		disk.open = async (path, how) => {
			const file = await open(path, how);
			const sync = file.datasync.bind(file);
			file.datasync = async () => {
				if (how === 'create') {
					whileSyncing ??= waiting(store).then(idsOf);
					await whileSyncing;
				}
				await sync();
			};
			return file;
		};
		// Large enough for a segment of its own, whose file is opened now.
		await store.append([record(1, { bytes: 100_000 })]);
		expect(await whileSyncing).toEqual([0]);
		expect(idsOf(await waiting(store))).toEqual([0, 1]);
		await store.close();
	});

	it('syncs the cursor before it removes a segment, and the directory after it', async () => {
		const disk = new Disk();
		const store = storeOn(disk, { segmentBytes: 4096, minFreeBytes: 0 });
		await store.open();
		await store.append(records(100, 0, { bytes: 500 }));
		const found = await waiting(store);
		const calls: string[] = [];
		disk.fault = ({ name, path }) => {
			if (['write', 'datasync', 'unlink', 'sync'].includes(name)) calls.push(`${name} ${path.split('.').at(-1)}`);
			return undefined;
		};
		await store.ack(0, found[50]?.cursor ?? '');
		expect(calls.slice(0, 3)).toEqual(['write cursor', 'datasync cursor', 'unlink log']);
		expect(calls.at(-1)).toBe('sync /var/spill');
		expect(new Set(calls.slice(2, -1))).toEqual(new Set(['unlink log']));
		await store.close();
	});

	it('reads on where it stopped without searching, also after a restart of the reader', async () => {
		const disk = new Disk();
		const store = storeOn(disk, { maxBytes: 10_000_000, minFreeBytes: 0 });
		await store.open();
		await store.append(records(2000, 0, { bytes: 500 }));
		const found = await waiting(store);
		let bytesRead = 0;
		const open = disk.open.bind(disk);
		disk.open = async (path, how) => {
			const file = await open(path, how);
			const read = file.read.bind(file);
			file.read = async (...args) => {
				const result = await read(...args);
				bytesRead += result.bytesRead;
				return result;
			};
			return file;
		};
		const middle = found[999]?.cursor;
		for (let i = 0; i < 5; i++) {
			const some = await store.read({ partition: 0, after: middle, maxRecords: 1 });
			expect(idsOf(some)).toEqual([1000]);
		}
		// Each time the rest of one segment at most, and nothing of what lies before.
		expect(bytesRead).toBeLessThan(5 * 625_000);
		bytesRead = 0;
		let after = middle;
		for (let i = 0; i < 100; i++) {
			const some = await store.read({ partition: 0, after, maxRecords: 10 });
			after = some.at(-1)?.cursor;
		}
		expect(after).toBe(found.at(-1)?.cursor);
		expect(bytesRead).toBeLessThan(2 * 1000 * 550);
		await store.close();
	});

	it('is indifferent to cursors of another log', async () => {
		const other = storeOn(new Disk());
		await other.open();
		await other.append(records(10));
		const foreign = (await waiting(other)).at(-1)?.cursor ?? '';
		await other.close();
		const store = storeOn(new Disk());
		await store.open();
		await store.append(records(10, 100));
		for (const cursor of [foreign, '', 'x', '5', '5.100', '99999999.5.5', '-1.2.3', '3.0.0']) {
			await store.ack(0, cursor);
			expect(idsOf(await store.read({ partition: 0, after: cursor, maxRecords: 1 }))).toEqual([100]);
		}
		expect((await store.stats()).records).toBe(10);
		await store.close();
	});

	it('believes no byte in a cursor that is wrong', async () => {
		const store = storeOn(new Disk());
		await store.open();
		await store.append(records(10));
		const [sequence, , mark] = ((await waiting(store))[4]?.cursor ?? '').split('.');
		for (const at of [0, 31, 33, 100, 10_000_000]) {
			const after = `${sequence}.${at}.${mark}`;
			expect(idsOf(await store.read({ partition: 0, after, maxRecords: 2 }))).toEqual([5, 6]);
		}
		expect((await store.stats()).damage).toMatchObject({ missingRecords: 0, corruptRecords: 0 });
		await store.close();
	});

	it('gives each key a partition, and each partition its own order', async () => {
		const disk = new Disk();
		const store = storeOn(disk, { partitions: 4 });
		await store.open();
		await store.append(Array.from({ length: 200 }, (_, n) => record(n, { key: `key-${n % 20}` })));
		const parts = await Promise.all([0, 1, 2, 3].map((partition) => waiting(store, partition)));
		expect(parts.flat().length).toBe(200);
		for (const part of parts) {
			expect(part.length).toBeGreaterThan(0);
			expect(idsOf(part)).toEqual(idsOf(part).toSorted((a, b) => a - b));
		}
		const homes = parts.map((part) => new Set(part.map(({ key }) => key)));
		expect(homes.reduce((sum, { size }) => sum + size, 0)).toBe(20);
		await expect(store.read({ partition: 4, maxRecords: 1 })).rejects.toMatchObject({ code: 'SPILL_PARTITION' });
		await store.close();
		await expect(storeOn(disk, { partitions: 2 }).open()).rejects.toMatchObject({ code: 'SPILL_PARTITIONS' });
		await expect(storeOn(disk, { partitions: 5 }).open()).rejects.toMatchObject({ code: 'SPILL_PARTITIONS' });
		const again = storeOn(disk, { partitions: 4 });
		await again.open();
		for (const [i, part] of parts.entries()) await again.ack(i, part.at(-1)?.cursor ?? '');
		await again.close();
		const other = storeOn(disk, { partitions: 2 });
		await other.open();
		await other.close();
	});

	it('refuses a log of a later version, and touches nothing of it', async () => {
		const disk = new Disk();
		const store = storeOn(disk);
		await store.open();
		await store.append(records(3));
		await store.close();
		const path = disk.paths.find((one) => one.endsWith('.log')) as string;
		const { crc32 } = await import('node:zlib');
		const data = Buffer.from(disk.contentOf(path));
		data.writeUInt16LE(2, 8);
		data.writeUInt32LE(crc32(data.subarray(0, 28)), 28);
		disk.overwrite(path, data);
		await expect(storeOn(disk).open()).rejects.toMatchObject({ code: 'SPILL_VERSION' });
		expect(disk.contentOf(path)).toEqual(data);
		expect(disk.paths.some((one) => one.endsWith('lock'))).toBe(false);
	});

	it('says what is wrong with a directory that cannot be used', async () => {
		await expect(fileSpill({ directory: '/dev/null/spill', maxBytes: 1_000_000 }).open()).rejects.toMatchObject({
			code: 'SPILL_OPEN',
			message: expect.stringContaining('cannot open the spill in /dev/null/spill: ENOTDIR'),
		});
	});

	it('opens at once in another boot, with the last owner dead', async () => {
		const disk = new Disk();
		const store = storeOn(disk);
		await store.open();
		await store.append(records(3));
		const after = storeOn(disk.clone(), {}, { boot: 2 });
		expect(await after.open()).toMatchObject({ truncatedBytes: 0, missingRecords: 0 });
		expect(idsOf(await waiting(after))).toEqual([0, 1, 2]);
		await after.close();
		await store.close();
		expect(await hostOf(3).bootId()).toBe('boot-3');
	});

	it('gives back strings that have no UTF-8', async () => {
		const store = storeOn(new Disk());
		await store.open();
		const odd = { ...record(1), id: 'a\ud800', key: '\udfffb', headers: { 'h\ud800': '\udc00' } };
		await store.append([odd]);
		const [found] = await waiting(store);
		expect(found).toMatchObject({ id: odd.id, key: odd.key, headers: odd.headers });
		await store.close();
	});

	it('tells the id from the key whatever their alphabets', async () => {
		const store = storeOn(new Disk());
		await store.open();
		const texts = [
			'',
			'a',
			'plain-ascii-of-some-length',
			'é',
			'aé',
			'価格',
			'😀',
			'x😀',
			'\ud800',
			'a\udfff',
			'\u0000',
		];
		const batch = texts.flatMap((id) => texts.map((key) => ({ ...record(1), id, key })));
		await store.append(batch);
		const found = await waiting(store);
		expect(found.map(({ id, key }) => ({ id, key }))).toEqual(batch.map(({ id, key }) => ({ id, key })));
		await store.close();
	});

	it('gives each record its own headers, though those of its neighbours differ in one letter only', async () => {
		const store = storeOn(new Disk());
		await store.open();
		const long = 'v'.repeat(400);
		const kinds = [
			{ h: 'a' },
			{ h: 'b' },
			{ i: 'b' },
			{},
			undefined,
			{ h: `${long}a` },
			{ h: `${long}b` },
			{ h: 'ab' },
		];
		const batch = Array.from({ length: 90 }, (_, n) => ({
			...record(n),
			headers: kinds[((n * n) >> 2) % kinds.length],
		}));
		await store.append(batch);
		const found = await waiting(store);
		expect(found.map(({ headers }) => headers)).toEqual(batch.map(({ headers }) => headers));
		await store.close();
	});

	it('gives the same again and goes on rightly, though the bytes it gave are overwritten and transferred', async () => {
		// More than is read at once and more than is copied at once, and records across both borders.
		const given = records(900, 0, { bytes: 3001 }).map((one) => ({ ...one, headers: { kind: 'quote' } }));
		const store = storeOn(new Disk(), { maxBytes: 10_000_000, segmentBytes: 4_000_000 });
		await store.open();
		for (let at = 0; at < given.length; at += 300) await store.append(given.slice(at, at + 300));
		const check = async (maxRecords: number) => {
			let after: string | undefined;
			let n = 0;
			for (;;) {
				const found = await store.read({ partition: 0, after, maxRecords });
				if (found.length === 0) break;
				for (const { id, key, headers, payload } of found) {
					const { enqueuedAtMs: _, ...expected } = given[n++] as (typeof given)[number];
					expect({ id, key, headers }).toEqual({ id: expected.id, key: expected.key, headers: expected.headers });
					expect(Buffer.compare(payload, expected.payload), id).toBe(0);
				}
				after = found.at(-1)?.cursor;
				const memory = new Set(found.map(({ payload }) => payload.buffer as ArrayBuffer));
				for (const buffer of memory) new Uint8Array(buffer).fill(0xff);
				structuredClone([...memory], { transfer: [...memory] });
			}
			expect(n).toBe(given.length);
		};
		for (const maxRecords of [1000, 250, 7]) await check(maxRecords);
		expect((await store.stats()).damage).toMatchObject({ missingRecords: 0, corruptRecords: 0 });
		await store.close();
	});

	it.each([
		['a text', 'String'],
		[undefined, 'Undefined'],
		[{ price: 1 }, 'Object'],
		[Float64Array.of(1), 'Float64Array'],
	])('refuses the payload %j, and keeps nothing of its batch', async (payload, type) => {
		const store = storeOn(new Disk());
		await store.open();
		const wrong = { ...record(1), payload: payload as unknown as Uint8Array };
		await expect(store.append([record(0), wrong])).rejects.toMatchObject({
			name: 'SpillError',
			code: 'SPILL_CODEC',
			message: `the payload of record "id-1" is of type ${type}, no Uint8Array`,
		});
		await store.append([record(2)]);
		expect(idsOf(await waiting(store))).toEqual([2]);
		await store.close();
	});

	it('refuses an id, a key and headers that are too long', async () => {
		const store = storeOn(new Disk());
		await store.open();
		await expect(store.append([{ ...record(1), key: 'k'.repeat(70_000) }])).rejects.toMatchObject({
			code: 'SPILL_RECORD_TOO_LARGE',
			message: 'id, key and headers of a record are 70004 bytes together, more than 65535',
		});
		await store.close();
	});

	it('keeps small segments in use, and removes the last one when it is closed', async () => {
		const disk = new Disk();
		const store = storeOn(disk);
		await store.open();
		for (let n = 0; n < 50; n++) {
			await store.append([record(n)]);
			const [one] = await waiting(store);
			await store.ack(0, one?.cursor ?? '');
		}
		expect(disk.paths.filter((path) => path.endsWith('.log')).length).toBe(1);
		expect((await store.stats()).records).toBe(0);
		await store.close();
		expect(disk.paths).toEqual([`${DIRECTORY}/000.cursor`]);
	});
});
