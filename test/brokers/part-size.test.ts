import { describe, expect, it } from 'vitest';
import { partSize } from '../../src/brokers/part-size.js';

describe('how many messages are decided on at once', () => {
	it('grows to the most while they take no time, and shrinks to one while each takes long', () => {
		const size = partSize(1_000);
		const sizes = (ms: number) =>
			Array.from({ length: 12 }, () => {
				size.took(ms, size.next);
				return size.next;
			});
		expect(sizes(1)).toEqual([128, 256, 512, ...Array(9).fill(1_000)]);
		expect(sizes(10)).toEqual(Array(12).fill(1_000));
		expect(sizes(50)).toEqual([500, 250, 125, 62, 31, 15, 7, 3, 1, 1, 1, 1]);
	});

	it('does not grow for a part that was short because the batch was', () => {
		const size = partSize(1_000);
		size.took(0, 3);
		expect(size.next).toBe(64);
		expect(partSize(1).next).toBe(1);
	});
});
