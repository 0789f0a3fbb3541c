import { join } from 'node:path';
import { SpillError } from '../ports/spill.js';
import { asSpillError, codeOf } from './errors.js';
import { type FileSystem, type OpenFile, syncDirectory, writeFully } from './file-system.js';
import { Group, type Plan, type Waiter } from './group.js';
import type { Hold } from './hold.js';
import type { Log, Segment } from './log.js';
import type { Measured } from './record.js';
import { newMark, SEGMENT_HEADER_BYTES, segmentFileName, segmentHeader } from './segment-file.js';
import type { Space } from './space.js';

export interface WriterOptions {
	readonly files: FileSystem;
	readonly directory: string;
	readonly hold: Hold;
	readonly log: Log;
	readonly partitions: number;
	readonly segmentBytes: number;
	/** When bytes are synced: before an append resolves, at least so often (ms), or when the system likes. */
	readonly sync: 'always' | number | 'never';
	readonly space: Space;
	readonly now: () => number;
	/** So often at most it is looked, beside a sync, whether somebody has removed what is written, ms. */
	readonly lookEveryMs: number;
}

/** Where nothing is synced, a look costs more than the write. */
const LOOK_UNSYNCED_EVERY_MS = 250;

interface OpenSegment {
	readonly plan: Plan;
	readonly file: OpenFile;
	/** Once it has a durable record. */
	segment: Segment | undefined;
	/** Written and not synced since. */
	dirty: boolean;
	/** Somebody has removed the file under us. */
	gone: boolean;
}

/**
 * Appends to one partition. Appends that arrive while a write is under way are written and synced together in the next one.
 *
 * A file whose write or sync has failed is never written again: what the system says of its pages from then on cannot be
 * trusted. Everybody who waits is told, and a new segment begins behind the last record that is known to be durable.
 *
 * The same goes for a file that somebody has removed, which the system goes on writing and syncing without a word. So every few
 * milliseconds, while a sync is under way, the file is looked for by its name, and the lock as well.
 */
export class Writer {
	readonly #options: WriterOptions;
	readonly #log: Log;
	readonly #queue: Group[] = [];
	/** Where the next record goes; none = a new segment. */
	#plan: Plan | undefined;
	#next: number;
	/** The file being written. */
	#open: OpenSegment | undefined;
	#running: Promise<void> | undefined;
	#timer: NodeJS.Timeout | undefined;
	#syncDue = false;
	#lookedAtMs = Number.NEGATIVE_INFINITY;
	/** Why what was appended earlier may not be on disk; the next append says so. */
	#broken: SpillError | undefined;

	constructor(options: WriterOptions) {
		this.#options = options;
		this.#log = options.log;
		this.#next = options.log.last + 1;
	}

	/** Bytes that wait to be written. */
	get pendingBytes(): number {
		return this.#queue.reduce((sum, { bytes }) => sum + bytes, 0);
	}

	/** The segment that further records go to. */
	get writing(): Segment | undefined {
		return this.#open?.segment;
	}

	/** How many bytes a segment file takes besides its records, if these records need a new one. */
	overhead(bytes: number): number {
		const { segmentBytes } = this.#options;
		const room = this.#plan === undefined ? 0 : segmentBytes - this.#plan.end;
		return bytes <= room ? 0 : Math.ceil((bytes - Math.max(0, room)) / segmentBytes) * SEGMENT_HEADER_BYTES;
	}

	/** Encodes the records at once, so that the caller may use its buffers again; resolves when they are durable. */
	append(batch: readonly Measured[]): Promise<void> {
		if (this.#broken !== undefined) {
			const error = this.#broken;
			this.#broken = undefined;
			return Promise.reject(error);
		}
		let ahead = batch.reduce((sum, { bytes }) => sum + bytes, 0);
		let group: Group | undefined;
		for (const measured of batch) {
			group = this.#groupFor(measured.bytes);
			group.add(measured, this.#next++, ahead);
			ahead -= measured.bytes;
		}
		if (group === undefined) return Promise.resolve();
		const { waiters } = group;
		const done = new Promise<void>((resolve, reject) => {
			waiters.push({ resolve, reject });
		});
		this.#run();
		return done;
	}

	/** Ends the current segment, if nothing is under way, so that it can be removed. @returns whether none is open now. */
	async retire(): Promise<boolean> {
		if (this.#queue.length > 0 || this.#running !== undefined) return false;
		const open = this.#open;
		this.#plan = undefined;
		this.#open = undefined;
		await open?.file.close();
		return true;
	}

	/** Resolves when everything that waits is written or rejected, and synced. */
	async settle(): Promise<void> {
		while (this.#running !== undefined) await this.#running;
		// Whatever the durability: who closes in peace may expect that all is on disk.
		this.#syncDue = this.#open?.dirty ?? false;
		this.#run();
		while (this.#running !== undefined) await this.#running;
		clearTimeout(this.#timer);
		this.#timer = undefined;
		if (this.#broken !== undefined) throw this.#broken;
	}

	#groupFor(bytes: number): Group {
		const { segmentBytes } = this.#options;
		// A record larger than a segment gets one of its own.
		const full = this.#plan && this.#plan.end > SEGMENT_HEADER_BYTES && this.#plan.end + bytes > segmentBytes;
		if (this.#plan === undefined || full) this.#plan = this.#newPlan();
		const last = this.#queue.at(-1);
		if (last !== undefined && last.plan === this.#plan && !last.underWay) return last;
		const group = new Group(this.#plan);
		this.#queue.push(group);
		return group;
	}

	#newPlan(): Plan {
		const { partition } = this.#log;
		const name = { partition, number: this.#log.nextNumber++, first: this.#next, mark: newMark() };
		return { name, file: segmentFileName(name), end: SEGMENT_HEADER_BYTES };
	}

	#run(): void {
		this.#running ??= this.#drain().finally(() => {
			this.#running = undefined;
			if (this.#queue.length > 0 || this.#syncDue) this.#run();
		});
	}

	/** Never rejects. */
	async #drain(): Promise<void> {
		for (;;) {
			const group = this.#queue[0];
			if (group === undefined && !this.#syncDue) return;
			let touched = false;
			try {
				if (group === undefined) {
					touched = true;
					await this.#sync();
					continue;
				}
				group.underWay = true;
				this.#options.hold.throwIfLost();
				await this.#options.space.claim(group.bytes);
				touched = true;
				await this.#write(group);
			} catch (error) {
				await this.#fail(error, touched);
				continue;
			}
			this.#queue.shift();
			group.release();
			for (const waiter of group.waiters) waiter.resolve();
		}
	}

	async #write(group: Group): Promise<void> {
		const { files, directory, partitions, sync, now } = this.#options;
		const { plan } = group;
		const fresh = this.#open?.plan !== plan;
		if (fresh) await this.#begin(plan);
		const open = this.#open;
		if (open === undefined) throw new SpillError('no segment is open', { code: 'SPILL_WRITE' });
		const buffers = group.buffers();
		if (fresh) buffers.unshift(segmentHeader(plan.name, partitions));
		const at = fresh ? 0 : (open.segment?.end ?? 0);
		const end = at + group.bytes + (fresh ? SEGMENT_HEADER_BYTES : 0);
		open.dirty = true;
		await writeFully(open.file, buffers, at);
		const synced = sync === 'always' ? open.file.datasync() : undefined;
		// Only once the sync has begun: what was gone by then is not promised.
		const looks = this.#look(open, end);
		if (fresh || looks.length > 0) {
			await allDone([synced, fresh && sync !== 'never' ? syncDirectory(files, directory) : undefined, ...looks]);
		} else await synced;
		if (sync === 'always') open.dirty = false;
		open.segment ??= this.#enlist(plan);
		open.segment.end = end;
		open.segment.writtenAtMs = now();
		this.#log.last = group.lastSequence;
		if (typeof sync === 'number' && this.#timer === undefined) {
			this.#timer = setTimeout(() => {
				this.#timer = undefined;
				this.#syncDue = true;
				this.#run();
			}, sync).unref();
		}
	}

	async #begin(plan: Plan): Promise<void> {
		const { files, directory, sync } = this.#options;
		if (this.#open?.dirty && sync !== 'never') await this.#sync();
		const before = this.#open;
		this.#open = undefined;
		await before?.file.close();
		const file = await files.open(join(directory, plan.file), 'create');
		this.#open = { plan, file, segment: undefined, dirty: false, gone: false };
	}

	/** Looks whether what was written is where it belongs, before it is promised. */
	#look(open: OpenSegment, end: number): readonly Promise<void>[] {
		const { hold, sync, lookEveryMs } = this.#options;
		const nowMs = performance.now();
		if (nowMs - this.#lookedAtMs < (sync === 'always' ? lookEveryMs : LOOK_UNSYNCED_EVERY_MS)) return [];
		this.#lookedAtMs = nowMs;
		return [this.#find(open, end), hold.check()];
	}

	/** Looks whether the file that was written is the one that its name leads to: a copy put in its place has not grown. */
	async #find(open: OpenSegment, end: number): Promise<void> {
		const { files, directory } = this.#options;
		const path = join(directory, open.plan.file);
		try {
			if ((await files.stat(path)).size >= end) return;
		} catch (error) {
			if (codeOf(error) !== 'ENOENT') throw error;
		}
		open.gone = true;
		throw new SpillError(`${path} was removed while it was written`, { code: 'SPILL_WRITE' });
	}

	#enlist({ name, file }: Plan): Segment {
		const segment: Segment = { name, file, end: 0, waste: 0, writtenAtMs: 0, damaged: false };
		this.#log.segments.push(segment);
		return segment;
	}

	async #sync(): Promise<void> {
		this.#syncDue = false;
		if (!this.#open?.dirty) return;
		await this.#open.file.datasync();
		this.#open.dirty = false;
	}

	/** Rejects everybody, and begins anew behind the last durable record. */
	async #fail(failure: unknown, touched: boolean): Promise<void> {
		const { directory, hold } = this.#options;
		const cause = await this.#causeOf(failure);
		const failed = this.#queue.splice(0);
		this.#next = this.#log.last + 1;
		const open = this.#open;
		const segment = open?.segment;
		if (touched || segment === undefined) {
			this.#plan = undefined;
			this.#open = undefined;
			// What was promised of it is gone as well.
			if (open?.gone && segment !== undefined && !hold.isLost) this.#log.lose(segment);
		} else if (open !== undefined) {
			// Nothing was written, so the file is as good as before; what was planned for it and behind it is not.
			open.plan.end = segment.end;
			this.#plan = open.plan;
		}
		const error = asSpillError(`cannot write to ${directory}`, cause, 'SPILL_WRITE');
		const waiters = failed.flatMap((group): Waiter[] => group.waiters);
		// A failed sync in the background concerns appends that have long been answered.
		if (waiters.length === 0) this.#broken = error;
		const bytes = failed[0]?.bytes ?? 0;
		for (const group of failed) group.release();
		for (const waiter of waiters) waiter.reject(error);
		if (open !== undefined && this.#open === undefined) await this.#abandon(open, bytes);
	}

	/** A directory that was taken away from us explains whatever failed in it. */
	async #causeOf(failure: unknown): Promise<unknown> {
		const { hold } = this.#options;
		try {
			await hold.check();
			return failure;
		} catch (error) {
			return hold.isLost ? error : failure;
		}
	}

	/** Gives back the space of what was not acknowledged. That may fail too, and costs space, not records. */
	async #abandon({ plan, file, segment }: OpenSegment, bytes: number): Promise<void> {
		const { files, directory } = this.#options;
		if (segment === undefined) {
			await ignoringFailure(file.close());
			await ignoringFailure(files.unlink(join(directory, plan.file)));
			return;
		}
		const freed = await ignoringFailure(file.truncate(segment.end));
		if (!freed) segment.waste = bytes;
		await ignoringFailure(file.close());
	}
}

/** Waits for all, whatever becomes of them, so that nothing is under way when the file is given up. @throws the first failure. */
async function allDone(work: readonly (Promise<void> | undefined)[]): Promise<void> {
	for (const one of await Promise.allSettled(work)) if (one.status === 'rejected') throw one.reason;
}

/** For what is done out of courtesy, after a failure that was told. @returns whether it was done. */
async function ignoringFailure(done: Promise<unknown>): Promise<boolean> {
	try {
		await done;
		return true;
	} catch {
		// The failure that led here was told to everybody who waited; this one changes nothing for them.
		return false;
	}
}
