import type { Spilled } from '../../ports/spill.js';
import { assureRecords } from './assert.js';
import type { Check } from './check.js';
import { ackAll, range, records, waiting } from './records.js';
import type { Trial } from './trial.js';

/** A store with ten records of one key, and what it gives back of them. */
async function ten(trial: Trial) {
	const store = await trial.open();
	await store.append(records(10));
	const found = await waiting(store);
	assureRecords(found, records(10), 'ten records');
	const [{ partition }] = found as [Spilled];
	const ack = (n: number) => store.ack(partition, (found[n] as Spilled).cursor);
	return { store, found, partition, ack };
}

export const acking: readonly Check[] = [
	{
		name: 'forgets everything up to an acknowledged cursor, and nothing after it',
		run: async (trial) => {
			const { store, ack } = await ten(trial);
			await ack(3);
			assureRecords(await waiting(store), records(6, 4), 'after the fourth was acknowledged');
			await ack(8);
			assureRecords(await waiting(store), records(1, 9), 'after the ninth was acknowledged');
			await ack(9);
			assureRecords(await waiting(store), [], 'after the last was acknowledged');
		},
	},
	{
		name: 'forgets up to a record in the middle of a batch',
		run: async (trial) => {
			const store = await trial.open();
			await store.append(records(5));
			await store.append(records(5, 5));
			const found = await waiting(store);
			const { partition, cursor } = found[6] as Spilled;
			await store.ack(partition, cursor);
			assureRecords(await waiting(store), records(3, 7), 'after the second of the second batch was acknowledged');
		},
	},
	{
		name: 'is indifferent to an acknowledgement that is repeated',
		run: async (trial) => {
			const { store, ack } = await ten(trial);
			for (const _ of range(3)) await ack(4);
			await Promise.all(range(5).map(() => ack(4)));
			assureRecords(await waiting(store), records(5, 5), 'after the fifth was acknowledged eight times');
		},
	},
	{
		name: 'never moves back for a stale acknowledgement',
		run: async (trial) => {
			const { store, ack } = await ten(trial);
			await ack(6);
			await ack(2);
			assureRecords(await waiting(store), records(3, 7), 'after the third was acknowledged later than the seventh');
			await Promise.all([ack(8), ack(1), ack(7)]);
			assureRecords(await waiting(store), records(1, 9), 'after stale acknowledgements beside a new one');
		},
	},
	{
		name: 'gives no acknowledged record again to a reader with a stale cursor',
		run: async (trial) => {
			const { store, found, partition, ack } = await ten(trial);
			await ack(6);
			const after = found[2]?.cursor;
			const [next] = await store.read({ partition, after, maxRecords: 1 });
			assureRecords(next === undefined ? [] : [next], records(1, 7), 'a read after a cursor that was acknowledged');
		},
	},
	{
		name: 'keeps what is appended while it forgets',
		run: async (trial) => {
			const { store, ack } = await ten(trial);
			await Promise.all([
				...range(10).map((n) => ack(n)),
				...range(20).map((n) => store.append(records(2, 10 + 2 * n))),
			]);
			assureRecords(await waiting(store), records(40, 10), 'after appends beside acknowledgements');
		},
	},
	{
		name: 'is indifferent to a cursor from before everything was drained',
		run: async (trial) => {
			const { store, found, partition } = await ten(trial);
			await ackAll(store, found);
			await store.append(records(3, 10));
			await ackAll(store, found);
			assureRecords(await waiting(store), records(3, 10), 'after old cursors were acknowledged again');
			const after = found.at(-1)?.cursor;
			const next = await store.read({ partition, after, maxRecords: 1 });
			assureRecords(next, records(1, 10), 'a read after the last cursor from before');
		},
	},
];
