import { verify } from '../core/errors.js';
import {
	type Damage,
	SpillError,
	type Spilled,
	SpillFullError,
	type SpillRecord,
	type SpillStore,
} from '../ports/spill.js';
import { refuseNoBytes } from './payload.js';

const UNDAMAGED: Damage = Object.freeze({
	truncatedBytes: 0,
	corruptRecords: 0,
	missingRecords: 0,
	quarantined: Object.freeze([]),
});

const GONE: Spilled = { id: '', key: '', payload: new Uint8Array(), enqueuedAtMs: 0, partition: 0, cursor: '' };

/** Bytes that a record takes beside its payload and texts: measured on Node 20, where it is mostly its Uint8Array. */
const OVERHEAD = 640;

/** Bytes that the largest record leaves to its id, key and headers. */
const TEXTS = 256;

/**
 * A spill store in memory, for tests and for services that may lose what they spilled when the process ends.
 *
 * A resolved append survives nothing but an exception: `durability: 'process'`. It fills the heap it is meant to relieve,
 * so it is bounded.
 *
 * @param options.maxBytes  default 64 MiB, above 896: payloads, ids, keys and headers, and 640 bytes for each record.
 *   The largest payload is 896 bytes smaller, so that the record which carries it fits into an empty store.
 */
export function memorySpill({
	maxBytes = 64 * 1024 * 1024,
}: {
	readonly maxBytes?: number | undefined;
} = {}): SpillStore {
	verify('memorySpill', (must) =>
		must(
			typeof maxBytes === 'number' && maxBytes > OVERHEAD + TEXTS,
			'maxBytes',
			maxBytes,
			`a number above ${OVERHEAD + TEXTS}`,
		),
	);
	const maxRecordBytes = Math.floor(maxBytes) - OVERHEAD - TEXTS;
	// Acknowledged records are cut off the front in batches: shifting one by one would copy the rest each time.
	let records: Spilled[] = [];
	let acked = 0;
	let next = 0;
	let bytes = 0;
	let closed = false;
	const usable = () => {
		if (closed) throw new SpillError('the memory spill is closed', { code: 'SPILL_CLOSED' });
	};
	const refuseTooLarge = (record: SpillRecord) => {
		const { byteLength } = record.payload;
		const size = sizeOf(record);
		if (byteLength <= maxRecordBytes && size <= maxBytes) return;
		throw new SpillError(
			`a payload of ${byteLength} bytes, ${size} with its texts, is too large: the memory spill keeps ${maxRecordBytes}, ${maxBytes} with its texts`,
			{ code: 'SPILL_RECORD_TOO_LARGE' },
		);
	};
	return {
		capabilities: {
			durability: 'process',
			partitions: 1,
			maxRecordBytes,
			dedupesById: false,
		},
		async open({ signal } = {}) {
			signal?.throwIfAborted();
			closed = false;
			return UNDAMAGED;
		},
		async append(batch, { signal } = {}) {
			usable();
			signal?.throwIfAborted();
			batch.forEach(refuseNoBytes);
			batch.forEach(refuseTooLarge);
			const size = batch.reduce((sum, record) => sum + sizeOf(record), 0);
			if (bytes + size > maxBytes) {
				throw new SpillFullError(
					`the memory spill is full: ${bytes} of ${maxBytes} bytes are taken and the batch needs ${size}`,
				);
			}
			bytes += size;
			for (const record of batch) {
				records.push({ ...record, payload: record.payload.slice(), partition: 0, cursor: String(next++) });
			}
		},
		async read({ after, maxRecords, maxBytes: most = Number.POSITIVE_INFINITY, signal }) {
			usable();
			signal?.throwIfAborted();
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
				// Its place stays for a while, but not what it held.
				records[acked] = GONE;
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

/** What a record takes, bytes. An id or key that is no string at run time must not make the sum NaN: nothing would be full. */
function sizeOf({ id, key, payload, headers = {} }: SpillRecord): number {
	const texts = [id, key, ...Object.entries(headers).flat()];
	return OVERHEAD + payload.byteLength + 2 * texts.reduce((sum, text) => sum + String(text).length, 0);
}
