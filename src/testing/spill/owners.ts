import { assureIs, assureRecords, assureRefused } from './assert.js';
import { type Check, persistent } from './check.js';
import { ofKey, range, record, records, waiting } from './records.js';
import type { Settings } from './subject.js';

const exclusive = (settings: Settings): boolean => persistent(settings) && !settings.severalOwners;

export const owners: readonly Check[] = [
	{
		name: 'refuses a second owner with a SpillError, and the first one works on',
		when: exclusive,
		run: async (trial) => {
			const place = await trial.place();
			const first = await trial.open(place);
			await first.append(records(2));
			const second = await trial.instance(place);
			await assureRefused(second.open(), 'the open of a second owner');
			await second.close();
			await first.append(records(2, 2));
			assureRecords(await waiting(first), records(4), 'what the first owner holds');
			await first.close();
			const next = await trial.open(place);
			assureRecords(await waiting(next), records(4), 'what its successor holds');
		},
	},
	{
		name: 'lets exactly one of several win that open at the same time',
		when: exclusive,
		run: async (trial) => {
			const place = await trial.place();
			const rivals = await Promise.all(range(4).map(() => trial.instance(place)));
			const outcomes = await Promise.allSettled(rivals.map((store) => store.open()));
			const winners = rivals.filter((_, n) => outcomes[n]?.status === 'fulfilled');
			assureIs(winners.length, 1, 'the number of owners after four opened at once');
			for (const outcome of outcomes)
				if (outcome.status === 'rejected') await assureRefused(Promise.reject(outcome.reason), 'the open of a rival');
			// The losers give up, which must not cost the winner its place.
			await Promise.all(rivals.filter((store) => !winners.includes(store)).map((store) => store.close()));
			for (const winner of winners) {
				await winner.append(records(3));
				assureRecords(await waiting(winner), records(3), 'what the winner holds');
			}
		},
	},
	{
		name: 'keeps the records of several owners, in the order of each',
		when: ({ severalOwners }) => severalOwners,
		run: async (trial) => {
			const place = await trial.place();
			const both = [await trial.open(place), await trial.open(place)];
			const given = both.map((_, owner) => range(100, owner * 1_000).map((n) => record(n, { key: `owner-${owner}` })));
			await Promise.all(
				both.flatMap((store, owner) =>
					range(10).map((n) => store.append(given[owner]?.slice(n * 10, n * 10 + 10) ?? [])),
				),
			);
			for (const store of both) {
				const found = await waiting(store);
				assureIs(found.length, 200, 'the number of records that two owners appended');
				given.forEach((mine, owner) => {
					assureRecords(ofKey(found, `owner-${owner}`), mine, `the records of owner ${owner}`);
				});
			}
		},
	},
];
