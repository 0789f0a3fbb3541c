import { describe, expect, it } from 'vitest';
import { Tally } from '../../src/handling/ledger.js';

describe('the ledger that counters are read from', () => {
	it('never goes back in what expired, superseded and duplicate records are counted as, also when they come back early', () => {
		const tally = new Tally();
		const seen = { outdated: 0, superseded: 0, duplicates: 0 };
		const look = () => {
			const { expired, superseded, duplicates } = tally.ledger;
			const now = { outdated: expired - superseded - duplicates, superseded, duplicates };
			for (const kind of ['outdated', 'superseded', 'duplicates'] as const)
				expect(now[kind], kind).toBeGreaterThanOrEqual(seen[kind]);
			Object.assign(seen, now);
		};
		const ended = { replayed: 0, outdated: 0, superseded: 0, duplicates: 0, deadLettered: 0 };
		for (let n = 0; n < 10; n++) tally.offer(1, 'spill');
		tally.appending(5);
		tally.appended(5, 5);
		tally.returned({ ...ended, outdated: 5 });
		look();
		// The store gives these back before it has confirmed their append.
		tally.appending(5);
		tally.returned({ ...ended, superseded: 3, duplicates: 2 });
		look();
		expect(tally.ledger).toMatchObject({ waiting: 0, expired: 5, superseded: 0, duplicates: 0 });
		tally.appended(5, 5);
		look();
		expect(tally.ledger).toMatchObject({ waiting: 0, inFlight: 0, expired: 10, superseded: 3, duplicates: 2 });
		expect(seen.outdated).toBe(5);
	});
});
