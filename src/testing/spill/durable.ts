import { outcomeOf } from '../settles.js';
import { assureIs, assureRecords } from './assert.js';
import type { Check } from './check.js';
import { ackAll, keysOf, ofKey, range, record, records, waiting } from './records.js';

export const durable: readonly Check[] = [
	{
		name: 'survives with every resolved record what its durability promises',
		when: ({ crash }) => crash !== undefined,
		run: async (trial) => {
			const { crash } = trial.settings;
			if (crash === undefined) return;
			const place = await trial.place();
			const before = await trial.open(place);
			await before.append(records(10, 10_000, { key: 'acked' }));
			await ackAll(before, await waiting(before));
			const kept = new Set<string>();
			const append = (n: number) => {
				const batch = range(5, 5 * n).map((id) => record(id, { key: `key-${n % 4}`, bytes: 300 }));
				return before.append(batch).then(() => {
					for (const { id } of batch) kept.add(id);
				});
			};
			await Promise.all(range(40).map(append));
			// These are under way when it crashes, and may end either way.
			const underWay = range(40, 40).map((n) => outcomeOf(append(n)));
			await trial.settles('subject.crash', crash(place));
			await Promise.all(underWay);
			await outcomeOf(before.close());
			const after = await trial.open(place);
			const found = await waiting(after);
			const ids = new Set(found.map(({ id }) => id));
			assureIs(
				[...kept].find((id) => !ids.has(id)),
				undefined,
				'an id that was resolved and is gone after the crash',
			);
			for (const key of keysOf(found)) {
				const mine = ofKey(found, key);
				const sorted = [...mine].sort((a, b) => a.enqueuedAtMs - b.enqueuedAtMs);
				assureRecords(mine, sorted, `the order of ${key} after the crash`);
			}
			await after.append(records(1, 20_000, { key: 'new' }));
			assureRecords(
				ofKey(await waiting(after), 'new'),
				records(1, 20_000, { key: 'new' }),
				'an append after the crash',
			);
		},
	},
];
