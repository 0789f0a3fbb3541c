import type { Cursor, Spilled, SpillRecord } from '../ports/spill.js';

/** What Redis takes for a record beside its bytes, measured on 7.0: see docs/spill-redis.md. */
export const OVERHEAD_BYTES = 64;

/** What id, key, times and headers of a record may take together, bytes of their JSON in UTF-8. */
export const TEXTS_MAX_BYTES = 16 * 1024;

/** A record as two fields of an entry. */
export interface Encoded {
	/** Everything but the payload. */
	readonly texts: Buffer;
	readonly payload: Buffer;
	/** What it counts towards the capacity. */
	readonly bytes: number;
}

export function encode({ id, key, payload, enqueuedAtMs, expiresAtMs, headers }: SpillRecord): Encoded {
	// JSON escapes what has no UTF-8, and leaves out what is undefined.
	const texts = Buffer.from(JSON.stringify([id, key, enqueuedAtMs, expiresAtMs ?? null, headers ?? null]));
	return {
		texts,
		// The same memory, seen as the type that the client sends as it is.
		payload: Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength),
		bytes: OVERHEAD_BYTES + texts.byteLength + payload.byteLength,
	};
}

/** An entry as `XRANGE` gives it: its id, and names and values in turn. */
export type Entry = readonly [id: Buffer, fields: readonly Buffer[] | null];

export const cursorOf = ([id]: Entry): Cursor => id.toString('latin1');

/** @returns `undefined` for an entry that this store has not written. */
export function decode(entry: Entry, partition: number): Spilled | undefined {
	const texts = field(entry, 't');
	const payload = field(entry, 'p');
	const told = texts && parsed(texts.toString());
	if (told === undefined || payload === undefined) return undefined;
	const [id, key, enqueuedAtMs, expiresAtMs, headers] = told;
	return {
		id,
		key,
		// A copy: the client cuts its replies out of large pieces, which a record at rest must not keep alive.
		payload: new Uint8Array(payload),
		enqueuedAtMs,
		...(expiresAtMs === null ? {} : { expiresAtMs }),
		...(headers === null ? {} : { headers }),
		partition,
		cursor: cursorOf(entry),
	};
}

/** When the record with these texts was enqueued, epoch ms; `null` when they are not ours. */
export const enqueuedAt = (texts: string): number | null => parsed(texts)?.[2] ?? null;

type Texts = readonly [
	id: string,
	key: string,
	enqueuedAtMs: number,
	expiresAtMs: number | null,
	headers: Readonly<Record<string, string>> | null,
];

function parsed(texts: string): Texts | undefined {
	let told: unknown;
	try {
		told = JSON.parse(texts);
	} catch {
		// Not JSON, so not ours: the caller counts it as damage.
		return undefined;
	}
	if (!Array.isArray(told)) return undefined;
	const [id, key, enqueuedAtMs] = told;
	const ours = typeof id === 'string' && typeof key === 'string' && typeof enqueuedAtMs === 'number';
	return ours ? (told as unknown as Texts) : undefined;
}

function field([, fields]: Entry, name: string): Buffer | undefined {
	for (let at = 0; fields && at + 1 < fields.length; at += 2)
		if (fields[at]?.toString('latin1') === name) return fields[at + 1];
	return undefined;
}
