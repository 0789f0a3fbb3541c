import { join } from 'node:path';
import { Mutex } from 'async-mutex';
import type { Spilled } from '../ports/spill.js';
import { codeOf } from './errors.js';
import type { FileSystem, OpenFile } from './file-system.js';
import { Harvest, type Limits } from './harvest.js';
import { type Log, type Position, positionAfter, type Segment } from './log.js';
import { SegmentScan } from './scan.js';
import { SEGMENT_HEADER_BYTES } from './segment-file.js';

/**
 * Reads one partition. Stays where it stopped, with what it has read ahead, so that reading on costs no search; gives
 * everything back once there is nothing to read.
 */
export class Reader {
	readonly #files: FileSystem;
	readonly #directory: string;
	readonly #log: Log;
	readonly #readAhead: number | undefined;
	readonly #whenGone: (() => Promise<void>) | undefined;
	readonly #mutex = new Mutex();
	#scan: SegmentScan | undefined;
	#segment: Segment | undefined;
	/** The sequence number that comes next where the scan stands. */
	#wanted = 0;
	/** The scan stands where a cursor said, which is yet to be proved right. */
	#hinted = false;

	/**
	 * @param options.readAhead  bytes to read at once.
	 * @param options.whenGone  called when the file of a segment is not there, which counts as damage unless this throws.
	 *   Without it, that is an error.
	 */
	constructor(
		files: FileSystem,
		directory: string,
		log: Log,
		{ readAhead, whenGone }: { readonly readAhead?: number; readonly whenGone?: () => Promise<void> } = {},
	) {
		this.#files = files;
		this.#directory = directory;
		this.#log = log;
		this.#readAhead = readAhead;
		this.#whenGone = whenGone;
	}

	read(after: string | undefined, limits: Limits): Promise<Spilled[]> {
		return this.#mutex.runExclusive(async () => {
			try {
				return await this.#read(positionAfter(this.#log, after), limits);
			} catch (error) {
				// Where the scan stands is uncertain; the next reading searches.
				await this.#leave();
				throw error;
			}
		});
	}

	close(): Promise<void> {
		return this.#mutex.runExclusive(() => this.#leave());
	}

	async #read(position: Position, limits: Limits): Promise<Spilled[]> {
		const harvest = new Harvest(limits);
		const log = this.#log;
		if (this.#wanted !== position.sequence || !this.#standsIn(position.sequence)) await this.#enter(position);
		while (this.#scan !== undefined && this.#segment !== undefined) {
			if (await this.#collect(this.#scan, this.#segment, harvest)) break;
			await this.#enter({ sequence: Math.max(this.#wanted, log.acked + 1), at: undefined });
		}
		return harvest.records;
	}

	#standsIn(sequence: number): boolean {
		return this.#segment !== undefined && this.#log.segments[this.#log.indexOf(sequence)] === this.#segment;
	}

	/** Opens the segment that holds a sequence number, or none where the log ends. */
	async #enter({ sequence, at }: Position): Promise<void> {
		await this.#leave();
		const log = this.#log;
		const segment = log.segments[log.indexOf(sequence)];
		if (segment === undefined) {
			// The file is gone, with everything up to the end.
			if (sequence <= log.last) log.noteGap(sequence, log.last, false);
			return;
		}
		const file = await this.#open(segment);
		if (file === undefined) return this.#enter({ sequence, at: undefined });
		const scan = new SegmentScan(file, segment.name.mark, this.#readAhead);
		this.#scan = scan;
		this.#segment = segment;
		this.#wanted = Math.max(sequence, segment.name.first);
		// What was in neither this segment nor the one before it went with a file that is gone.
		if (segment.name.first > sequence) log.noteGap(sequence, segment.name.first - 1, false);
		this.#hinted = at !== undefined && at > SEGMENT_HEADER_BYTES && at <= segment.end;
		if (this.#hinted && at !== undefined) scan.at = at;
	}

	/** @returns `undefined` when the file is gone: removed by somebody, or by us because it was acknowledged in this moment. */
	async #open(segment: Segment): Promise<OpenFile | undefined> {
		try {
			return await this.#files.open(join(this.#directory, segment.file), 'read');
		} catch (error) {
			if (this.#whenGone === undefined || codeOf(error) !== 'ENOENT') throw error;
			await this.#whenGone();
			this.#log.lose(segment);
			return undefined;
		}
	}

	async #leave(): Promise<void> {
		const scan = this.#scan;
		this.#scan = undefined;
		this.#segment = undefined;
		await scan?.close();
	}

	/** Collects the records of a segment. @returns whether that is all that was asked for. */
	async #collect(scan: SegmentScan, segment: Segment, harvest: Harvest): Promise<boolean> {
		const log = this.#log;
		let damaged = false;
		for (;;) {
			const extent = log.extentOf(log.segments.indexOf(segment));
			const met = scan.step(extent);
			if (this.#hinted && met !== 'more' && !(met === 'record' && scan.sequence === this.#wanted)) {
				// The byte was wrong, or what is there is damaged: only a search from the start can tell.
				scan.at = SEGMENT_HEADER_BYTES;
				this.#hinted = false;
			} else if (met === 'record') {
				this.#hinted = false;
				if (scan.sequence >= this.#wanted) {
					if (!harvest.hasRoomFor(scan)) {
						scan.stepBack();
						harvest.gather(scan, segment);
						return true;
					}
					if (scan.sequence > this.#wanted) log.noteGap(this.#wanted, scan.sequence - 1, damaged);
					this.#wanted = scan.sequence + 1;
					if (harvest.mark(scan)) harvest.gather(scan, segment);
				}
				damaged = false;
			} else {
				// Reading on overwrites the bytes of what was found so far.
				harvest.gather(scan, segment);
				if (met === 'more') await scan.more(extent);
				else if (met === 'damage') {
					damaged = true;
					await scan.resync(extent);
				} else {
					if (this.#wanted < extent.below) log.noteGap(this.#wanted, extent.below - 1, damaged);
					this.#wanted = Math.max(this.#wanted, extent.below);
					return false;
				}
			}
		}
	}
}
