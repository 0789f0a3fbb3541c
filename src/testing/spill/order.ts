import { assure, assureIs, assureRecords } from './assert.js';
import type { Check } from './check.js';
import { keysOf, ofKey, range, record, records, waiting } from './records.js';

export const order: readonly Check[] = [
	{
		name: 'gives the records of a batch back in their order',
		run: async (trial) => {
			const store = await trial.open();
			await store.append(records(250));
			assureRecords(await waiting(store), records(250), 'a batch of one key');
		},
	},
	{
		name: 'gives batches of one key back in the order of the appends',
		run: async (trial) => {
			const store = await trial.open();
			for (const n of range(20)) await store.append(records(n % 4, 10 * n));
			const expected = range(20).flatMap((n) => records(n % 4, 10 * n));
			assureRecords(await waiting(store), expected, 'twenty batches of one key');
		},
	},
	{
		name: 'keeps the order of each key under concurrent appends',
		run: async (trial) => {
			const store = await trial.open();
			const keys = range(7).map((n) => `key-${n}`);
			const given = range(600).map((n) => record(n, { key: keys[(n * n) % 7] as string, bytes: n % 90 }));
			// Of uneven length: a store that sends the small ones ahead would mix them up.
			const batches: (typeof given)[] = [];
			for (let at = 0; at < given.length; at += batches.at(-1)?.length as number)
				batches.push(given.slice(at, at + 1 + ((batches.length * 7) % 23)));
			await Promise.all(batches.map((batch) => store.append(batch)));
			const found = await waiting(store);
			assureIs(found.length, given.length, 'the number of records after concurrent appends');
			for (const key of keys) assureRecords(ofKey(found, key), ofKey(given, key), `the records of ${key}`);
		},
	},
	{
		name: 'keeps a key in one partition, and every partition within those it declares',
		run: async (trial) => {
			const store = await trial.open();
			const given = range(400).map((n) => record(n, { key: `key-${n % 100}` }));
			await store.append(given.slice(0, 200));
			await Promise.all(given.slice(200).map((one) => store.append([one])));
			const found = await waiting(store);
			assureIs(found.length, given.length, 'the number of records of a hundred keys');
			const { partitions } = store.capabilities;
			for (const { id, partition } of found)
				assure(
					Number.isInteger(partition) && partition >= 0 && partition < partitions,
					`${id} lies in partition ${partition} of ${partitions}`,
				);
			for (const key of keysOf(given)) {
				const places = new Set(ofKey(found, key).map(({ partition }) => partition));
				assureIs(places.size, 1, `the number of partitions that ${key} lies in`);
				assureRecords(ofKey(found, key), ofKey(given, key), `the records of ${key}`);
			}
		},
	},
];
