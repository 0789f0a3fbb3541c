import { expect, it } from 'vitest';
import { ConfigError, type SpillError } from '../../src/index.js';
import { natsSpill } from '../../src/spill-nats/index.js';
import { describeWith, nats, startNats } from '../support/services.js';
import { range, record, records } from '../support/spill-records.js';
import { type Place, place } from './place.js';

const rejection = (work: Promise<unknown>): Promise<SpillError> =>
	work.then(
		() => expect.fail('it did not reject'),
		(error) => error,
	);

it('says everything that is wrong with its options', () => {
	const wrong = { maxBytes: 1_024, stream: 'a.b', partitions: 65, durability: 'os-crash', replicas: 2 };
	expect(() => natsSpill(wrong as never)).toThrow(ConfigError);
	expect(() => natsSpill(wrong as never)).toThrow(
		[
			'invalid natsSpill (7 problems):',
			'connection: undefined must be a connection of NATS',
			'manager: undefined must be a JetStream manager',
			'stream: "a.b" must be 1 .. 200 letters, digits, - and _',
			'maxBytes: 1024 must be a number above 1024',
			'partitions: 65 must be an integer of 1 .. 64',
			'replicas: 2 must be 1, 3 or 5',
			"syncInterval: undefined must be 'always' to survive an 'os-crash'",
		].join('\n'),
	);
	const others = { durability: 'replicated', replicas: 1, syncInterval: 'always' };
	expect(() => natsSpill({ ...wrong, ...others } as never)).toThrow(
		"replicas: 1 must be 3 or 5 to be 'replicated'\nsyncInterval: \"always\" must be absent unless durability is 'os-crash'",
	);
});

const on =
	(url: string, options?: Parameters<typeof place>[1]) =>
	async (use: (here: Place) => Promise<void>): Promise<void> => {
		const here = await place(url, options);
		try {
			await use(here);
		} finally {
			await here.destroy();
		}
	};

await describeWith(nats, 'natsSpill', ({ url }) => {
	const at = on(url);

	it('keeps the largest payload it declares in an empty store, with its texts, where maxBytes is below what a message carries', () =>
		at(async ({ store: make }) => {
			for (const maxBytes of [1_000_000, 300_000, 1_100]) {
				const store = make({ maxBytes });
				await store.open();
				const { maxRecordBytes } = store.capabilities;
				expect(maxRecordBytes).toBe(maxBytes - 1_024);
				await store.append([record(1, { payload: new Uint8Array(maxRecordBytes), key: 'k'.repeat(300) })]);
				const [found] = await store.read({ partition: 0, maxRecords: 1 });
				expect(found?.payload.byteLength).toBe(maxRecordBytes);
				await store.ack(0, found?.cursor ?? '');
				await store.close();
			}
		}));

	it('refuses a stream that would lose or refuse records, and names each setting', () =>
		at(async ({ manager, stream, store }) => {
			await manager.streams.add({
				name: stream,
				subjects: [`${stream}.>`],
				storage: 'memory',
				discard: 'old',
				max_age: 3_600_000_000_000,
				max_msgs: 1_000,
				max_bytes: 1_000_000,
				max_msgs_per_subject: 5,
				max_msg_size: 10_000,
				deny_purge: true,
				no_ack: true,
			});
			expect(await rejection(store({ partitions: 2, replicas: 3 }).open())).toMatchObject({
				code: 'SPILL_SETTINGS',
				message: `the stream ${stream} cannot be a nats spill: ${[
					`subjects is ["${stream}.>"] and must be ["${stream}.state","${stream}.frames.0","${stream}.frames.1"], fixed with the number of partitions`,
					'storage is "memory" and must be "file"',
					'discard is "old" and must be "new"',
					'max_age is 3600000000000 and must be 0',
					'deny_purge is true and must be false',
					'allow_direct is false and must be true',
					'num_replicas is 1 and must be at least 3',
					'max_bytes is 1000000 and must be -1 or at least 34603008: maxBytes and 1048576 for acknowledgements',
					'max_msgs is 1000 and must be unlimited',
					'max_msgs_per_subject is 5 and must be unlimited',
					'max_msg_size is 10000 and must be unlimited',
					'no_ack is true and must be false',
				].join('; ')}`,
			});
		}));

	it('refuses another number of partitions, and more bytes, than the stream was made for', () =>
		at(async ({ stream, store }) => {
			const first = store({ partitions: 2 });
			await first.open();
			await first.close();
			const { message } = await rejection(store({ partitions: 1, maxBytes: 1e9 }).open());
			expect(message).toBe(
				`the stream ${stream} cannot be a nats spill: subjects is ["${stream}.state","${stream}.frames.0","${stream}.frames.1"] and must be ["${stream}.state","${stream}.frames.0"], fixed with the number of partitions; max_bytes is 34603008 and must be -1 or at least 1001048576: maxBytes and 1048576 for acknowledgements`,
			);
		}));

	it("is not 'os-crash' on a server that cannot sync at once", () =>
		at(async ({ connection, store }) => {
			const claiming = (version: string) => ({
				...({ durability: 'os-crash', syncInterval: 'always' } as const),
				connection: new Proxy(connection, {
					get: (target, name) => {
						const value = Reflect.get(target, name);
						if (name === 'info') return { ...connection.info, version };
						return typeof value === 'function' ? value.bind(target) : value;
					},
				}),
			});
			expect(await rejection(store(claiming('2.9.25')).open())).toMatchObject({
				code: 'SPILL_DURABILITY',
				message:
					"the nats spill is declared durability: 'os-crash', which a server of version 2.9.25 does not keep: sync_interval: always came with 2.10. Upgrade it, or declare a weaker durability",
			});
			for (const version of ['2.10.0', '2.12.1-RC.2', '3.0.0']) {
				const newer = store(claiming(version));
				await newer.open();
				expect(newer.capabilities.durability).toBe('os-crash');
				await newer.close();
			}
		}));

	it("is not 'replicated' on a server of its own", () =>
		at(async ({ store }) => {
			const { message, code } = await rejection(store({ durability: 'replicated' }).open());
			expect([code, message]).toEqual([
				'SPILL_FAILED',
				'the nats spill failed: replicas > 1 not supported in non-clustered mode',
			]);
		}));

	it('refuses cursors, partitions and payloads that are not its own', () =>
		at(async ({ store: make, manager, stream }) => {
			const store = make({ maxBytes: 4_000 });
			await store.open();
			await store.append(records(3));
			expect(await rejection(store.ack(0, '7'))).toMatchObject({
				code: 'SPILL_CURSOR',
				message: '"7" is not a cursor of the nats spill',
			});
			expect((await rejection(store.read({ partition: 1, maxRecords: 1 }))).message).toBe(
				'the nats spill has no partition 1, only 0 .. 0',
			);
			expect((await rejection(store.append([record(1, { payload: new Uint8Array(2_977) })]))).message).toBe(
				'a payload of 2977 bytes, with its texts, is too large: the nats spill keeps 2976, 3488 with its texts',
			);
			expect((await rejection(store.append([record(1, { key: 'k'.repeat(4_000) })]))).code).toBe(
				'SPILL_RECORD_TOO_LARGE',
			);
			expect((await rejection(store.append(records(40)))).message).toMatch(
				/^the nats spill is full: 5\d\d of 4000 bytes are taken and the batch needs 5\d\d\d$/,
			);
			// Foreign cursors of records that are not there forget nothing.
			const [{ cursor } = { cursor: '' }] = await store.read({ partition: 0, maxRecords: 1 });
			const mark = cursor.split('-')[2];
			for (const foreign of [`999-0-${mark}`, `2-77-${mark}`, '2-0-0']) await store.ack(0, foreign);
			expect(await store.stats()).toMatchObject({ records: 3 });
			await store.close();
			await manager.jetstream().publish(`${stream}.state`, 'surprise');
			expect(await rejection(make().open())).toMatchObject({ code: 'SPILL_SETTINGS' });
			expect(await rejection(make({ maxBytes: 4_000 }).open())).toMatchObject({
				code: 'SPILL_FORMAT',
				message: '"surprise" is not a state of a nats spill of 1 partitions',
			});
		}));

	it('names a message that is not a frame, and forgets nothing', () =>
		at(async ({ store: make, manager, stream }) => {
			const store = make();
			await store.open();
			await store.append(records(1));
			await manager.jetstream().publish(`${stream}.frames.0`, 'surprise');
			expect(await rejection(store.read({ partition: 0, maxRecords: 9 }))).toMatchObject({
				code: 'SPILL_FORMAT',
				message: 'message 3 of the stream is not a frame of a nats spill',
			});
			await store.close();
		}));

	it('counts what is missing in the middle, and gives back the rest', () =>
		at(async ({ store: make, manager, stream }) => {
			const store = make();
			await store.open();
			for (const n of range(5)) await store.append(records(10, n * 10));
			await store.close();
			// The first message is the claim, the next five are the frames; the server lost two of these.
			await manager.streams.deleteMessage(stream, 2);
			await manager.streams.deleteMessage(stream, 4);
			const { missingRecords } = await store.open();
			expect(missingRecords).toBe(10);
			const found = await store.read({ partition: 0, maxRecords: 100 });
			expect(found.map(({ id }) => id)).toEqual([...range(10, 10), ...range(20, 30)].map((n) => `id-${n}`));
			expect(await store.read({ partition: 0, maxRecords: 100 })).toEqual(found);
			expect(await store.stats()).toMatchObject({ records: 50, damage: { missingRecords: 20 } });
			await store.ack(0, found.at(-1)?.cursor ?? '');
			expect(await store.stats()).toMatchObject({ records: 0, bytes: 0, damage: { missingRecords: 20 } });
			await store.close();
		}));
});

await describeWith(
	() => startNats({ max_payload: 16_384, jetstream: { max_file_store: 3_000_000 } }),
	'natsSpill on a small server',
	(server) => {
		const small = on(server.url, { maxBytes: 1_000_000 });

		it('takes what one message may carry', () =>
			small(async ({ store: make }) => {
				const store = make();
				await store.open();
				expect(store.capabilities.maxRecordBytes).toBe(15_360);
				await store.append([record(1, { payload: new Uint8Array(15_360).fill(7), key: 'k'.repeat(400) })]);
				await store.append(range(50).map((n) => record(n, { payload: new Uint8Array(5_000) })));
				await store.append(range(1_000).map((n) => record(n, { payload: new Uint8Array(n % 100) })));
				expect(await store.stats()).toMatchObject({ records: 1_051 });
				await store.close();
			}));

		it('does not reserve more than the server has', () =>
			small(async ({ store }) => {
				expect(await rejection(store({ maxBytes: 10_000_000 }).open())).toMatchObject({
					code: 'SPILL_FULL',
					message: 'the server of the nats spill has no room: insufficient storage resources available',
				});
			}));

		it('is full when the server is, and takes more when it is not', () =>
			small(async ({ store: make, manager, stream }) => {
				const store = make();
				await store.open();
				const { config } = await manager.streams.info(stream);
				await manager.streams.update(stream, { ...config, max_bytes: 10_000 });
				const large = [record(1, { payload: new Uint8Array(15_000) })];
				expect(await rejection(store.append(large))).toMatchObject({
					code: 'SPILL_FULL',
					message: 'the server of the nats spill has no room: maximum bytes exceeded',
				});
				await store.append(records(2));
				await manager.streams.update(stream, config);
				await store.append(large);
				expect(await store.stats()).toMatchObject({ records: 3 });
				await store.close();
			}));
	},
);
