import { SpillError, type Spilled, type SpillRecord } from '../ports/spill.js';
import { partitionOf } from '../spill/partition.js';

/** A record as its columns take it. */
export interface Row {
	readonly partition: number;
	readonly id: string;
	readonly key: string;
	readonly payload: Uint8Array;
	readonly enqueuedAtMs: number;
	readonly expiresAtMs: number | null;
	readonly headers: string | null;
	/** What it counts for in `maxBytes`. */
	readonly bytes: number;
}

/** About what PostgreSQL adds to a row: its header, the numbers, the entry of the index. */
const OVERHEAD = 64;

/** What the largest payload leaves of `maxBytes` to the rest of its row: its id, key and headers have 256 bytes. */
export const RECORD_OVERHEAD = OVERHEAD + 256;

export function toRow(record: SpillRecord, partitions: number): Row {
	const id = toText(record.id);
	const key = toText(record.key);
	const headers = record.headers === undefined ? null : JSON.stringify(record.headers);
	return {
		partition: partitionOf(record.key, partitions),
		id,
		key,
		// A copy, since the caller's buffer may be used again before it is written.
		payload: Buffer.from(record.payload),
		enqueuedAtMs: record.enqueuedAtMs,
		expiresAtMs: record.expiresAtMs ?? null,
		headers,
		bytes: OVERHEAD + record.payload.byteLength + [id, key, headers ?? ''].join('').length,
	};
}

/** The values of {@link columns}, each column an array. */
export function toColumns(rows: readonly Row[]): unknown[] {
	return columns.map(({ of }) => rows.map(of));
}

export const columns: readonly { readonly name: string; readonly type: string; readonly of: (row: Row) => unknown }[] =
	[
		{ name: 'partition', type: 'smallint', of: ({ partition }) => partition },
		{ name: 'id', type: 'text', of: ({ id }) => id },
		{ name: 'key', type: 'text', of: ({ key }) => key },
		{ name: 'payload', type: 'bytea', of: ({ payload }) => payload },
		{ name: 'enqueued_at_ms', type: 'double precision', of: ({ enqueuedAtMs }) => enqueuedAtMs },
		{ name: 'expires_at_ms', type: 'double precision', of: ({ expiresAtMs }) => expiresAtMs },
		{ name: 'headers', type: 'text', of: ({ headers }) => headers },
		{ name: 'bytes', type: 'integer', of: ({ bytes }) => bytes },
	];

/** Numbers come as text: how `pg` gives back numeric types can be changed for the whole process. */
export function toSpilled(row: { readonly [column: string]: unknown }, partition: number): Spilled {
	const { seq, mark, id, key, payload, enqueued_at_ms, expires_at_ms, headers } = row;
	if (!(payload instanceof Uint8Array)) {
		throw new SpillError(`the postgres spill got a payload as ${typeof payload}: bytea must be parsed as bytes`, {
			code: 'SPILL_FORMAT',
		});
	}
	return {
		partition,
		cursor: `${seq}.${mark}`,
		id: fromText(String(id)),
		key: fromText(String(key)),
		payload: new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength),
		enqueuedAtMs: Number(enqueued_at_ms),
		...(expires_at_ms === null ? {} : { expiresAtMs: Number(expires_at_ms) }),
		...(headers === null ? {} : { headers: JSON.parse(String(headers)) }),
	};
}

/**
 * A text column holds any string but NUL and half a surrogate pair. Strings with these are stored as JSON, which begins
 * with a quote, and so are strings that begin with a quote; all others as they are, readable for people.
 */
function toText(text: string): string {
	return text.startsWith('"') || /\0|\p{Surrogate}/u.test(text) ? JSON.stringify(text) : text;
}

const fromText = (text: string): string => (text.startsWith('"') ? JSON.parse(text) : text);
