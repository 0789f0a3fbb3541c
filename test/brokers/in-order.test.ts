import { describe, expect, it } from 'vitest';
import { inOrder } from '../../src/brokers/in-order.js';
import { fc } from '../support/property.js';

describe('a batch that is settled in any order', () => {
	it('is settled up to the first message that is not', () => {
		const order = fc.property(fc.array(fc.nat(30)), (settled) => {
			const told: number[] = [];
			const settle = inOrder((at) => told.push(at));
			const done = new Set<number>();
			for (const at of settled) {
				if (done.has(at)) continue;
				done.add(at);
				settle(at);
				let beginning = 0;
				while (done.has(beginning)) beginning++;
				expect(told.at(-1) ?? -1).toBe(beginning - 1);
			}
			expect(told).toEqual([...new Set(told)].toSorted((a, b) => a - b));
		});
		fc.assert(order);
	});
});
