import type { Spilled, SpillStore } from '../../ports/spill.js';
import { assureIs, assureRecords, assureRefused } from './assert.js';
import { type Check, persistent } from './check.js';
import { assureFigures } from './figures.js';
import { ackAll, keysOf, ofKey, range, record, records, waiting } from './records.js';
import { TEXTS } from './round-trips.js';
import type { SpillPlace } from './subject.js';
import type { Trial } from './trial.js';

/** Another instance on the place, after the one before was closed. */
async function reopened(trial: Trial, place: SpillPlace, use: (store: SpillStore) => Promise<void>): Promise<void> {
	const store = await trial.open(place);
	await use(store);
	await store.close();
}

export const reopening: readonly Check[] = [
	{
		name: 'holds what was not acknowledged when it is reopened, and nothing that was',
		when: persistent,
		run: async (trial) => {
			const place = await trial.place();
			await reopened(trial, place, async (store) => {
				await store.append(records(10));
				const { partition, cursor } = (await waiting(store))[3] as Spilled;
				await store.ack(partition, cursor);
			});
			await reopened(trial, place, async (store) => {
				assureRecords(await waiting(store), records(6, 4), 'after it was reopened');
				await assureFigures(store, 'after it was reopened');
				await store.append(records(2, 10));
				assureRecords(await waiting(store), records(8, 4), 'after an append to the reopened store');
			});
			await reopened(trial, place, async (store) => {
				assureRecords(await waiting(store), records(8, 4), 'after it was reopened again');
			});
		},
	},
	{
		name: 'can be opened again after it was closed, by the same instance',
		when: persistent,
		run: async (trial) => {
			const place = await trial.place();
			const store = await trial.open(place);
			await store.append(records(4));
			const { partition, cursor } = (await waiting(store))[1] as Spilled;
			await store.ack(partition, cursor);
			await store.close();
			await store.open();
			assureRecords(await waiting(store), records(2, 2), 'after it was opened again');
			await assureFigures(store, 'after it was opened again');
			await store.append(records(2, 4));
			// Without waiting for the end of the closing, which is somebody else's perhaps.
			const closed = store.close();
			await Promise.all([closed, store.open()]);
			assureRecords(await waiting(store), records(4, 2), 'after it was opened while it closed');
			await store.append(records(1, 6));
			await store.close();
			await assureRefused(store.append(records(1, 7)), 'append after the last close', 'SPILL_CLOSED');
			// The place is free for others.
			await reopened(trial, place, async (other) => {
				assureRecords(await waiting(other), records(5, 2), 'in another instance');
			});
		},
	},
	{
		name: 'gives every field back after it was reopened',
		when: persistent,
		run: async (trial) => {
			const place = await trial.place();
			const given = TEXTS.map((text, n) => ({
				...record(n, { bytes: n * 20 }),
				id: `${n}${text}`,
				headers: { [`h${text}`]: text },
				expiresAtMs: 1_800_000_000_000.5,
			}));
			await reopened(trial, place, (store) => store.append(given));
			await reopened(trial, place, async (store) => {
				assureRecords(await waiting(store), given, 'after it was reopened');
			});
		},
	},
	{
		name: 'keeps the cursors and the partitions of keys when it is reopened',
		when: persistent,
		run: async (trial) => {
			const place = await trial.place();
			const given = range(60).map((n) => record(n, { key: `key-${n % 20}` }));
			let before: readonly Spilled[] = [];
			await reopened(trial, place, async (store) => {
				await store.append(given);
				before = await waiting(store);
			});
			await reopened(trial, place, async (store) => {
				await store.append(range(60, 60).map((n) => record(n, { key: `key-${n % 20}` })));
				const found = await waiting(store);
				for (const key of keysOf(given)) {
					const mine = ofKey(found, key);
					assureRecords(
						mine,
						range(6).map((n) => record(Number(key.slice(4)) + 20 * n, { key })),
						`the records of ${key}`,
					);
					assureIs(new Set(mine.map(({ partition }) => partition)).size, 1, `the number of partitions of ${key}`);
				}
				await ackAll(store, before);
				const left = await waiting(store);
				assureIs(left.length, 60, 'the number of records after what an earlier instance read was acknowledged');
				assureIs(
					left.find(({ enqueuedAtMs }) => enqueuedAtMs < (record(60).enqueuedAtMs as number)),
					undefined,
					'a record from before',
				);
			});
		},
	},
	{
		name: 'starts anew after it was drained and reopened: old cursors touch nothing new',
		when: persistent,
		run: async (trial) => {
			const place = await trial.place();
			let old: readonly Spilled[] = [];
			for (const round of range(3)) {
				await reopened(trial, place, async (store) => {
					assureRecords(await waiting(store), [], 'a reopened store that was drained');
					await assureFigures(store, 'of a reopened store that was drained');
					await store.append(records(5, 5 * round));
					await ackAll(store, old);
					assureRecords(await waiting(store), records(5, 5 * round), 'what came after the drain');
					const last = old.at(-1);
					if (last !== undefined) {
						const { partition, cursor } = last;
						const found = await store.read({ partition, after: cursor, maxRecords: 1 });
						assureRecords(found, records(1, 5 * round), 'a read after the last cursor from before the drain');
					}
					old = await waiting(store);
					await ackAll(store, old);
				});
			}
		},
	},
	{
		name: 'holds many batches when it is reopened',
		when: persistent,
		run: async (trial) => {
			const place = await trial.place();
			await reopened(trial, place, async (store) => {
				await Promise.all(range(50).map((n) => store.append(records(40, 40 * n, { bytes: 200 }))));
			});
			await reopened(trial, place, async (store) => {
				assureRecords(await waiting(store), records(2_000, 0, { bytes: 200 }), 'two thousand records');
			});
		},
	},
];
