import { totalmem } from 'node:os';
import process from 'node:process';
import { getHeapStatistics } from 'node:v8';
import type { SignalSource } from '../ports/signal.js';
import { heapRatio } from './heap.js';

/**
 * The memory that can kill the process: the larger of the heap ratio (see `heapSignal`) and resident memory / the memory
 * the process may use (its control group's limit, else that of the machine), 0..1. Buffers count, wherever they come from.
 *
 * Resident memory is given back to the system late or never, so the reading may stay high after the load is gone.
 */
export function memorySignal(): SignalSource {
	return {
		read: () =>
			memoryRatio({
				heap: heapRatio(getHeapStatistics()),
				// Not process.memoryUsage(), which walks the heap's spaces as well.
				rssBytes: process.memoryUsage.rss(),
				constrainedBytes: process.constrainedMemory(),
				totalBytes: totalmem(),
			}),
	};
}

/** What the reading is made of. */
export interface Memory {
	readonly heap: number;
	readonly rssBytes: number;
	/** As Node tells it: absent or 0 when it does not know of a limit, up to 1.8e19 when there is none. */
	readonly constrainedBytes: number | undefined;
	readonly totalBytes: number;
}

export function memoryRatio({ heap, rssBytes, constrainedBytes, totalBytes }: Memory): number {
	return Math.max(heap, rssBytes / Math.min(constrainedBytes || Infinity, totalBytes));
}
