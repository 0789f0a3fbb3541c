import { describe, expect, it, vi } from 'vitest';
import { memorySignal } from '../../src/process/index.js';
import { memoryRatio } from '../../src/process/memory.js';
import { childTimeoutMs, inChild } from './child.js';

const gigabyte = 2 ** 30;

describe('memorySignal', () => {
	it('reads the larger of heap ratio and resident memory / limit', () => {
		const memory = { rssBytes: gigabyte, constrainedBytes: 2 * gigabyte, totalBytes: 64 * gigabyte };
		expect(memoryRatio({ ...memory, heap: 0.2 })).toBe(0.5);
		expect(memoryRatio({ ...memory, heap: 0.7 })).toBe(0.7);
	});

	it.each([
		['unknown', undefined],
		['absent, told as 0', 0],
		['absent, told as the largest number of a control group of version 2', 2 ** 64],
		['absent, told as the largest number of a control group of version 1', 2 ** 63 - 4096],
		['larger than the machine', 16 * gigabyte],
	])('takes the memory of the machine where the limit is %s', (_, constrainedBytes) => {
		expect(memoryRatio({ heap: 0, rssBytes: gigabyte, constrainedBytes, totalBytes: 4 * gigabyte })).toBe(0.25);
	});

	it('reads a ratio of this process', () => {
		const reading = memorySignal().read();
		expect(reading).toBeGreaterThan(0);
		expect(reading).toBeLessThan(1);
	});

	it('does not call process.memoryUsage, which costs many times what the resident size does', () => {
		const costly = vi.fn();
		const { rss } = process.memoryUsage;
		const usage = vi.spyOn(process, 'memoryUsage').mockImplementation(costly);
		// The spy replaces the function that `rss` hangs on.
		Object.assign(process.memoryUsage, { rss });
		try {
			expect(memorySignal().read()).toBeGreaterThan(0);
			expect(costly).not.toHaveBeenCalled();
		} finally {
			usage.mockRestore();
		}
	});

	it('sees a Buffer that the heap ratio does not', { timeout: childTimeoutMs }, async () => {
		const { heap, memory } = await inChild<{ heap: number; memory: number }>(`
			import { getHeapStatistics } from 'node:v8';
			import { heapRatio } from './src/process/heap.ts';
			import { memoryRatio } from './src/process/memory.ts';

			const gigabyte = 2 ** 30;
			const measure = () => {
				const heap = heapRatio(getHeapStatistics());
				const rssBytes = process.memoryUsage.rss();
				return { heap, memory: memoryRatio({ heap, rssBytes, constrainedBytes: gigabyte, totalBytes: 64 * gigabyte }) };
			};
			const before = measure();
			const payload = Buffer.alloc(gigabyte / 4, 1);
			const after = measure();
			console.log(JSON.stringify({ heap: after.heap - before.heap, memory: after.memory - before.memory, kept: payload.length }));
		`);
		expect(heap).toBeLessThan(0.01);
		expect(memory).toBeGreaterThan(0.2);
	});
});
