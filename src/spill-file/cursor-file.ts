import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { codeOf } from './errors.js';
import { type FileSystem, type OpenFile, readFully, syncDirectory, writeFully } from './file-system.js';

/** How far a partition has come. */
export interface Progress {
	/** Everything up to this sequence number is acknowledged. 0 = nothing. */
	readonly acked: number;
	/** The last sequence number known to have been appended; it tells a torn tail from a lost one. */
	readonly last: number;
}

interface Slot extends Progress {
	readonly generation: number;
}

/** A slot has a page of its own, so that a torn write of one cannot reach the other. */
const SLOT_STRIDE = 4096;
const SLOT_BYTES = 36;
const MAGIC = 0x43555253;

/**
 * The file that remembers what is acknowledged: two slots with a generation and a checksum, the newer sound one counts.
 *
 * What was synced last is never overwritten before the other slot has been synced, so a crash leads back to an earlier
 * position at most, never to a later one and never to none.
 */
export class CursorFile {
	readonly #files: FileSystem;
	readonly #path: string;
	#file: OpenFile;
	readonly #partition: number;
	#generation: number;
	/** The slot to write, which is not the one that was synced last. */
	#slot: 0 | 1;

	private constructor(
		{ files, path, file }: { readonly files: FileSystem; readonly path: string; readonly file: OpenFile },
		partition: number,
		generation: number,
		slot: 0 | 1,
	) {
		this.#files = files;
		this.#path = path;
		this.#file = file;
		this.#partition = partition;
		this.#generation = generation;
		this.#slot = slot;
	}

	/** @returns `found`: what it held; `damaged`: a slot is unreadable, so that `found` may be too old or absent. */
	static async open(files: FileSystem, path: string, partition: number) {
		const file = await files.open(path, 'update');
		try {
			const { slots, damaged } = await readSlots(file, partition);
			const [a, b] = slots;
			const newest = (b?.generation ?? 0) > (a?.generation ?? 0) ? 1 : 0;
			const generation = slots[newest]?.generation ?? 0;
			const cursor = new CursorFile({ files, path, file }, partition, generation, newest === 0 ? 1 : 0);
			await fill(file);
			return { cursor, found: slots[newest], damaged };
		} catch (error) {
			await file.close();
			throw error;
		}
	}

	/** What a cursor file says, beside its owner. */
	static async peek(files: FileSystem, path: string, partition: number) {
		const file = await files.open(path, 'read');
		try {
			const { slots, damaged } = await readSlots(file, partition);
			const [a, b] = slots;
			return { found: (b?.generation ?? 0) > (a?.generation ?? 0) ? b : a, damaged };
		} finally {
			await file.close();
		}
	}

	/** Survives the end of the process from here on. */
	async write(progress: Progress): Promise<void> {
		this.#generation++;
		const bytes = slotBytes({ ...progress, generation: this.#generation }, this.#partition);
		const { bytesWritten } = await this.#file.write(bytes, 0, SLOT_BYTES, this.#slot * SLOT_STRIDE);
		if (bytesWritten !== SLOT_BYTES) throw new Error(`only ${bytesWritten} of ${SLOT_BYTES} bytes were written`);
	}

	/**
	 * Writes anew, then syncs: after a failed sync, a second one of the same pages would prove nothing. Makes the file anew if
	 * somebody has removed it, for the system goes on writing that without a word.
	 */
	async writeDurably(progress: Progress): Promise<void> {
		if (await this.#isGone()) await this.#replace();
		await this.write(progress);
		await this.#file.datasync();
		this.#slot = this.#slot === 0 ? 1 : 0;
	}

	close(): Promise<void> {
		return this.#file.close();
	}

	async #isGone(): Promise<boolean> {
		try {
			await this.#files.stat(this.#path);
			return false;
		} catch (error) {
			if (codeOf(error) === 'ENOENT') return true;
			throw error;
		}
	}

	async #replace(): Promise<void> {
		const before = this.#file;
		this.#file = await this.#files.open(this.#path, 'update');
		await before.close();
		await fill(this.#file);
		await syncDirectory(this.#files, dirname(this.#path));
	}
}

/** Overwriting needs no space, so acknowledging works on a full disk. */
async function fill(file: OpenFile): Promise<void> {
	const { size } = await file.stat();
	if (size < 2 * SLOT_STRIDE) await writeFully(file, [new Uint8Array(2 * SLOT_STRIDE - size)], size);
}

async function readSlots(file: OpenFile, partition: number) {
	const bytes = Buffer.alloc(SLOT_STRIDE + SLOT_BYTES);
	await readFully(file, bytes, bytes.length, 0);
	let damaged = false;
	const slots = [0, 1].map((i): Slot | undefined => {
		const slot = bytes.subarray(i * SLOT_STRIDE, i * SLOT_STRIDE + SLOT_BYTES);
		// A slot that was never written is no damage.
		if (slot.every((byte) => byte === 0)) return undefined;
		const parsed = parseSlot(slot, partition);
		damaged ||= parsed === undefined;
		return parsed;
	});
	return { slots, damaged };
}

/** magic u32, partition u32, generation u48, acked u48, last u48, zero 6, crc u32, all little-endian. */
function slotBytes({ generation, acked, last }: Slot, partition: number): Buffer {
	const bytes = Buffer.alloc(SLOT_BYTES);
	bytes.writeUInt32LE(MAGIC, 0);
	bytes.writeUInt32LE(partition, 4);
	bytes.writeUIntLE(generation, 8, 6);
	bytes.writeUIntLE(acked, 14, 6);
	bytes.writeUIntLE(last, 20, 6);
	bytes.writeUInt32LE(crc32(bytes.subarray(0, 32)), 32);
	return bytes;
}

function parseSlot(bytes: Buffer, partition: number): Slot | undefined {
	if (bytes.readUInt32LE(0) !== MAGIC || bytes.readUInt32LE(4) !== partition) return undefined;
	if (bytes.readUInt32LE(32) !== crc32(bytes.subarray(0, 32))) return undefined;
	return { generation: bytes.readUIntLE(8, 6), acked: bytes.readUIntLE(14, 6), last: bytes.readUIntLE(20, 6) };
}
