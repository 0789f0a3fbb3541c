import { nextPace, noPace, type Pace, type PaceInput } from '../core/pace.js';
import type { Clock } from '../ports/clock.js';
import type { Cursor, Spilled, SpillStore } from '../ports/spill.js';
import { within } from '../ports/time.js';

/** What a replayer needs from outside. */
export interface ReplayerOptions {
	readonly clock: Clock;
	readonly store: SpillStore;
	/** Handles one record. A rejection leaves it in the store. */
	readonly handle: (record: Spilled) => Promise<'replayed' | 'expired'>;
	/** These many records were handled and acknowledged. */
	readonly settled: (counts: Counts) => void;
	readonly failed: (error: unknown, name: string) => void;
}

interface Counts {
	readonly replayed: number;
	readonly expired: number;
}

interface Partition {
	readonly index: number;
	/** The last record handled; what is acknowledged is behind it after a failed acknowledgement. */
	after: Cursor | undefined;
	/** Handled and not yet acknowledged. */
	unacked: { replayed: number; expired: number };
	/** Not before this time, after a failure. */
	resumeAtMs: number;
	failures: number;
	/** Nothing was left when it was last read. */
	drained: boolean;
	/** The feeding under way. */
	feeding: Promise<void> | undefined;
}

const BATCH_MAX = 64;
const STORE_TIMEOUT_MS = 10_000;
const RETRY_MS = 1_000;
const RETRY_MAX_MS = 60_000;
/** Credit is saved up for no longer than this, so that a pause is not followed by a burst. */
const CREDIT_MS = 200;

/**
 * Feeds spilled records back to their handlers (rule M3): in order within a partition, at a pace that is set from outside,
 * acknowledged after the handler has resolved, so at least once. A failing record is tried again in place with back-off;
 * only its partition waits.
 */
export class Replayer {
	/** The pace in force. */
	pace: Pace = noPace;
	/** Records per second that were really fed up to the last plan; `NaN` = unknown. */
	fedPerS = Number.NaN;
	readonly #options: ReplayerOptions;
	readonly #partitions: readonly Partition[];
	#mayRun = false;
	#credit = 0;
	#fed = 0;
	#turn = 0;
	#tickedAtMs: number;

	constructor(options: ReplayerOptions) {
		this.#options = options;
		this.#tickedAtMs = options.clock.nowMs();
		this.#partitions = Array.from({ length: options.store.capabilities.partitions }, (_, index) => ({
			index,
			after: undefined,
			unacked: { replayed: 0, expired: 0 },
			resumeAtMs: 0,
			failures: 0,
			drained: false,
			feeding: undefined,
		}));
	}

	/** Feeds messages, or would if there were any. */
	get running(): boolean {
		return this.#mayRun && this.pace.perS > 0;
	}

	/** Every partition was empty when it was last read. */
	get drained(): boolean {
		return this.#partitions.every((partition) => partition.drained);
	}

	/** Sets the pace of the next interval. */
	plan(input: Omit<PaceInput, 'fedPerS'>): void {
		this.fedPerS = (this.#fed * 1000) / input.elapsedMs;
		this.pace = nextPace(this.pace, { ...input, fedPerS: this.fedPerS });
		this.#fed = 0;
		this.#mayRun = input.mayRun && !input.rising;
		if (!this.#mayRun) this.#yield();
	}

	/** Stops feeding at once; the record under way is finished. */
	#yield(): void {
		this.#mayRun = false;
		this.pace = noPace;
		this.#credit = 0;
	}

	/** Time has passed: feeds what the pace allows. */
	tick(): void {
		const nowMs = this.#options.clock.nowMs();
		const earned = (this.pace.perS * Math.max(0, nowMs - this.#tickedAtMs)) / 1000;
		this.#tickedAtMs = nowMs;
		if (!this.running) return;
		this.#credit = Math.min(this.#credit + earned, Math.max(1, (this.pace.perS * CREDIT_MS) / 1000));
		// Each tick begins with another partition, so that an empty one does not take the credit of the others.
		this.#turn++;
		for (const i of this.#partitions.keys()) {
			if (this.#credit < 1) return;
			const partition = this.#partitions[(i + this.#turn) % this.#partitions.length] as Partition;
			partition.feeding ??= this.#feed(partition).finally(() => {
				partition.feeding = undefined;
			});
		}
	}

	/** Resolves when the records under way are finished, within `timeoutMs`. */
	async stop(timeoutMs: number): Promise<void> {
		this.#yield();
		const feeding = this.#partitions.map((partition) => partition.feeding);
		if (feeding.some(Boolean))
			await within(this.#options.clock, timeoutMs, 'the replay under way', Promise.all(feeding));
	}

	/** Feeds one partition until the credit is spent, it is empty, or a record fails. Never rejects. */
	async #feed(partition: Partition): Promise<void> {
		const { clock, failed } = this.#options;
		while (this.#mayRun && this.#credit >= 1 && clock.nowMs() >= partition.resumeAtMs) {
			// Taken before the read, so that partitions do not spend the same credit twice.
			const credit = Math.min(BATCH_MAX, Math.floor(this.#credit));
			this.#credit -= credit;
			let fed = 0;
			try {
				const records = await this.#read(partition, credit);
				partition.drained = records.length === 0;
				try {
					for (const record of records) {
						if (!this.#mayRun) break;
						fed++;
						this.#fed++;
						partition.unacked[await this.#options.handle(record)]++;
						partition.after = record.cursor;
					}
				} finally {
					await this.#ack(partition);
				}
				partition.failures = 0;
				if (partition.drained) return;
			} catch (error) {
				failed(error, `partition ${partition.index}`);
				partition.resumeAtMs = clock.nowMs() + Math.min(RETRY_MS * 2 ** partition.failures++, RETRY_MAX_MS);
			} finally {
				if (this.#mayRun) this.#credit += credit - fed;
			}
		}
	}

	#read({ index, after }: Partition, maxRecords: number): Promise<readonly Spilled[]> {
		const { clock, store } = this.#options;
		return within(clock, STORE_TIMEOUT_MS, 'spill.read', store.read({ partition: index, after, maxRecords }));
	}

	async #ack(partition: Partition): Promise<void> {
		const { clock, store, settled } = this.#options;
		const counts = partition.unacked;
		if (partition.after === undefined || counts.replayed + counts.expired === 0) return;
		await within(clock, STORE_TIMEOUT_MS, 'spill.ack', store.ack(partition.index, partition.after));
		partition.unacked = { replayed: 0, expired: 0 };
		settled(counts);
	}
}
