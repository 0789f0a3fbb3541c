import { readFile } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { SpillError, SpillStore } from '../../src/index.js';
import { type NatsConnection, type NatsManager, type NatsStreamConfig, natsSpill } from '../../src/spill-nats/index.js';
import { describeWith, nats, startNats, until } from '../support/services.js';
import { range, record, records } from '../support/spill-records.js';
import { place, reconnected } from './place.js';

const codeOf = (work: Promise<unknown>): Promise<string> =>
	work.then(
		() => 'resolved',
		({ code }: SpillError) => code,
	);
const read = { partition: 0, maxRecords: 1_000 };

await describeWith(nats, 'the owner of a natsSpill', ({ url }) => {
	it('is succeeded at once when its connection ends, and cannot write or forget after its successor', async () => {
		const here = await place(url);
		const { connection, stream } = here;
		const answering: { unsubscribe(): void }[] = [];
		const first = here.store({
			connection: {
				info: connection.info,
				request: (...args) => connection.request(...args),
				flush: () => connection.flush(),
				status: () => connection.status(),
				subscribe(...args) {
					const subscription = connection.subscribe(...args);
					answering.push(subscription);
					return subscription;
				},
			},
		});
		await first.open();
		await first.append(records(3));
		const [{ cursor } = { cursor: '' }] = await first.read(read);
		const second = here.store();
		const { message, code } = await second.open().catch((error) => error);
		expect([code, message]).toEqual([
			'SPILL_LOCKED',
			`the nats spill ${stream} is open elsewhere: it has one owner at a time`,
		]);
		// As when the network is cut: the server forgets that it listens, and it knows nothing of that.
		for (const subscription of answering) subscription.unsubscribe();
		await second.open();
		await second.append(records(1, 3));
		expect(await codeOf(first.append(records(9, 50)))).toBe('SPILL_LOCKED');
		expect(await codeOf(first.ack(0, cursor))).toBe('SPILL_LOCKED');
		expect(await second.stats()).toMatchObject({ records: 4 });
		for (const found of await second.read(read)) await second.ack(0, found.cursor);
		await second.close();
		await first.append(records(1, 4));
		expect((await first.read(read)).map(({ id }) => id)).toEqual(['id-4']);
		// What the other one acknowledged is not missing.
		expect(await first.stats()).toMatchObject({ records: 1, damage: { missingRecords: 0 } });
		await first.close();
		await here.destroy();
	});

	it('notices a stranger that writes to its stream, before it writes anything itself', async () => {
		const { manager, stream, store: make, destroy } = await place(url);
		const store = make();
		await store.open();
		await store.append(records(2));
		await manager.jetstream().publish(`${stream}.state`, JSON.stringify({ format: 1, owner: 'x', positions: [] }));
		expect(await codeOf(store.append(records(2, 2)))).toBe('SPILL_LOCKED');
		expect((await manager.streams.info(stream, { subjects_filter: '>' })).state.subjects).toMatchObject({
			[`${stream}.frames.0`]: 1,
		});
		await destroy();
	});

	it('says that its stream was deleted, and goes on with a new one', async () => {
		const here = await place(url);
		const { manager, stream } = here;
		const store = here.store();
		await store.open();
		await store.append(records(3));
		await manager.streams.delete(stream);
		await expect(store.append(records(1, 3))).rejects.toMatchObject({
			code: 'SPILL_CONNECTION',
			message: `nobody takes messages for the stream ${stream} of the nats spill: it was deleted, or JetStream is off`,
		});
		await store.append(records(2, 4));
		const found = await store.read({ partition: 0, maxRecords: 9 });
		expect(found.map(({ id }) => id)).toEqual(['id-4', 'id-5']);
		expect(await store.stats()).toMatchObject({ records: 2, damage: { missingRecords: 3 } });
		await store.close();
		await here.destroy();
	});

	it('forgets nothing new for a cursor of a stream that was deleted, and reads on from the front', async () => {
		const here = await place(url);
		const { manager, stream } = here;
		const store = here.store();
		await store.open();
		for (const n of range(3)) await store.append(records(2, n * 2));
		const found = await store.read(read);
		await store.ack(0, found[1]?.cursor ?? '');
		await manager.streams.delete(stream);
		expect(await codeOf(store.append(records(1, 6)))).toBe('SPILL_CONNECTION');
		// Their messages get the numbers that those of the other stream had.
		for (const n of range(3)) await store.append(records(2, 10 + n * 2));
		const numbers = (await store.read(read)).map(({ cursor }) => cursor.split('-')[0]);
		expect(numbers).toEqual(found.map(({ cursor }) => cursor.split('-')[0]));
		for (const { cursor } of found) {
			await store.ack(0, cursor);
			const next = await store.read({ ...read, after: cursor });
			expect(next.map(({ id }) => id)).toEqual(range(6, 10).map((n) => `id-${n}`));
		}
		expect(await store.stats()).toMatchObject({ records: 6, damage: { missingRecords: 4 } });
		await store.close();
		await here.destroy();
	});

	it.each(['read', 'ack', 'stats'] as const)(
		'goes on with a new stream after a %s of one that was deleted',
		async (what) => {
			const here = await place(url);
			// Nobody says that it is gone, so this is how long it takes.
			const manager = await jetstreamManager(here.connection, { checkAPI: false, timeout: 500 });
			const store = here.store({ manager });
			await store.open();
			for (const n of range(2)) await store.append(records(2, n * 2));
			const cursor = (await store.read(read))[0]?.cursor ?? '';
			await manager.streams.delete(here.stream);
			const work = { read: () => store.read(read), ack: () => store.ack(0, cursor), stats: () => store.stats() };
			expect(await codeOf(work[what]())).toBe('SPILL_CONNECTION');
			expect(await store.stats()).toMatchObject({ records: 0, damage: { missingRecords: 4 } });
			await store.append(records(1, 4));
			await store.ack(0, cursor);
			expect((await store.read({ ...read, after: cursor })).map(({ id }) => id)).toEqual(['id-4']);
			await store.close();
			await here.destroy();
		},
	);

	it('leaves one message in the stream when everything is acknowledged, and few in between', async () => {
		const { manager, stream, store: make, destroy } = await place(url);
		const store = make({ partitions: 2 });
		await store.open();
		await store.append(records(400));
		const counts: number[] = [];
		for (const partition of [0, 1]) {
			for (const { cursor } of await store.read({ ...read, partition })) {
				await store.ack(partition, cursor);
				counts.push((await manager.streams.info(stream)).state.messages);
			}
		}
		expect(Math.max(...counts)).toBeLessThanOrEqual(2 + 66);
		expect(await store.stats()).toMatchObject({ records: 0, bytes: 0, oldestEnqueuedAtMs: null });
		await store.close();
		await store.open();
		const { state } = await manager.streams.info(stream);
		expect(state.messages).toBe(1);
		expect(state.first_seq).toBe(state.last_seq);
		await store.close();
		await destroy();
	});

	it('has the same figures read anew as kept up to date', async () => {
		const { store: make, destroy } = await place(url);
		const first = make({ partitions: 4 });
		await first.open();
		await Promise.all(range(20).map((n) => first.append(records(50, n * 50))));
		for (const partition of range(4)) {
			const found = await first.read({ partition, maxRecords: 7 });
			if (found[6]) await first.ack(partition, found[6].cursor);
		}
		const kept = await first.stats();
		await first.close();
		await first.open();
		expect(await first.stats()).toEqual(kept);
		expect(kept.records).toBeLessThan(1_000);
		await first.close();
		await destroy();
	});

	it('finds its records when somebody removed what it knew about itself', async () => {
		const { manager, stream, store: make, destroy } = await place(url);
		const store = make();
		await store.open();
		await store.append(records(10));
		await store.append(records(10, 10));
		const found = await store.read(read);
		await store.ack(0, found[9]?.cursor ?? '');
		await store.close();
		await manager.streams.purge(stream, { filter: `${stream}.state` });
		await store.open();
		expect(await store.stats()).toMatchObject({ records: 10, damage: { missingRecords: 0 } });
		expect((await store.read(read)).map(({ id }) => id)).toEqual(range(10, 10).map((n) => `id-${n}`));
		await store.close();
		await destroy();
	});

	it('takes appends that arrive together in few messages', async () => {
		const { manager, stream, store: make, destroy } = await place(url);
		const store = make();
		await store.open();
		await Promise.all(records(1_000).map((one) => store.append([one])));
		const { state } = await manager.streams.info(stream, { subjects_filter: `${stream}.frames.0` });
		expect(state.subjects).toEqual({ [`${stream}.frames.0`]: 1 });
		await store.close();
		await destroy();
	});
});

/** As the page shows it. */
const page = await readFile(new URL('../../docs/spill-nats.md', import.meta.url), 'utf8');
const permissions = JSON.parse(/```json\n([^`]+)```/.exec(page)?.[1] ?? '');
const users = [{ user: 'admin' }, { user: 'spill', password: 'secret', permissions }];

await describeWith(
	() => startNats({ authorization: { users }, no_auth_user: 'admin' }),
	'a natsSpill with the permissions that its page names',
	({ url }) => {
		it('does all that it has to, and answers for its stream at once', async () => {
			const user = { user: 'spill', pass: 'secret' };
			const connections = await Promise.all(range(2).map(() => connect({ servers: url, ...user })));
			const [owner, other] = (await Promise.all(
				connections.map(async (connection) => {
					const manager = await jetstreamManager(connection);
					return natsSpill({ connection, manager, stream: 'SPILL_ORDERS_0', maxBytes: 1_000_000 });
				}),
			)) as [SpillStore, SpillStore];
			await owner.open();
			await owner.append(records(3));
			// Without an answer it would say after what time it gave up.
			await expect(other.open()).rejects.toMatchObject({ code: 'SPILL_LOCKED', cause: undefined });
			for (const { cursor } of await owner.read(read)) await owner.ack(0, cursor);
			expect(await owner.stats()).toMatchObject({ records: 0 });
			await owner.close();
			await other.open();
			await other.close();
			for (const connection of connections) await connection.close();
		});
	},
);

await describeWith(startNats, 'a natsSpill whose server is killed', (server) => {
	it('has every record that it resolved, in order, and goes on by itself', async () => {
		const { connection, store: make, destroy } = await place(server.url, { maxBytes: 1e9 });
		const store = make();
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
						// It rejects at once while it is down, and the news of that has to come in, too.
						() => setImmediate(),
					);
				}
			})();
			const before = kept.length;
			await until('it appends', () => kept.length > before + 500 * (round + 1));
			const back = reconnected({ connection });
			await server.kill();
			killed = true;
			await server.restart();
			await appending;
			await back;
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
		expect(await store.stats()).toMatchObject({ records: found.length, damage: { missingRecords: 0 } });
		await store.close();
		await destroy();
	}, 60_000);

	it('gives no cursor twice when it is killed after everything was acknowledged', async () => {
		const { connection, store: make, destroy } = await place(server.url);
		const store = make();
		await store.open();
		const seen: number[] = [];
		for (const round of range(3)) {
			await store.append(records(5, round * 5));
			const found = await store.read(read);
			expect(found.map(({ id }) => id)).toEqual(range(5, round * 5).map((n) => `id-${n}`));
			seen.push(...found.map(({ cursor }) => Number(cursor.split('-')[0])));
			await store.ack(0, found.at(-1)?.cursor ?? '');
			const back = reconnected({ connection });
			await server.kill();
			await server.restart();
			await back;
		}
		expect(seen).toEqual([...seen].sort((a, b) => a - b));
		expect(new Set(seen).size).toBe(3);
		await store.close();
		await destroy();
	}, 60_000);
});

describe('a natsSpill whose server does not answer', () => {
	afterEach(() => void vi.useRealTimers());

	/** A server for which one thing is true: what was written is the last. */
	const silent = () => {
		let answers = true;
		let last = 0;
		const reply = <T>(value: T): Promise<T> => (answers ? Promise.resolve(value) : new Promise(() => {}));
		const config: NatsStreamConfig = {
			...({ storage: 'file', retention: 'limits', discard: 'new' } as const),
			...{ name: 's', subjects: ['s.state', 's.frames.0'], num_replicas: 1, deny_purge: false, allow_direct: true },
			...{ max_bytes: -1, max_msgs: -1, max_msgs_per_subject: -1, max_age: 0, max_msg_size: -1 },
		};
		const subscribed = new Set<object>();
		const connection: NatsConnection = {
			info: { max_payload: 1_048_576, version: '2.9.0' },
			request: () => (answers ? Promise.reject({ isNoResponders: () => true }) : reply({ data: new Uint8Array() })),
			subscribe: () => {
				const subscription = { unsubscribe: () => void subscribed.delete(subscription) };
				subscribed.add(subscription);
				return subscription;
			},
			flush: () => reply(undefined),
			async *status() {
				yield await new Promise<never>(() => {});
			},
		};
		const manager: NatsManager = {
			jetstream: () => ({ publish: () => reply({ seq: ++last }) }),
			streams: {
				info: () => reply({ config, state: { last_seq: last } }),
				add: () => expect.unreachable(),
				purge: () => reply(undefined),
				getMessage: () => reply(null),
			},
			direct: { getMessage: () => reply(null) },
		};
		const falls = (fallen = true) => {
			answers = !fallen;
		};
		return { store: natsSpill({ connection, manager, stream: 's', maxBytes: 1e9 }), subscribed, falls };
	};

	it('rejects after five seconds, answers for nobody any more, and goes on when it is back', async () => {
		vi.useFakeTimers();
		const { store, subscribed, falls } = silent();
		await store.open();
		await store.append(records(1));
		expect(subscribed.size).toBe(1);
		falls();
		const appending = store.append(records(1)).catch((error: SpillError) => error);
		await vi.advanceTimersByTimeAsync(5_000);
		expect(await appending).toMatchObject({
			code: 'SPILL_CONNECTION',
			message: 'the nats spill did not reach its stream: a write took longer than 5000 ms',
		});
		expect(subscribed.size).toBe(0);
		falls(false);
		await store.append(records(1));
		expect(subscribed.size).toBe(1);
		await store.close();
		expect([subscribed.size, vi.getTimerCount()]).toEqual([0, 0]);
	});

	it('settles everything that is asked of it, and its close', async () => {
		vi.useFakeTimers();
		const { store, falls } = silent();
		await store.open();
		falls();
		const works = [
			store.append(records(1)),
			store.read(read),
			store.ack(0, '5-0-0'),
			store.append(records(1)),
			store.close(),
		];
		const settled = Promise.allSettled(works);
		await vi.advanceTimersByTimeAsync(20_000);
		expect((await settled).map(({ status }) => status)).toEqual([
			...['rejected', 'rejected', 'rejected', 'rejected'],
			'fulfilled',
		]);
		expect(vi.getTimerCount()).toBe(0);
	});
});
