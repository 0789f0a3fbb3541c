import { crc32 } from 'node:zlib';
import { SpillError, type Spilled, type SpillRecord } from '../ports/spill.js';
import { refuseNoBytes } from '../spill/payload.js';

/**
 * A record in a segment, little-endian:
 *
 * | at | bytes | |
 * |---|---|---|
 * | 0 | 4 | the segment's mark |
 * | 4 | 4 | CRC-32 of everything from byte 8, seeded with the mark |
 * | 8 | 4 | length of the whole record |
 * | 12 | 6 | sequence number |
 * | 18 | 2 | flags |
 * | 20 | 4 | how many records of the same write come before it: those before that write were durable when it began |
 * | 24 | 8 | `enqueuedAtMs`, float64 |
 * | 32 | 8 | `expiresAtMs`, float64, if its flag is set |
 * | 40 | 2, 2, 2 | bytes of id, key, headers |
 * | 46 | | id, key, headers as JSON, payload |
 */
export const RECORD_HEADER_BYTES = 46;
/** The id, the key and the headers of a record may take as much together: their lengths are 16 bits. */
export const FACTS_BYTES_MAX = 65_535;

const HAS_EXPIRY = 1;
const HAS_HEADERS = 2;
/** Strings with half a surrogate pair have no UTF-8. */
const ID_UTF16 = 4;
const KEY_UTF16 = 8;
const HALF_A_PAIR = /\p{Surrogate}/u;

/** What is measured of a record before it is written. */
export interface Measured {
	readonly record: SpillRecord;
	readonly headers: string;
	readonly headersBytes: number;
	readonly flags: number;
	/** Of the whole record. */
	readonly bytes: number;
}

/** @throws SpillError `SPILL_CODEC` or `SPILL_RECORD_TOO_LARGE`, so that nothing of a batch is written when one record cannot be. */
export function measure(record: SpillRecord, maxRecordBytes: number): Measured {
	refuseNoBytes(record);
	const { id, key, payload } = record;
	const headers = headersText(record.headers);
	const headersBytes = headers === '' ? 0 : Buffer.byteLength(headers);
	const idWell = !HALF_A_PAIR.test(id);
	const keyWell = !HALF_A_PAIR.test(key);
	const facts = (idWell ? Buffer.byteLength(id) : id.length * 2) + (keyWell ? Buffer.byteLength(key) : key.length * 2);
	if (payload.byteLength > maxRecordBytes) {
		throw new SpillError(
			`a record of ${payload.byteLength} bytes is larger than maxRecordBytes, which is ${maxRecordBytes}`,
			{ code: 'SPILL_RECORD_TOO_LARGE' },
		);
	}
	if (facts + headersBytes > FACTS_BYTES_MAX) {
		throw new SpillError(
			`id, key and headers of a record are ${facts + headersBytes} bytes together, more than ${FACTS_BYTES_MAX}`,
			{ code: 'SPILL_RECORD_TOO_LARGE' },
		);
	}
	const flags =
		(record.expiresAtMs === undefined ? 0 : HAS_EXPIRY) |
		(record.headers === undefined ? 0 : HAS_HEADERS) |
		(idWell ? 0 : ID_UTF16) |
		(keyWell ? 0 : KEY_UTF16);
	return {
		record,
		headers,
		headersBytes,
		flags,
		bytes: RECORD_HEADER_BYTES + facts + headersBytes + payload.byteLength,
	};
}

/** The last text made: the records of a batch mostly share their headers, and JSON is slow. */
let known: { readonly headers: { readonly [name: string]: string }; readonly text: string } | undefined;

function headersText(headers: SpillRecord['headers']): string {
	if (headers === undefined) return '';
	if (known === undefined || !alike(known.headers, headers)) {
		// A copy, because the caller may change its own.
		known = { headers: { ...headers }, text: JSON.stringify(headers) };
	}
	return known.text;
}

/** Without allocating: this is done for every record. Names that `b` inherits make it differ, which only costs time. */
function alike(a: { readonly [name: string]: string }, b: { readonly [name: string]: string }): boolean {
	let extra = 0;
	for (const name in a) {
		if (a[name] !== b[name]) return false;
		extra--;
	}
	for (const _ in b) extra++;
	return extra === 0;
}

/** Where a record is to stand. */
export interface Place {
	readonly sequence: number;
	/** The first sequence number of the same write. */
	readonly begin: number;
	readonly mark: number;
}

/** Writes a record into a buffer that has room for it. @returns where it ends. */
export function writeRecord(into: Buffer, at: number, measured: Measured, { sequence, begin, mark }: Place): number {
	const { record, headers, headersBytes, flags, bytes } = measured;
	const end = at + bytes;
	into.writeUInt32LE(mark, at);
	into.writeUInt32LE(bytes, at + 8);
	into.writeUInt32LE(sequence % 2 ** 32, at + 12);
	into.writeUInt16LE(Math.floor(sequence / 2 ** 32), at + 16);
	into.writeUInt16LE(flags, at + 18);
	into.writeUInt32LE(sequence - begin, at + 20);
	into.writeDoubleLE(record.enqueuedAtMs, at + 24);
	into.writeDoubleLE(record.expiresAtMs ?? 0, at + 32);
	let write = at + RECORD_HEADER_BYTES;
	const idBytes = into.write(record.id, write, flags & ID_UTF16 ? 'utf16le' : 'utf8');
	write += idBytes;
	const keyBytes = into.write(record.key, write, flags & KEY_UTF16 ? 'utf16le' : 'utf8');
	write += keyBytes;
	if (headersBytes > 0) write += into.write(headers, write, 'utf8');
	into.writeUInt16LE(idBytes, at + 40);
	into.writeUInt16LE(keyBytes, at + 42);
	into.writeUInt16LE(headersBytes, at + 44);
	into.set(record.payload, write);
	into.writeUInt32LE(crc32(into.subarray(at + 8, end), mark), at + 4);
	return end;
}

/** The length that a record claims, or 0 where there is no record of this segment. Needs {@link RECORD_HEADER_BYTES}. */
export function claimedBytes(bytes: Buffer, at: number, mark: number): number {
	if (bytes.readUInt32LE(at) !== mark) return 0;
	const length = bytes.readUInt32LE(at + 8);
	return length >= RECORD_HEADER_BYTES ? length : 0;
}

/** Whether a whole record is what was written. */
export function isSound(bytes: Buffer, at: number, length: number, mark: number): boolean {
	return bytes.readUInt32LE(at + 4) === crc32(bytes.subarray(at + 8, at + length), mark);
}

export function sequenceAt(bytes: Buffer, at: number): number {
	return bytes.readUInt32LE(at + 12) + bytes.readUInt16LE(at + 16) * 2 ** 32;
}

/** The first sequence number of the write that a record came with. Everything below was durable by then. */
export function beginAt(bytes: Buffer, at: number): number {
	return sequenceAt(bytes, at) - bytes.readUInt32LE(at + 20);
}

/** Reads a sound record. The payload is a view into `bytes`. */
export function readRecord(bytes: Buffer, at: number, end: number, partition: number, cursor: string): Spilled {
	const flags = bytes.readUInt16LE(at + 18);
	const idEnd = at + RECORD_HEADER_BYTES + bytes.readUInt16LE(at + 40);
	const keyEnd = idEnd + bytes.readUInt16LE(at + 42);
	const headersEnd = keyEnd + bytes.readUInt16LE(at + 44);
	// The id and the key in one call, because a call costs more than the few bytes: where they are ASCII, as they mostly are, a
	// character is a byte.
	const idAt = at + RECORD_HEADER_BYTES;
	const text = flags & (ID_UTF16 | KEY_UTF16) ? '' : bytes.toString('utf8', idAt, keyEnd);
	const ascii = text.length === keyEnd - idAt;
	const record: { -readonly [K in keyof Spilled]: Spilled[K] } = {
		id: ascii ? text.slice(0, idEnd - idAt) : textOf(bytes, idAt, idEnd, (flags & ID_UTF16) !== 0),
		key: ascii ? text.slice(idEnd - idAt) : textOf(bytes, idEnd, keyEnd, (flags & KEY_UTF16) !== 0),
		payload: new Uint8Array(bytes.buffer, bytes.byteOffset + headersEnd, end - headersEnd),
		enqueuedAtMs: bytes.readDoubleLE(at + 24),
		partition,
		cursor,
	};
	if (flags & HAS_EXPIRY) record.expiresAtMs = bytes.readDoubleLE(at + 32);
	if (flags & HAS_HEADERS) record.headers = headersOf(bytes, keyEnd, headersEnd);
	return record;
}

function textOf(bytes: Buffer, from: number, to: number, utf16: boolean): string {
	return utf16 ? bytes.toString('utf16le', from, to) : bytes.toString('utf8', from, to);
}

interface Headers {
	readonly [name: string]: string;
}

/** Frozen, because records with the same headers share them. */
const parsed = new Map<string, Headers>();
const PARSED_MAX = 64;
/** The headers read last: most records have the same as the one before, and to compare bytes is cheaper than to make a text. */
let latest: { readonly bytes: Buffer; readonly headers: Headers } | undefined;
const COMPARED_BYTES_MAX = 256;

function headersOf(bytes: Buffer, from: number, to: number): Headers {
	if (latest !== undefined && latest.bytes.length === to - from && startsAt(bytes, from, latest.bytes)) {
		return latest.headers;
	}
	const text = bytes.toString('utf8', from, to);
	let headers = parsed.get(text);
	if (headers === undefined) {
		headers = Object.freeze(JSON.parse(text) as Headers);
		if (parsed.size >= PARSED_MAX) parsed.clear();
		parsed.set(text, headers);
	}
	// A copy, because who was given the payload may change the bytes.
	if (to - from <= COMPARED_BYTES_MAX) latest = { bytes: Buffer.from(bytes.subarray(from, to)), headers };
	return headers;
}

function startsAt(bytes: Buffer, from: number, some: Buffer): boolean {
	for (let i = 0; i < some.length; i++) if (bytes[from + i] !== some[i]) return false;
	return true;
}
