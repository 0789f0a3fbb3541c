import { randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';

/**
 * What the name of a segment file says: `<partition>-<number>-<first sequence>-<mark>.log`, the mark in hexadecimal.
 *
 * The name is what counts, so that no damage inside a file can hide its records. The header repeats it.
 */
export interface SegmentName {
	readonly partition: number;
	/** Counts the files of a partition. Of two segments that claim a sequence number, the later file is right. */
	readonly number: number;
	/** The sequence number of its first record. It ends where the next file of the partition begins. */
	readonly first: number;
	/** Begins each record and seeds its checksum: a record of another file, copied into a payload, is none of this one. */
	readonly mark: number;
}

/** Bytes before the first record. */
export const SEGMENT_HEADER_BYTES = 32;
export const FORMAT_VERSION = 1;
/** Tells a segment file from others, also to a person who looks into one. */
const MAGIC = Buffer.from('BRWNSPIL', 'latin1');
const NAME = /^(\d{3})-(\d{10})-(\d{15})-([0-9a-f]{8})\.log$/;

/** Not zero, which is what a file system fills holes with. */
export const newMark = (): number => randomInt(1, 2 ** 32);

export function segmentFileName({ partition, number, first, mark }: SegmentName): string {
	const digits = (value: number, count: number, radix = 10) => value.toString(radix).padStart(count, '0');
	return `${digits(partition, 3)}-${digits(number, 10)}-${digits(first, 15)}-${digits(mark, 8, 16)}.log`;
}

/** @returns `undefined` for a file that is no segment. */
export function parseSegmentName(file: string): SegmentName | undefined {
	const [, partition, number, first, mark] = NAME.exec(file) ?? [];
	if (mark === undefined) return undefined;
	return {
		partition: Number(partition),
		number: Number(number),
		first: Number(first),
		mark: Number.parseInt(mark, 16),
	};
}

/** The header: magic 8, version u16, partition u16, partitions u16, zero u16, first sequence u48, zero u16, mark u32, crc u32. */
export function segmentHeader({ partition, first, mark }: SegmentName, partitions: number): Buffer {
	const header = Buffer.alloc(SEGMENT_HEADER_BYTES);
	MAGIC.copy(header);
	header.writeUInt16LE(FORMAT_VERSION, 8);
	header.writeUInt16LE(partition, 10);
	header.writeUInt16LE(partitions, 12);
	header.writeUIntLE(first, 16, 6);
	header.writeUInt32LE(mark, 24);
	header.writeUInt32LE(crc32(header.subarray(0, 28)), 28);
	return header;
}

/** What an undamaged header says. */
export interface SegmentHeader {
	readonly version: number;
	readonly partitions: number;
}

/** @returns `undefined` for a header that is damaged or short, which hides nothing: see {@link SegmentName}. */
export function parseSegmentHeader(bytes: Buffer): SegmentHeader | undefined {
	if (bytes.length < SEGMENT_HEADER_BYTES || !MAGIC.equals(bytes.subarray(0, 8))) return undefined;
	if (bytes.readUInt32LE(28) !== crc32(bytes.subarray(0, 28))) return undefined;
	return { version: bytes.readUInt16LE(8), partitions: bytes.readUInt16LE(12) };
}

export const cursorFileName = (partition: number): string => `${String(partition).padStart(3, '0')}.cursor`;

/** Which partition a file of the log belongs to; `undefined` for other files. */
export function partitionOf(file: string): number | undefined {
	const cursor = /^(\d{3})\.cursor$/.exec(file);
	return cursor ? Number(cursor[1]) : parseSegmentName(file)?.partition;
}
