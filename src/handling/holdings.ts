import type { Clock } from '../ports/clock.js';
import { isSpillFed, type SignalSource, type SpillFedSignal } from '../ports/signal.js';
import { SpillError, type SpillRecord, type SpillStats } from '../ports/spill.js';
import { countBacklog } from '../replay/backlog.js';
import type { Fence } from '../replay/fence.js';
import type { Tally } from './ledger.js';
import type { Replaying } from './replaying.js';
import type { Spiller } from './spiller.js';

/** How long after a store could not be opened it is tried again. */
const REOPEN_MS = 5_000;

/** What the spill store holds, against the books: taken over from an earlier run once, and compared at each check. */
export class Holdings<M> {
	readonly spiller: Spiller<M>;
	readonly fence: Fence | undefined;
	readonly #tally: Tally;
	readonly #clock: Clock;
	readonly #signals: readonly SpillFedSignal[];
	readonly #replaying: Pick<Replaying<M, string, string, string, string, string>, 'quiet' | 'searching'>;
	readonly #failed: (error: unknown, name: string) => void;
	#recovery: Promise<void> | undefined;
	#reopenAtMs = Number.NEGATIVE_INFINITY;
	#looking = false;
	#full = 0;

	constructor(
		spiller: Spiller<M>,
		fence: Fence | undefined,
		tally: Tally,
		clock: Clock,
		sources: readonly SignalSource[],
		replaying: Pick<Replaying<M, string, string, string, string, string>, 'quiet' | 'searching'>,
		failed: (error: unknown, name: string) => void,
	) {
		this.spiller = spiller;
		this.fence = fence;
		this.#tally = tally;
		this.#clock = clock;
		this.#signals = sources.filter(isSpillFed);
		this.#replaying = replaying;
		this.#failed = failed;
	}

	/** The store's own figures as of the last look. */
	get stats(): SpillStats | undefined {
		return this.spiller.stats;
	}

	/** Appends to the open store, under the eyes of the signals. Resolves when the records are durable. */
	async append(records: readonly SpillRecord[]): Promise<void> {
		const ended = this.#signals.map((signal) => signal.appending());
		try {
			await this.spiller.append(records);
		} finally {
			for (const end of ended) end();
		}
	}

	/** Takes over what the store held from an earlier run, once. */
	recover(): Promise<void> {
		this.#recovery ??= this.#takeOver().catch((error: unknown) => {
			this.#recovery = undefined;
			throw error;
		});
		return this.#recovery;
	}

	async #takeOver(): Promise<void> {
		const records = await this.spiller.open();
		if (this.fence !== undefined) await countBacklog(this.spiller.store, this.fence, this.#clock);
		this.#tally.found(records ?? 0);
		if (records === null) this.#replaying.searching = true;
	}

	/** How full the store is, 0..1. Its last figures count while it does not answer. Never rejects. */
	async look(): Promise<number> {
		// A store that hangs is asked again when it has answered.
		if (this.#looking || this.#clock.nowMs() < this.#reopenAtMs) return this.#full;
		this.#looking = true;
		let during = 'open';
		try {
			await this.recover();
			during = 'stats';
			const { moves } = this.#tally;
			this.#full = await this.spiller.full();
			for (const signal of this.#signals) signal.filled(this.#full);
			// Figures say something only if nothing came or went while they were gathered.
			if (moves === this.#tally.moves && this.#replaying.quiet) this.#reconcile();
		} catch (error) {
			if (during === 'open') this.#reopenAtMs = this.#clock.nowMs() + REOPEN_MS;
			this.#failed(error, during);
		} finally {
			this.#looking = false;
		}
		return this.#full;
	}

	#reconcile(): void {
		const { dedupesById } = this.spiller.store.capabilities;
		const lost = this.#tally.reconcile(this.stats?.records ?? null, dedupesById);
		if (lost > 0) this.#failed(new SpillError(`${lost} spilled messages are lost`, { code: 'SPILL_LOST' }), 'lost');
	}
}
