import { randomInt } from 'node:crypto';
import { SpillError, type SpillRecord } from '../ports/spill.js';
import { partitionOf } from '../spill/partition.js';

/**
 * A frame is a message of the stream: records that were written together. It says how many records, and how many bytes,
 * its partition was given before it, so the first and the last frame tell how much lies between them.
 *
 *     "BRN1" | records before: float64 | bytes before: float64 | bytes of this frame: float64 | records: uint32 | mark: uint32
 *     then for each record: bytes of its facts: uint32 | bytes of its payload: uint32 | facts: JSON | payload
 *
 * Numbers are little-endian. The server checks its messages for damage, so there is no checksum. The mark is random: a server
 * that lost its last messages, or a new stream of the same name, gives the number of a frame again.
 */
export interface Frame {
	/** The stream's number of this message. */
	readonly seq: number;
	readonly mark: number;
	readonly recordsBefore: number;
	readonly bytesBefore: number;
	/** What it counts for in `maxBytes`. */
	readonly bytes: number;
	readonly records: readonly SpillRecord[];
}

/** A record as a frame takes it. */
export interface Encoded {
	readonly partition: number;
	readonly facts: Buffer;
	readonly payload: Buffer;
	/** What it counts for in `maxBytes`. */
	readonly bytes: number;
}

const MAGIC = 'BRN1';
const HEADER = 36;
const MARK_MAX = 2 ** 32;
/** About what a record takes beside its facts and payload. */
const PER_RECORD = 64;
/** About what a message takes in the files of a server beside its data: subject, headers, length and checksum. */
export const PER_FRAME = 192;
/** What the largest payload leaves to everything else in its message; its id, key and headers have about 512 bytes of it. */
export const RECORD_OVERHEAD = 1_024;

export function encodeRecord(record: SpillRecord, partitions: number): Encoded {
	const { id, key, enqueuedAtMs, expiresAtMs, headers } = record;
	// Numbers as text: JSON has no infinity.
	const at = [String(enqueuedAtMs), ...(expiresAtMs === undefined ? [] : [String(expiresAtMs)])];
	const facts = Buffer.from(JSON.stringify({ id, key, at, headers }));
	// A copy, since the caller's buffer may be used again before it is written.
	const payload = Buffer.from(record.payload);
	const bytes = PER_RECORD + facts.byteLength + payload.byteLength;
	return { partition: partitionOf(key, partitions), facts, payload, bytes };
}

/** @param before what the partition was given before this frame. */
export function encodeFrame(rows: readonly Encoded[], before: { records: number; bytes: number }): Buffer {
	const header = Buffer.alloc(HEADER);
	header.write(MAGIC, 'latin1');
	header.writeDoubleLE(before.records, 4);
	header.writeDoubleLE(before.bytes, 12);
	header.writeDoubleLE(frameBytes(rows), 20);
	header.writeUInt32LE(rows.length, 28);
	header.writeUInt32LE(randomInt(MARK_MAX), 32);
	const parts: Buffer[] = [header];
	for (const { facts, payload } of rows) {
		const lengths = Buffer.alloc(8);
		lengths.writeUInt32LE(facts.byteLength, 0);
		lengths.writeUInt32LE(payload.byteLength, 4);
		parts.push(lengths, facts, payload);
	}
	return Buffer.concat(parts);
}

export const frameBytes = (rows: readonly Encoded[]): number => rows.reduce((sum, { bytes }) => sum + bytes, PER_FRAME);

/** @throws SpillError `SPILL_FORMAT` for a message that is not a frame. */
export function decodeFrame(seq: number, data: Uint8Array): Frame {
	const frame = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
	if (frame.toString('latin1', 0, 4) !== MAGIC) throw foreign(seq);
	const records: SpillRecord[] = [];
	let at = HEADER;
	let mark: number;
	try {
		mark = frame.readUInt32LE(32);
		for (let left = frame.readUInt32LE(28); left > 0; left--) {
			const payloadAt = at + 8 + frame.readUInt32LE(at);
			const end = payloadAt + frame.readUInt32LE(at + 4);
			if (end > frame.byteLength) throw foreign(seq);
			records.push(decodeRecord(frame.toString('utf8', at + 8, payloadAt), frame.subarray(payloadAt, end)));
			at = end;
		}
	} catch (cause) {
		throw foreign(seq, cause);
	}
	return {
		seq,
		mark,
		recordsBefore: frame.readDoubleLE(4),
		bytesBefore: frame.readDoubleLE(12),
		bytes: frame.readDoubleLE(20),
		records,
	};
}

function decodeRecord(text: string, payload: Buffer): SpillRecord {
	const { id, key, at, headers } = JSON.parse(text);
	return {
		id,
		key,
		payload,
		enqueuedAtMs: Number(at[0]),
		...(at.length > 1 ? { expiresAtMs: Number(at[1]) } : {}),
		...(headers === undefined ? {} : { headers }),
	};
}

const foreign = (seq: number, cause?: unknown) =>
	new SpillError(`message ${seq} of the stream is not a frame of a nats spill`, { code: 'SPILL_FORMAT', cause });
