import { getHeapStatistics, type HeapInfo } from 'node:v8';
import type { SignalSource } from '../ports/signal.js';

/**
 * The JavaScript heap: used / limit, 0..1, of this thread. Garbage that is not collected yet counts.
 *
 * Buffers live outside of the heap; for those see `memorySignal`. A process with a heap limit below 1 GB runs out of memory
 * before the ratio comes near 1, because the limit includes the space for young objects: docs/signals.md has the figures.
 */
export function heapSignal(): SignalSource {
	return { read: () => heapRatio(getHeapStatistics()) };
}

type Heap = Pick<HeapInfo, 'used_heap_size' | 'heap_size_limit'>;

// Never heapUsed / heapTotal: the total is what is reserved at the moment and grows with the use, so that the ratio is high
// in every healthy process.
export function heapRatio({ used_heap_size, heap_size_limit }: Heap): number {
	return used_heap_size / heap_size_limit;
}
