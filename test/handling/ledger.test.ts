import { describe, expect, it } from 'vitest';
import { Tally } from '../../src/handling/ledger.js';

describe('what costs are learned from', () => {
	it.each(['full', 'lean'] as const)(
		'R7: a message (%s) counts in the window in which it is finished, not in the one in which it was offered',
		(treatment) => {
			const tally = new Tally();
			const window = () => tally.take(2).done[treatment];
			for (let n = 0; n < 3; n++) tally.offer(1, treatment);
			tally.leave('processed');
			expect(window()).toBe(1);
			tally.offer(1, treatment);
			for (let n = 0; n < 3; n++) tally.leave('processed');
			expect(window()).toBe(3);
			expect(window()).toBe(0);
			// Most of them are of this kind, as far as can be told.
			for (let n = 0; n < 2; n++) tally.offer(1, treatment);
			expect(window()).toBe(0);
			tally.offer(1, treatment);
			for (let n = 0; n < 3; n++) tally.leave('failed');
			expect(window()).toBe(3);
		},
	);
});
