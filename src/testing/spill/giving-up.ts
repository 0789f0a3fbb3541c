import type { Spilled } from '../../ports/spill.js';
import { outcomeOf } from '../settles.js';
import { assure, assureIs, assureRecords, rejectionOf } from './assert.js';
import type { Check } from './check.js';
import { assureFigures } from './figures.js';
import { keysOf, ofKey, records, waiting } from './records.js';

/** How long after the call it is given up: at once, and after a few turns of the promises and of the event loop. */
const MOMENTS: readonly (() => Promise<void>)[] = [
	async () => {},
	() => Promise.resolve().then(() => {}),
	...[0, 1, 2, 5].map((ms) => () => new Promise<void>((resolve) => setTimeout(resolve, ms))),
];

const TOO_LATE = 'the caller gave up';

export const givingUp: readonly Check[] = [
	{
		name: 'rejects an append that was given up before, and keeps nothing of it',
		run: async (trial) => {
			const store = await trial.open();
			await store.append(records(1));
			const signal = AbortSignal.abort(new Error(TOO_LATE));
			await rejectionOf(store.append(records(2, 1), { signal }), 'an append with a signal that was aborted before');
			await store.append(records(1, 3));
			assureRecords(await waiting(store), [...records(1), ...records(1, 3)], 'around an append that was given up');
			await assureFigures(store, 'after an append that was given up');
		},
	},
	{
		name: 'rejects a read that was given up before, and reads on',
		run: async (trial) => {
			const store = await trial.open();
			await store.append(records(2));
			const signal = AbortSignal.abort(new Error(TOO_LATE));
			await rejectionOf(store.read({ partition: 0, maxRecords: 1, signal }), 'a read with a signal aborted before');
			assureRecords(await waiting(store), records(2), 'after a read that was given up');
		},
	},
	{
		name: 'rejects an open that was given up before, and opens afterwards',
		run: async (trial) => {
			const store = await trial.instance(await trial.place());
			const signal = AbortSignal.abort(new Error(TOO_LATE));
			await rejectionOf(store.open({ signal }), 'an open with a signal that was aborted before');
			await store.open();
			await store.append(records(1));
			assureRecords(await waiting(store), records(1), 'after an open that was given up');
		},
	},
	{
		name: 'settles an append that is given up under way, and knows what it kept of it',
		run: async (trial) => {
			const store = await trial.open();
			const kept: string[] = [];
			for (const [n, moment] of [...MOMENTS, ...MOMENTS].entries()) {
				const abort = new AbortController();
				const batch = records(50, n * 100 + 1, { key: `key-${n}`, bytes: 2_000 });
				const before = store.append(records(1, n * 100, { key: 'before' }));
				const append = store.append(batch, { signal: abort.signal });
				const work = outcomeOf(append.then(() => void kept.push(`key-${n}`)));
				const after = store.append(records(1, n * 100 + 51, { key: 'after' }));
				await moment();
				abort.abort(new Error(TOO_LATE));
				await Promise.all([before, work, after]);
			}
			const found = await waiting(store);
			for (const key of keysOf(found)) {
				const ids = ofKey(found, key).map(({ id }) => Number(id.slice(3)));
				assure(
					ids.every((id, at) => at === 0 || id > (ids[at - 1] as number)),
					`${key} has come back out of order or twice: ${ids.join(', ')}`,
				);
			}
			for (const key of kept) assureIs(ofKey(found, key).length, 50, `the number of records of ${key}, which resolved`);
			for (const key of ['before', 'after'])
				assureIs(
					ofKey(found, key).length,
					2 * MOMENTS.length,
					`the number of records appended ${key} the given up ones`,
				);
			await assureFigures(store, 'after appends that were given up under way');
		},
	},
	{
		name: 'settles a read that is given up under way, and reads on',
		run: async (trial) => {
			const store = await trial.open();
			await store.append(records(500, 0, { bytes: 1_000 }));
			const [{ partition }] = (await waiting(store)) as [Spilled];
			for (const moment of MOMENTS) {
				const abort = new AbortController();
				const { signal } = abort;
				let found: readonly Spilled[] = [];
				const read = store.read({ partition, maxRecords: 500, signal });
				const work = outcomeOf(
					read.then((records) => {
						found = records;
					}),
				);
				await moment();
				abort.abort(new Error(TOO_LATE));
				await work;
				assureRecords(found, records(found.length, 0, { bytes: 1_000 }), 'a read that won against giving up');
			}
			assureIs((await waiting(store)).length, 500, 'the number of records after reads that were given up');
		},
	},
];
