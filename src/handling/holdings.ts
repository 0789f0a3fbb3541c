import type { Clock } from '../ports/clock.js';
import { isSpillFed, type SignalSource, type SpillFedSignal } from '../ports/signal.js';
import { SpillError, type SpillRecord, type SpillStats } from '../ports/spill.js';
import { TimeoutError, within } from '../ports/time.js';
import { countBacklog } from '../replay/backlog.js';
import type { Fence } from '../replay/fence.js';
import type { Tally } from './ledger.js';
import type { Replaying } from './replaying.js';
import type { Spiller } from './spiller.js';

/** How long after a store could not be opened, or did not answer, it is tried again. */
const RETRY_MS = 5_000;
/** A store that takes longer to say what it holds is told of. */
const ANSWER_MS = 2_000;
/** A message waits no longer for the store to be opened and, with a fence, read. */
const READY_MS = 10_000;

/** What the spill store holds, against the books: taken over from an earlier run once, and compared at each check. */
export class Holdings<M> {
	readonly spiller: Spiller<M>;
	readonly fence: Fence | undefined;
	readonly #tally: Tally;
	readonly #clock: Clock;
	readonly #signals: readonly SpillFedSignal[];
	readonly #replaying: Pick<Replaying<M, string, string, string, string, string>, 'quiet' | 'searching' | 'forget'>;
	readonly #failed: (error: unknown, name: string) => void;
	#recovery: Promise<void> | undefined;
	#recovered = false;
	/** Calls of {@link ready} that wait. */
	#entering = 0;
	/** Why the store cannot be used at the moment, and when it is tried again. */
	#down: { readonly cause: unknown; readonly untilMs: number } | undefined;
	/** Since when its figures are waited for. */
	#askedAtMs: number | undefined;
	#toldLate = false;
	#full = 0;

	constructor(
		spiller: Spiller<M>,
		fence: Fence | undefined,
		tally: Tally,
		clock: Clock,
		sources: readonly SignalSource[],
		replaying: Pick<Replaying<M, string, string, string, string, string>, 'quiet' | 'searching' | 'forget'>,
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

	/**
	 * Resolves when the store is open and what it held is booked. A store that was down a moment ago is not waited for again:
	 * messages that cannot be kept had better be handled at once (rule M2).
	 */
	async ready(): Promise<void> {
		// Whoever comes while others are still on their way in stays behind them, in the order of the calls.
		if (this.#recovered && this.#entering === 0) return;
		if (this.#isDown) throw this.#unavailable();
		this.#entering++;
		try {
			await this.#guarded(() => within(this.#clock, READY_MS, 'spill.open', this.#recover()));
		} finally {
			this.#entering--;
		}
	}

	/** Appends to the open store, under the eyes of the signals. Resolves when the records are durable. */
	async append(records: readonly SpillRecord[]): Promise<void> {
		if (this.#isDown) throw this.#unavailable();
		const ended = this.#signals.map((signal) => signal.appending());
		try {
			await this.#guarded(() => this.spiller.append(records));
		} finally {
			for (const end of ended) end();
		}
	}

	get #isDown(): boolean {
		return this.#down !== undefined && this.#clock.nowMs() < this.#down.untilMs;
	}

	#unavailable(): SpillError {
		const what = 'the spill store has not answered lately and is not waited for';
		return new SpillError(what, { code: 'SPILL_UNAVAILABLE', cause: this.#down?.cause });
	}

	/** Notes whether the store answers. While one finds out whether it does again, nobody else waits. */
	async #guarded(work: () => Promise<void>): Promise<void> {
		if (this.#down !== undefined) this.#isDownFor(this.#down.cause);
		try {
			await work();
			this.#down = undefined;
		} catch (cause) {
			if (cause instanceof TimeoutError || !this.#recovered) this.#isDownFor(cause);
			throw cause;
		}
	}

	#isDownFor(cause: unknown): void {
		this.#down = { cause, untilMs: this.#clock.nowMs() + RETRY_MS };
	}

	/** Takes over what the store held from an earlier run, once. */
	#recover(): Promise<void> {
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
		this.#recovered = true;
	}

	/** How full the store is, 0..1. Its last figures count while it does not answer. Never rejects. */
	async look(): Promise<number> {
		// A store that hangs is asked again when it has answered.
		if (this.#askedAtMs !== undefined || this.#isDown) {
			this.#tellLate();
			return this.#full;
		}
		this.#askedAtMs = this.#clock.nowMs();
		let during = 'open';
		try {
			if (!this.#recovered) await this.#guarded(() => this.#recover());
			during = 'stats';
			const { moves } = this.#tally;
			this.#full = await this.spiller.full();
			for (const signal of this.#signals) signal.filled(this.#full);
			// Figures say something only if nothing came or went while they were gathered.
			if (moves === this.#tally.moves && this.#replaying.quiet) this.#reconcile();
		} catch (error) {
			this.#failed(error, during);
		} finally {
			this.#askedAtMs = undefined;
			this.#toldLate = false;
		}
		return this.#full;
	}

	#tellLate(): void {
		const waitedMs = this.#clock.nowMs() - (this.#askedAtMs ?? Number.POSITIVE_INFINITY);
		if (this.#toldLate || waitedMs < ANSWER_MS) return;
		this.#toldLate = true;
		this.#failed(new TimeoutError('spill.stats', ANSWER_MS), 'stats');
	}

	#reconcile(): void {
		const { dedupesById } = this.spiller.store.capabilities;
		const records = this.stats?.records ?? null;
		const lost = this.#tally.reconcile(records, dedupesById);
		if (records === 0 && this.#tally.arrived) this.#replaying.forget();
		if (lost > 0) this.#failed(new SpillError(`${lost} spilled messages are lost`, { code: 'SPILL_LOST' }), 'lost');
	}
}
