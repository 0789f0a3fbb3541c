import type { Spilled, SpillRecord, SpillStore } from '../../ports/spill.js';
import { assure } from './assert.js';

/** Whole numbers from `from` on. */
export const range = (length: number, from = 0): readonly number[] => Array.from({ length }, (_, n) => n + from);

/** When the first record of a case was enqueued, epoch ms. The n-th follows n ms later, so that the oldest is known. */
const STARTED_MS = 1_700_000_000_000;

/** The n-th record of a case, different from every other. */
export function record(n: number, { key = 'key', bytes = 16 }: { key?: string; bytes?: number } = {}): SpillRecord {
	return {
		id: `id-${n}`,
		key,
		payload: Uint8Array.from({ length: bytes }, (_, at) => (n + at * 7) % 256),
		enqueuedAtMs: STARTED_MS + n,
	};
}

/** Consecutive records of one key. */
export const records = (
	length: number,
	from = 0,
	shape: { key?: string; bytes?: number } = {},
): readonly SpillRecord[] => range(length, from).map((n) => record(n, shape));

/** Everything that waits, partition after partition, read in small pieces. */
export async function waiting(store: SpillStore): Promise<readonly Spilled[]> {
	const found: Spilled[] = [];
	for (const partition of range(store.capabilities.partitions)) {
		for (let piece = await next(store, partition, undefined); piece.length > 0; ) {
			found.push(...piece);
			piece = await next(store, partition, piece.at(-1)?.cursor);
			// A store whose cursor does not move would be read for ever.
			assure(found.length < 1_000_000, 'reading after the last cursor goes on without an end');
		}
	}
	return found;
}

async function next(store: SpillStore, partition: number, after: string | undefined): Promise<readonly Spilled[]> {
	const found = await store.read({ partition, after, maxRecords: 100 });
	const moved = found.every(({ cursor }) => cursor !== after);
	assure(moved, 'a read after a cursor gave the record of that cursor again');
	return found;
}

/** Acknowledges everything that these records cover. */
export async function ackAll(store: SpillStore, read: readonly Spilled[]): Promise<void> {
	const last = new Map(read.map(({ partition, cursor }) => [partition, cursor]));
	await Promise.all([...last].map(([partition, cursor]) => store.ack(partition, cursor)));
}

/** The records of a key, in their order. */
export const ofKey = <R extends SpillRecord>(found: readonly R[], key: string): readonly R[] =>
	found.filter((one) => one.key === key);

/** The keys of these records, each once. */
export const keysOf = (found: readonly SpillRecord[]): readonly string[] => [...new Set(found.map(({ key }) => key))];
