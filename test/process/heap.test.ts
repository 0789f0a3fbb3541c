import { getHeapStatistics } from 'node:v8';
import { describe, expect, it } from 'vitest';
import { heapRatio } from '../../src/process/heap.js';
import { heapSignal } from '../../src/process/index.js';
import { childTimeoutMs, inChild } from './child.js';

describe('heapSignal', () => {
	it('reads used / limit', () => {
		expect(heapRatio({ used_heap_size: 300, heap_size_limit: 400 })).toBe(0.75);
		const { used_heap_size, heap_size_limit } = getHeapStatistics();
		expect(heapSignal().read()).toBeCloseTo(used_heap_size / heap_size_limit, 1);
	});

	it('stays low in a healthy process whose reserved heap is well filled', { timeout: childTimeoutMs }, async () => {
		const { reading, ofReserved } = await inChild<{ reading: number; ofReserved: number }>(
			`
			import { heapSignal } from './src/process/index.ts';
			const keep = Array.from({ length: 500_000 }, (_, i) => ({ i }));
			const { heapUsed, heapTotal } = process.memoryUsage();
			const reading = heapSignal().read();
			console.log(JSON.stringify({ reading, ofReserved: heapUsed / heapTotal, kept: keep.length }));
			`,
			['--max-old-space-size=2000'],
		);
		expect(reading).toBeLessThan(0.1);
		expect(ofReserved, 'the ratio that is not used').toBeGreaterThan(4 * reading);
	});

	it('rises with what the heap holds', { timeout: childTimeoutMs }, async () => {
		const { before, after } = await inChild<{ before: number; after: number }>(
			`
			import { heapSignal } from './src/process/index.ts';
			const signal = heapSignal();
			const before = signal.read();
			// A list of doubles: 8 bytes each, 100 MB.
			const keep = new Array(12_500_000).fill(0.5);
			console.log(JSON.stringify({ before, after: signal.read(), kept: keep.length }));
			`,
			['--max-old-space-size=952', '--max-semi-space-size=16'],
		);
		expect(after - before).toBeGreaterThan(0.08);
		expect(after).toBeLessThan(1);
	});
});
