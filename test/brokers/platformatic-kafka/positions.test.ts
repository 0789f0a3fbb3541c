import { describe, expect, it } from 'vitest';
import { positions } from '../../../src/platformatic-kafka/positions.js';
import { fc } from '../../support/property.js';

describe('the positions of a consumer', () => {
	it('may be committed up to the first message that is not settled, and no further, in whatever order they are settled', () => {
		fc.assert(
			fc.property(fc.uniqueArray(fc.nat(30), { minLength: 1 }), fc.infiniteStream(fc.nat(99)), (numbers, picks) => {
				// Offsets have holes where the broker keeps its own records.
				const offsets = numbers.toSorted((a, b) => a - b).map(BigInt);
				const place = positions();
				for (const offset of offsets) expect(place.take('t:0', offset)).toBe(true);
				const open = [...offsets];
				while (open.length > 0) {
					const [offset] = open.splice((picks.next().value as number) % open.length, 1) as [bigint];
					place.settle('t:0', offset);
					expect(place.due().get('t:0')).toBe(open[0] ?? (offsets.at(-1) as bigint) + 1n);
				}
			}),
		);
	});

	it('are due at the beginning of a partition, and then only when there is something new', () => {
		const place = positions();
		place.take('t:0', 7n);
		expect([...place.due()]).toEqual([['t:0', 7n]]);
		place.committed(place.due());
		expect([...place.due()]).toEqual([]);
		place.settle('t:0', 7n);
		expect([...place.due()]).toEqual([['t:0', 8n]]);
		place.committed(place.due());
		expect([...place.due()]).toEqual([]);
	});

	it('take nothing twice, until the partition was lost in between', () => {
		const place = positions();
		expect([1n, 2n, 1n, 2n, 3n].map((offset) => place.take('t:0', offset))).toEqual([true, true, false, false, true]);
		place.take('t:1', 5n);
		place.keep((id) => id === 't:1');
		expect([place.take('t:0', 1n), place.take('t:1', 5n)]).toEqual([true, false]);
		place.settle('t:2', 1n);
		expect([...place.due().keys()].sort()).toEqual(['t:0', 't:1']);
	});
});
