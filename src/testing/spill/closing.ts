import type { Spilled } from '../../ports/spill.js';
import { outcomeOf } from '../settles.js';
import { assureIs, assureRecords, assureRefused, rejectionOf } from './assert.js';
import { type Check, persistent } from './check.js';
import { ackAll, keysOf, ofKey, range, record, records, waiting } from './records.js';
import type { SpillPlace } from './subject.js';
import type { Trial } from './trial.js';

/** Closes a store with everything under way. @returns the ids of the appends that resolved. */
async function closeAmidst(trial: Trial, place: SpillPlace): Promise<readonly string[]> {
	const store = await trial.open(place);
	await store.append(records(5, 10_000, { key: 'old' }));
	const [old] = (await waiting(store)) as [Spilled];
	const kept: string[] = [];
	const appends = range(40).map((n) => {
		const batch = [record(2 * n, { key: `key-${n % 5}` }), record(2 * n + 1, { key: `key-${n % 5}` })];
		return store.append(batch).then(() => void kept.push(...batch.map(({ id }) => id)));
	});
	const others = [
		store.read({ partition: old.partition, maxRecords: 1_000 }),
		store.stats(),
		store.ack(old.partition, old.cursor),
		waiting(store),
	];
	await Promise.all([...[...appends, ...others].map(outcomeOf), store.close()]);
	return kept;
}

export const closing: readonly Check[] = [
	{
		name: 'refuses everything once it is closed, with SPILL_CLOSED',
		run: async (trial) => {
			const store = await trial.open();
			await store.append(records(1));
			const [{ partition, cursor }] = (await waiting(store)) as [Spilled];
			await store.close();
			await assureRefused(store.append(records(1, 1)), 'append after close', 'SPILL_CLOSED');
			await assureRefused(store.append([]), 'append of nothing after close', 'SPILL_CLOSED');
			await assureRefused(store.read({ partition, maxRecords: 1 }), 'read after close', 'SPILL_CLOSED');
			await assureRefused(store.ack(partition, cursor), 'ack after close', 'SPILL_CLOSED');
			// Metrics may be scraped after the end: the last figures are an answer, too.
			const error = await outcomeOf(store.stats());
			if (error !== undefined) await assureRefused(Promise.reject(error), 'stats after close', 'SPILL_CLOSED');
		},
	},
	{
		name: 'closes as often as it is told to, also all at once and before it was opened',
		run: async (trial) => {
			const store = await trial.open();
			await store.append(records(1));
			await Promise.all([store.close(), store.close()]);
			await store.close();
			const unopened = await trial.instance(await trial.place());
			await unopened.close();
			await unopened.close();
		},
	},
	{
		name: 'settles an open that is under way when it is closed',
		run: async (trial) => {
			const store = await trial.instance(await trial.place());
			await Promise.all([outcomeOf(store.open()), store.close()]);
			await store.close();
		},
	},
	{
		name: 'settles everything that is under way when it is closed',
		run: async (trial) => void (await closeAmidst(trial, await trial.place())),
	},
	{
		name: 'holds what it resolved, in order, when it was closed amidst appends',
		when: persistent,
		run: async (trial) => {
			const place = await trial.place();
			const kept = await closeAmidst(trial, place);
			const store = await trial.open(place);
			const found = await waiting(store);
			const ids = new Set(found.map(({ id }) => id));
			assureIs(ids.size, found.length, 'the number of different ids among the records that came back');
			assureIs(
				kept.find((id) => !ids.has(id)),
				undefined,
				'an id that was resolved and is gone',
			);
			for (const key of keysOf(found)) {
				const mine = ofKey(found, key);
				const sorted = [...mine].sort((a, b) => a.enqueuedAtMs - b.enqueuedAtMs);
				assureRecords(mine, sorted, `the order of ${key}`);
			}
			await ackAll(store, found);
		},
	},
	{
		name: 'refuses an append that was begun after it was closed, at once',
		run: async (trial) => {
			const store = await trial.open();
			await Promise.all([store.close(), rejectionOf(store.append(records(1)), 'an append begun while it closes')]);
		},
	},
];
