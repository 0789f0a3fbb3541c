import type { Spilled, SpillStore } from '../../ports/spill.js';
import { assure, assureIs, assureRecords } from './assert.js';
import type { Check } from './check.js';
import { ackAll, records, waiting } from './records.js';

/** The partition that the key of most cases lies in. */
export async function partitionOf(store: SpillStore): Promise<number> {
	const [first] = await waiting(store);
	assure(first !== undefined, 'nothing came back of what was appended');
	return first.partition;
}

export const reading: readonly Check[] = [
	{
		name: 'reads without consuming',
		run: async (trial) => {
			const store = await trial.open();
			await store.append(records(10));
			const first = await waiting(store);
			const second = await waiting(store);
			assureRecords(first, records(10), 'the first reading');
			assureRecords(second, first, 'the second reading');
			second.forEach(({ cursor }, n) => {
				assureIs(cursor, first[n]?.cursor, `the cursor of record ${n} at the second reading`);
			});
		},
	},
	{
		name: 'goes on exactly after a cursor, any of them',
		run: async (trial) => {
			const store = await trial.open();
			await store.append(records(5));
			await store.append(records(5, 5));
			const all = await waiting(store);
			assureRecords(all, records(10), 'all of them');
			for (const [n, { partition, cursor }] of all.entries()) {
				const [next] = await store.read({ partition, after: cursor, maxRecords: 1 });
				assureRecords(next === undefined ? [] : [next], records(n < 9 ? 1 : 0, n + 1), `the next after record ${n}`);
			}
		},
	},
	{
		name: 'reads what was appended after the cursor of the last record',
		run: async (trial) => {
			const store = await trial.open();
			await store.append(records(3));
			const last = (await waiting(store)).at(-1) as Spilled;
			const { partition, cursor } = last;
			assureRecords(await store.read({ partition, after: cursor, maxRecords: 9 }), [], 'after the last record');
			await store.append(records(1, 3));
			assureRecords(await store.read({ partition, after: cursor, maxRecords: 9 }), records(1, 3), 'after one more');
		},
	},
	{
		name: 'reads at most maxRecords, and at least one when there is any',
		run: async (trial) => {
			const store = await trial.open();
			await store.append(records(40));
			const partition = await partitionOf(store);
			for (const maxRecords of [1, 2, 7, 39, 40, 41, 10_000]) {
				const found = await store.read({ partition, maxRecords });
				assure(
					found.length >= 1 && found.length <= maxRecords,
					`a read of at most ${maxRecords} gave ${found.length} records`,
				);
				assureRecords(found, records(found.length), `a read of at most ${maxRecords}`);
			}
		},
	},
	{
		name: 'reads at most maxBytes of payload, and at least one record when there is any',
		run: async (trial) => {
			const store = await trial.open();
			await store.append(records(20, 0, { bytes: 1_000 }));
			const partition = await partitionOf(store);
			for (const maxBytes of [1, 999, 1_000, 1_001, 5_500, 1_000_000]) {
				const found = await store.read({ partition, maxRecords: 20, maxBytes });
				const bytes = found.reduce((sum, { payload }) => sum + payload.byteLength, 0);
				assure(found.length >= 1, `a read of at most ${maxBytes} bytes gave nothing, though records wait`);
				assure(
					bytes <= maxBytes || found.length === 1,
					`a read of at most ${maxBytes} bytes gave ${found.length} records of ${bytes}`,
				);
				assureRecords(found, records(found.length, 0, { bytes: 1_000 }), `a read of at most ${maxBytes} bytes`);
			}
		},
	},
	{
		name: 'reads nothing where nothing waits',
		run: async (trial) => {
			const store = await trial.open();
			assureRecords(await waiting(store), [], 'an empty store');
			await store.append(records(2));
			await ackAll(store, await waiting(store));
			assureRecords(await waiting(store), [], 'a store whose records were all acknowledged');
		},
	},
	{
		name: 'gives several readers the same records at the same time',
		run: async (trial) => {
			const store = await trial.open();
			await store.append(records(300));
			const readings = await Promise.all([1, 2, 3].map(() => waiting(store)));
			for (const found of readings) assureRecords(found, records(300), 'one of three concurrent readings');
		},
	},
];
