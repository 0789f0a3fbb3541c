import type { Clock } from '../ports/clock.js';
import type { Spilled, SpillStore } from '../ports/spill.js';
import { within } from '../ports/time.js';
import type { Fence } from './fence.js';
import type { Recent } from './recent.js';
import { type Entry, type Fate, Window } from './window.js';

/** What a lane needs from outside. */
export interface LaneOptions {
	readonly clock: Clock;
	readonly store: SpillStore;
	/** Handles one record. */
	readonly handle: (record: Spilled) => Promise<void>;
	/** What has failed for the last time goes here. Resolves when it is durable; `undefined` = nowhere. */
	readonly bury: ((record: Spilled, error: unknown, attempts: number) => Promise<void>) | undefined;
	/** How often a record is tried before it is given up. */
	readonly attempts: number;
	/** How many records of different keys are handled at the same time. */
	readonly concurrency: number;
	/** Only the latest record of a key, of those of its handler and priority, is worth handling. */
	readonly latestOnly: boolean;
	/** It neither expires nor is it superseded (rule D3). */
	readonly isProtected: (record: Spilled) => boolean;
	readonly fence: Fence | undefined;
	/** What was replayed lately. */
	readonly recent: Recent;
	/** Epoch ms, for expiry. */
	readonly epochMs: () => number;
	/** Replay may go on right now. */
	readonly open: () => boolean;
	/** Takes the permission to feed one record; `false` when there is none. */
	readonly take: () => boolean;
	/** How many more records may be read before the next tick, by all lanes together. */
	readonly quota: { left: number };
	/** These records are finished and acknowledged. */
	readonly settled: (entries: readonly Entry[]) => void;
	readonly failed: (error: unknown, name: string) => void;
}

/** It is not the record's fault that it cannot be handled: it is tried again for ever. */
export class NotReadyError extends Error {
	readonly code = 'REPLAY_NOT_READY';
}

/** How much is read ahead: what may come twice after a crash, and what is held in memory. */
const AHEAD_MAX = 1_024;
/** Where only the latest record of a key counts, to look further ahead saves work. */
const AHEAD_LATEST_MAX = 8_192;
const AHEAD_BYTES_MAX = 8 * 1024 * 1024;
const READ_MAX = 256;
const READ_BYTES_MAX = 1024 * 1024;
const STORE_TIMEOUT_MS = 10_000;
/** Before the first retry of a record: most failures are over by then. */
const RETRY_SOON_MS = 100;
const RETRY_MS = 1_000;
const RETRY_MAX_MS = 60_000;

/** Brings one partition back: reads ahead, handles, retries in place, buries, acknowledges. Only it waits for a failure. */
export class Lane {
	/** Nothing was left when it was last read. */
	drained = false;
	readonly #partition: number;
	readonly #options: LaneOptions;
	readonly #window: Window;
	readonly #name: string;
	/** How far it was read. */
	#after: string | undefined;
	/** Not before this time, after a record has failed. */
	#retryAtMs = 0;
	/** Not before this time, after the store has failed so many times in a row. */
	#storeAtMs = 0;
	#failures = 0;
	#feeding: Promise<void> | undefined;
	/** Something has ended since the feeding began. */
	#again = false;
	/** Handler calls under way. */
	readonly #running = new Set<Promise<void>>();
	#acking: Promise<void> | undefined;

	constructor(partition: number, options: LaneOptions) {
		this.#partition = partition;
		this.#options = options;
		this.#window = new Window((record) => options.latestOnly && !options.isProtected(record));
		this.#name = `partition ${partition}`;
	}

	/** Nothing is finished that the store may or may not have forgotten. */
	get quiet(): boolean {
		return this.#window.quiet;
	}

	/** There is something to feed, as far as is known. */
	get hasWork(): boolean {
		return !this.drained || this.#window.unfinished > 0;
	}

	/** Forgets what was read and is not being handled, and reads from the front. What is being handled stays in the fence. */
	forget(): void {
		const { fence } = this.#options;
		for (const { record } of this.#window.forget()) fence?.add(record.key);
		this.#after = undefined;
	}

	/** Nothing is fed before this time, after a record or the store has failed. */
	get waitsUntilMs(): number {
		return Math.max(this.#retryAtMs, this.#storeAtMs);
	}

	/** Time has passed: goes on as far as it may. */
	tick(): void {
		// A handler that takes long does not keep what was finished before it from being acknowledged.
		void this.#ack();
		this.#goOn();
	}

	/** Resolves when what is under way is finished. */
	async idle(): Promise<void> {
		await this.#feeding;
		await Promise.all(this.#running);
		// One that is under way may have begun before the last ones were finished.
		await this.#acking;
		// The last chance is taken also when the store has just failed.
		this.#storeAtMs = 0;
		await this.#ack();
	}

	#goOn(): void {
		this.#again = this.#feeding !== undefined;
		this.#feeding ??= this.#feed().finally(() => {
			this.#feeding = undefined;
			if (this.#again) this.#goOn();
		});
	}

	/** Starts what may be started; whatever ends goes on from there. Never rejects. */
	async #feed(): Promise<void> {
		const { open, take, concurrency, clock, fence, latestOnly } = this.#options;
		const urgent = fence && ((entry: Entry) => fence.pressed(entry.bucket));
		while (this.#running.size < concurrency && open() && clock.nowMs() >= this.waitsUntilMs) {
			if (latestOnly && !this.drained && this.#room >= READ_MAX && (await this.#fill())) continue;
			const entry = this.#window.next(fence?.pressing ? urgent : undefined);
			if (entry === undefined) {
				if (await this.#fill()) continue;
				return;
			}
			const idle = this.#idleFate(entry);
			if (idle !== undefined) this.#window.settle(entry, idle);
			else if (take()) this.#start(entry);
			else {
				this.#window.settle(entry, undefined);
				return;
			}
		}
	}

	#start(entry: Entry): void {
		const task = this.#handle(entry).finally(() => {
			this.#running.delete(task);
			this.#goOn();
		});
		this.#running.add(task);
	}

	/** Why a record is not worth handling. */
	#idleFate({ record }: Entry): Fate | undefined {
		const { epochMs, isProtected, recent } = this.#options;
		if (record.expiresAtMs !== undefined && record.expiresAtMs <= epochMs() && !isProtected(record)) return 'expired';
		return recent.has(taskOf(record)) ? 'duplicate' : undefined;
	}

	/** Handles one record; a failure makes the lane wait. Never rejects. */
	async #handle(entry: Entry): Promise<void> {
		const { handle, recent, failed } = this.#options;
		const { record } = entry;
		try {
			await handle(record);
			recent.add(taskOf(record));
			this.#window.settle(entry, 'replayed');
		} catch (error) {
			if (!(error instanceof NotReadyError)) entry.attempts++;
			failed(error, this.#name);
			this.#window.settle(entry, (await this.#buried(entry, error)) ? 'deadLettered' : undefined);
		}
	}

	/** Gives a record up, if it is time to and there is a place for it; else it is tried again later. */
	async #buried(entry: Entry, error: unknown): Promise<boolean> {
		const { attempts, bury, failed, clock } = this.#options;
		const { record } = entry;
		const what = `a record of key "${record.key}" has failed ${entry.attempts} times`;
		if (bury !== undefined && entry.attempts >= attempts) {
			try {
				await bury(record, error, entry.attempts);
				return true;
			} catch (cause) {
				failed(new Error(`${what} and could not be put with the dead letters`, { cause }), this.#name);
			}
		} else if (entry.attempts === attempts) {
			const then = 'there is no dead-letter store: the replay of its partition waits for it';
			failed(new Error(`${what} and ${then}`, { cause: error }), this.#name);
		}
		// One whose handler is not there yet has not failed, and is not tried so soon.
		const waitMs = entry.attempts === 1 ? RETRY_SOON_MS : backoffMs(Math.max(0, entry.attempts - 1));
		// Another one that fails meanwhile does not bring the retry forward.
		this.#retryAtMs = Math.max(this.#retryAtMs, clock.nowMs() + waitMs);
		return false;
	}

	/** How many records may be read ahead now. What is not acknowledged is kept in mind, so it must not become more and more. */
	get #room(): number {
		if (this.#window.bytes >= AHEAD_BYTES_MAX) return 0;
		const { latestOnly, quota } = this.#options;
		return Math.min((latestOnly ? AHEAD_LATEST_MAX : AHEAD_MAX) - this.#window.size, quota.left);
	}

	/** Reads ahead. @returns whether there is something to go on with. */
	async #fill(): Promise<boolean> {
		const { clock, store, fence, quota, failed } = this.#options;
		await this.#ack();
		if (this.#room <= 0) return false;
		const after = this.#after;
		try {
			const read = store.read({
				partition: this.#partition,
				after,
				maxRecords: Math.min(READ_MAX, this.#room),
				maxBytes: READ_BYTES_MAX,
			});
			const records = await within(clock, STORE_TIMEOUT_MS, 'spill.read', read);
			quota.left -= records.length;
			// It was forgotten meanwhile up to where it was read.
			if (after !== this.#after) return true;
			for (const record of records) {
				this.#window.add(record, fence?.bucketOf(record.key) ?? 0);
				this.#after = record.cursor;
			}
			this.#failures = 0;
			this.drained = records.length === 0;
			return !this.drained;
		} catch (error) {
			failed(error, this.#name);
			this.#storeFailed();
			return false;
		}
	}

	/** Acknowledges what is finished at the front, one attempt at a time. Never rejects. */
	#ack(): Promise<void> {
		this.#acking ??= this.#ackFront().finally(() => {
			this.#acking = undefined;
		});
		return this.#acking;
	}

	async #ackFront(): Promise<void> {
		const { clock, store, settled, failed } = this.#options;
		const front = this.#window.front();
		if (front === undefined || clock.nowMs() < this.#storeAtMs) return;
		try {
			await within(clock, STORE_TIMEOUT_MS, 'spill.ack', store.ack(this.#partition, front.upTo));
			this.#window.drop(front);
			this.#failures = 0;
			settled(front.entries);
		} catch (error) {
			failed(error, this.#name);
			this.#storeFailed();
		}
	}

	#storeFailed(): void {
		this.#storeAtMs = this.#options.clock.nowMs() + backoffMs(this.#failures++);
	}
}

/** What is done once: a message that several handlers are given is kept once for each, under the same id. */
function taskOf({ id, headers = {} }: Spilled): string {
	return JSON.stringify([headers.handler, id]);
}

function backoffMs(failures: number): number {
	return Math.min(RETRY_MS * 2 ** failures, RETRY_MAX_MS);
}
