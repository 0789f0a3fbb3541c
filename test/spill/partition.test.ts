import { describe, expect, it } from 'vitest';
import { partitionOf } from '../../src/spill/partition.js';

describe('the partition of a key', () => {
	it('never changes, since what waits was placed by it', () => {
		const keys = ['', 'BHP', 'CBA', 'A'.repeat(100), 'naïve', '日本', '😀', '\u0000'];
		expect(keys.map((key) => [partitionOf(key, 8), partitionOf(key, 64)])).toEqual([
			[5, 5],
			[5, 37],
			[3, 3],
			[1, 25],
			[4, 12],
			[4, 36],
			[0, 56],
			[7, 31],
		]);
	});

	it('is shared evenly by keys that differ in their last letters', () => {
		const counts = new Map<number, number>();
		for (let n = 0; n < 8_000; n++) {
			const partition = partitionOf(`symbol-${n}`, 8);
			counts.set(partition, (counts.get(partition) ?? 0) + 1);
		}
		expect(counts.size).toBe(8);
		for (const count of counts.values()) expect(Math.abs(count - 1_000)).toBeLessThan(150);
	});
});
