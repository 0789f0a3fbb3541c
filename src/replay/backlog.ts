import type { Clock } from '../ports/clock.js';
import { SpillError, type SpillStore } from '../ports/spill.js';
import { within } from '../ports/time.js';
import { Fence } from './fence.js';

const READ_MAX = 1_000;
const READ_BYTES_MAX = 4 * 1024 * 1024;
const READ_TIMEOUT_MS = 10_000;

/** Counts what an open store holds into a fence, without acknowledging anything. Nothing may be appended meanwhile. */
export async function countBacklog(store: SpillStore, fence: Fence, clock: Clock): Promise<void> {
	const found = new Fence();
	for (let partition = 0; partition < store.capabilities.partitions; partition++) {
		for (let after: string | undefined; ; ) {
			const read = store.read({ partition, after, maxRecords: READ_MAX, maxBytes: READ_BYTES_MAX });
			const records = await within(clock, READ_TIMEOUT_MS, 'spill.read', read);
			for (const { key } of records) found.add(key);
			const last = records.at(-1)?.cursor;
			if (last === undefined) break;
			if (last === after) {
				const what = `the spill store gives back the same records of partition ${partition} again and again`;
				throw new SpillError(what, { code: 'SPILL_READ' });
			}
			after = last;
		}
	}
	// Messages that wait for this are in the fence already.
	fence.addAll(found);
	fence.counting = false;
}
