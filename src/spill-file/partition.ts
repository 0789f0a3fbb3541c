import { join } from 'node:path';
import { Mutex } from 'async-mutex';
import type { Spilled } from '../ports/spill.js';
import type { CursorFile } from './cursor-file.js';
import { type FileSystem, syncDirectory } from './file-system.js';
import type { Limits } from './harvest.js';
import type { Hold } from './hold.js';
import { type Log, locate, type Segment } from './log.js';
import { remove } from './owner-file.js';
import { Reader } from './reader.js';
import type { Measured } from './record.js';
import type { Writer } from './writer.js';

export interface PartitionParts {
	readonly files: FileSystem;
	readonly directory: string;
	readonly hold: Hold;
	readonly log: Log;
	readonly cursor: CursorFile;
	readonly writer: Writer;
	/** A drained segment that is being written is ended from this size on; a smaller one goes on being used. */
	readonly retireBytes: number;
	/** Bytes read at once. */
	readonly readAhead: number;
	/** Puts a damaged segment aside instead of removing it. */
	readonly quarantine: (segment: Segment) => Promise<void>;
}

/** One partition at work: what is appended, read and acknowledged, and the removal of what is done with. */
export class Partition {
	readonly log: Log;
	readonly #parts: PartitionParts;
	readonly #reader: Reader;
	readonly #persisting = new Mutex();
	/** What the cursor file says. */
	#persisted: number;
	/** Segments of which nothing is waiting, whose files are still there. */
	#drained: Segment[] = [];
	/** What waited first when so much was acknowledged and missing. */
	#oldest: { readonly acked: number; readonly missing: number; readonly enqueuedAtMs: number } | undefined;

	/** @param persisted  what the cursor file says. */
	constructor(parts: PartitionParts, persisted: number) {
		this.log = parts.log;
		this.#parts = parts;
		this.#persisted = persisted;
		this.#reader = this.#newReader(parts.readAhead);
	}

	/** Bytes on disk, and those that are about to be. Not those that are about to be removed. */
	get bytes(): number {
		return this.log.bytes + this.#parts.writer.pendingBytes;
	}

	get pendingBytes(): number {
		return this.#parts.writer.pendingBytes;
	}

	overhead(bytes: number): number {
		return this.#parts.writer.overhead(bytes);
	}

	append(batch: readonly Measured[]): Promise<void> {
		return this.#parts.writer.append(batch);
	}

	read(after: string | undefined, limits: Limits): Promise<readonly Spilled[]> {
		return this.#reader.read(after, limits);
	}

	/** Resolves when the position survives the end of this process. */
	async ack(upTo: string): Promise<void> {
		const found = locate(this.log, upTo);
		if (found !== undefined) this.log.ackUpTo(found.sequence, found.at);
		await this.persist();
	}

	/**
	 * Drops the segments that were last written before a time, and counts what they held as missing.
	 *
	 * @returns whether there were any. Their files are removed by {@link persist}.
	 */
	dropOlderThan(epochMs: number): boolean {
		const { log } = this;
		const old = log.segments.filter(({ writtenAtMs }) => writtenAtMs < epochMs).length;
		const before = log.waiting;
		log.ackUpTo(old > 0 ? log.lastOf(old - 1) : 0);
		const dropped = before - log.waiting;
		log.missing += dropped;
		log.agedOut += dropped;
		this.#drained.push(...log.takeDrained(this.#parts.writer.writing));
		return old > 0;
	}

	/** Writes down how far acknowledgement has come, and removes the segments behind it. */
	async persist(): Promise<void> {
		if (this.log.acked <= this.#persisted && this.#drained.length === 0) return;
		await this.#persisting.runExclusive(async () => {
			const { cursor, log, hold } = this.#parts;
			// Were it another's directory by now, our position would tell its owner to forget what we never saw.
			await hold.check();
			await this.#takeDrained();
			const { acked, last } = log;
			if (this.#drained.length > 0) {
				// Were the segments removed first, a crash could lead back to a position that has no records any more.
				await cursor.writeDurably({ acked, last });
				await this.#remove();
			} else if (acked > this.#persisted) await cursor.write({ acked, last });
			this.#persisted = Math.max(this.#persisted, acked);
		});
	}

	async #takeDrained(): Promise<void> {
		const { writer, retireBytes } = this.#parts;
		const { log } = this;
		const tail = log.segments.at(-1);
		if (writer.writing !== undefined && log.acked === log.last && (tail?.end ?? 0) >= retireBytes) {
			await writer.retire();
		}
		this.#drained.push(...log.takeDrained(writer.writing));
	}

	async #remove(): Promise<void> {
		const { files, directory, quarantine } = this.#parts;
		while (this.#drained.length > 0) {
			const [segment] = this.#drained as [Segment];
			if (segment.damaged) await quarantine(segment);
			else await remove(files, join(directory, segment.file));
			this.#drained.shift();
		}
		await syncDirectory(files, directory);
	}

	/** Epoch ms of the first record that waits; `null` = none. */
	async oldest(): Promise<number | null> {
		const { acked, missing, waiting } = this.log;
		if (waiting === 0) return null;
		if (this.#oldest?.acked !== acked || this.#oldest.missing !== missing) {
			// A reader of its own: the other one stays where replay goes on.
			const reader = this.#newReader(PEEK_BYTES);
			try {
				const [first] = await reader.read(undefined, { maxRecords: 1, maxBytes: 1 });
				this.#oldest = first && { acked, missing: this.log.missing, enqueuedAtMs: first.enqueuedAtMs };
			} finally {
				await reader.close();
			}
		}
		return this.#oldest?.enqueuedAtMs ?? null;
	}

	#newReader(readAhead: number): Reader {
		const { files, directory, hold } = this.#parts;
		return new Reader(files, directory, this.log, { readAhead, whenGone: () => hold.check() });
	}

	/** Settles and releases everything, even if some of it fails. */
	async close(): Promise<void> {
		const { writer, cursor, log, hold } = this.#parts;
		try {
			await writer.settle();
		} finally {
			try {
				await this.#persisting.runExclusive(async () => {
					await writer.retire();
					await hold.check();
					await this.#takeDrained();
					// How far the log reached tells the next owner what is missing from it, if something is.
					await cursor.writeDurably({ acked: log.acked, last: log.last });
					this.#persisted = log.acked;
					if (this.#drained.length > 0) await this.#remove();
				});
			} finally {
				await this.#reader.close().finally(() => cursor.close());
			}
		}
	}
}

const PEEK_BYTES = 16 * 1024;
