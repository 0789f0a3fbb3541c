import { verify } from '../core/errors.js';
import {
	type Damage,
	SpillError,
	type Spilled,
	SpillFullError,
	type SpillRecord,
	type SpillStore,
} from '../ports/spill.js';

const UNDAMAGED: Damage = Object.freeze({
	truncatedBytes: 0,
	corruptRecords: 0,
	missingRecords: 0,
	quarantined: Object.freeze([]),
});

/** Bytes that a record takes beside its payload, key and id: measured on Node 20, where it is mostly its Uint8Array. */
const OVERHEAD = 640;

/**
 * A spill store in memory, for tests and for services that may lose what they spilled when the process ends.
 *
 * A resolved append survives nothing but an exception: `durability: 'process'`. It fills the heap it is meant to relieve,
 * so it is bounded.
 *
 * @param options.maxBytes  default 64 MiB, counting keys, ids and payloads. One record always fits into an empty store.
 */
export function memorySpill({
	maxBytes = 64 * 1024 * 1024,
}: {
	readonly maxBytes?: number | undefined;
} = {}): SpillStore {
	verify('memorySpill', (must) =>
		must(maxBytes > 0 && typeof maxBytes === 'number', 'maxBytes', maxBytes, 'a number above 0'),
	);
	// Acknowledged records are cut off the front in batches: shifting one by one would copy the rest each time.
	let records: Spilled[] = [];
	let acked = 0;
	let next = 0;
	let bytes = 0;
	let closed = false;
	const usable = () => {
		if (closed) throw new SpillError('the memory spill is closed', { code: 'SPILL_CLOSED' });
	};
	const sizeOf = (record: SpillRecord) =>
		OVERHEAD + record.payload.byteLength + 2 * (String(record.id).length + String(record.key).length);
	return {
		capabilities: {
			durability: 'process',
			partitions: 1,
			maxRecordBytes: maxBytes,
			dedupesById: false,
		},
		async open() {
			closed = false;
			return UNDAMAGED;
		},
		async append(batch, { signal } = {}) {
			usable();
			signal?.throwIfAborted();
			const size = batch.reduce((sum, record) => sum + sizeOf(record), 0);
			const alone = bytes === 0 && batch.length === 1;
			if (bytes + size > maxBytes && !alone) {
				throw new SpillFullError(
					`the memory spill is full: ${bytes} of ${maxBytes} bytes are taken and the batch needs ${size}`,
				);
			}
			bytes += size;
			for (const record of batch) {
				records.push({ ...record, payload: record.payload.slice(), partition: 0, cursor: String(next++) });
			}
		},
		async read({ after, maxRecords, maxBytes: most = Number.POSITIVE_INFINITY }) {
			usable();
			const first = Number(records[acked]?.cursor ?? next);
			const from = acked + Math.max(0, after === undefined ? 0 : Number(after) + 1 - first);
			const found: Spilled[] = [];
			let size = 0;
			for (const record of records.slice(from, from + maxRecords)) {
				size += sizeOf(record);
				if (found.length > 0 && size > most) break;
				found.push({ ...record, payload: record.payload.slice() });
			}
			return found;
		},
		async ack(_partition, upTo) {
			usable();
			while (acked < records.length && Number(records[acked]?.cursor) <= Number(upTo)) {
				bytes -= sizeOf(records[acked] as Spilled);
				acked++;
			}
			if (acked > 1_000 && acked * 2 > records.length) {
				records = records.slice(acked);
				acked = 0;
			}
		},
		async stats() {
			return {
				records: records.length - acked,
				bytes,
				capacityBytes: maxBytes,
				oldestEnqueuedAtMs: records[acked]?.enqueuedAtMs ?? null,
				damage: UNDAMAGED,
			};
		},
		async close() {
			closed = true;
		},
	};
}
