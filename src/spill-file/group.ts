import { type Measured, writeRecord } from './record.js';
import type { SegmentName } from './segment-file.js';

/** A segment that is written, or will be once its first group is. */
export interface Plan {
	readonly name: SegmentName;
	readonly file: string;
	/** Where the next record goes. */
	end: number;
}

/** An append that waits. */
export interface Waiter {
	resolve(): void;
	reject(error: unknown): void;
}

const CHUNK_MIN = 64 * 1024;
const CHUNK_MAX = 1024 * 1024;
/** Chunks of either size that are kept for the next groups: fresh memory costs as much as what is done with it. */
const SPARE_MAX = 2;

const spare = new Map<number, Buffer[]>([
	[CHUNK_MIN, []],
	[CHUNK_MAX, []],
]);

/** Records that are written and synced together, already encoded. All of them go to one segment. */
export class Group {
	readonly plan: Plan;
	readonly waiters: Waiter[] = [];
	/** Being written: nothing more is added. */
	underWay = false;
	bytes = 0;
	lastSequence = 0;
	#begin = 0;
	readonly #chunks: { readonly buffer: Buffer; used: number }[] = [];

	constructor(plan: Plan) {
		this.plan = plan;
	}

	/** @param ahead  bytes that are still to come with it, so that they get a buffer together. */
	add(measured: Measured, sequence: number, ahead: number): void {
		let chunk = this.#chunks.at(-1);
		if (chunk === undefined || chunk.buffer.length - chunk.used < measured.bytes) {
			chunk = { buffer: chunkFor(measured.bytes, ahead), used: 0 };
			this.#chunks.push(chunk);
		}
		if (this.lastSequence === 0) this.#begin = sequence;
		const place = { sequence, begin: this.#begin, mark: this.plan.name.mark };
		chunk.used = writeRecord(chunk.buffer, chunk.used, measured, place);
		this.bytes += measured.bytes;
		this.plan.end += measured.bytes;
		this.lastSequence = sequence;
	}

	/** The bytes in order. */
	buffers(): Buffer[] {
		return this.#chunks.map(({ buffer, used }) => buffer.subarray(0, used));
	}

	/** The bytes are written, or given up. */
	release(): void {
		for (const { buffer } of this.#chunks) {
			const kept = spare.get(buffer.length);
			if (kept !== undefined && kept.length < SPARE_MAX) kept.push(buffer);
		}
		this.#chunks.length = 0;
	}
}

function chunkFor(bytes: number, ahead: number): Buffer {
	const wanted = Math.max(bytes, Math.min(ahead, CHUNK_MAX));
	if (wanted > CHUNK_MAX) return Buffer.allocUnsafeSlow(wanted);
	const size = wanted <= CHUNK_MIN ? CHUNK_MIN : CHUNK_MAX;
	return spare.get(size)?.pop() ?? Buffer.allocUnsafeSlow(size);
}
