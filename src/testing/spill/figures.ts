import type { SpillStore } from '../../ports/spill.js';
import { assure, assureIs } from './assert.js';
import type { Check } from './check.js';
import { ackAll, records, waiting } from './records.js';

/** The figures of a store agree with what it gives back; those it cannot tell are null. */
export async function assureFigures(store: SpillStore, when: string): Promise<void> {
	const found = await waiting(store);
	const { records: count, bytes, capacityBytes, oldestEnqueuedAtMs, damage } = await store.stats();
	if (count !== null) assureIs(count, found.length, `stats().records ${when}`);
	for (const [name, figure] of [['bytes', bytes] as const, ['capacityBytes', capacityBytes] as const])
		assure(figure === null || (Number.isFinite(figure) && figure >= 0), `stats().${name} is ${figure} ${when}`);
	if (bytes !== null && found.length > 0) assure(bytes > 0, `stats().bytes is ${bytes} ${when}, though records wait`);
	if (bytes !== null && capacityBytes !== null)
		assure(bytes <= capacityBytes, `stats().bytes is ${bytes} ${when}, above the capacity of ${capacityBytes}`);
	const oldest = found.reduce((least, { enqueuedAtMs }) => Math.min(least, enqueuedAtMs), Number.POSITIVE_INFINITY);
	if (oldestEnqueuedAtMs !== null) {
		assure(found.length > 0, `stats().oldestEnqueuedAtMs is ${oldestEnqueuedAtMs} ${when}, though nothing waits`);
		assureIs(oldestEnqueuedAtMs, oldest, `stats().oldestEnqueuedAtMs ${when}`);
	}
	const { truncatedBytes, corruptRecords, missingRecords, quarantined } = damage;
	for (const figure of [truncatedBytes, corruptRecords, missingRecords, quarantined.length])
		assureIs(figure, 0, `a figure of the damage ${when}, where nothing was damaged`);
}

export const figures: readonly Check[] = [
	{
		name: 'declares capabilities that make sense, and the durability that was announced',
		run: async (trial) => {
			const { capabilities } = await trial.open();
			const { durability, partitions, maxRecordBytes, dedupesById } = capabilities;
			assureIs(durability, trial.settings.durability, 'capabilities.durability');
			assure(Number.isInteger(partitions) && partitions >= 1, `capabilities.partitions is ${partitions}`);
			assure(maxRecordBytes >= 1, `capabilities.maxRecordBytes is ${maxRecordBytes}`);
			assureIs(typeof dedupesById, 'boolean', 'the type of capabilities.dedupesById');
		},
	},
	{
		name: 'reports no damage where there is none',
		run: async (trial) => {
			const store = await trial.instance(await trial.place());
			const { truncatedBytes, corruptRecords, missingRecords, quarantined } = await store.open();
			for (const figure of [truncatedBytes, corruptRecords, missingRecords, quarantined.length])
				assureIs(figure, 0, 'a figure of the damage of an empty store');
		},
	},
	{
		name: 'has figures that agree with what it holds',
		run: async (trial) => {
			const store = await trial.open();
			await assureFigures(store, 'of an empty store');
			await store.append(records(30, 0, { bytes: 500 }));
			await store.append(records(1, 30, { key: 'another' }));
			await assureFigures(store, 'after two appends');
			const found = await waiting(store);
			await ackAll(store, found.slice(0, 10));
			await assureFigures(store, 'after an acknowledgement');
			await ackAll(store, found);
			await assureFigures(store, 'after everything was acknowledged');
			await store.append(records(1, 31));
			await assureFigures(store, 'after the next append');
		},
	},
];
