import type { PerTreatment, Treatment } from '../core/estimate.js';

/**
 * Where every message went (rule M5). At every instant:
 * offered + recovered = inFlight + processed + failed + waiting + replayed + dropped + rejected + expired.
 */
export interface Ledger {
	/** Messages that were handed to the shedder. */
	offered: number;
	/** Records that the store already held when it was opened. */
	recovered: number;
	/** In a handler, or on the way to the store. */
	inFlight: number;
	processed: number;
	/** Their handler threw: the caller must not acknowledge them. */
	failed: number;
	/** In the store, not yet replayed and acknowledged. */
	waiting: number;
	replayed: number;
	dropped: number;
	/** Handed back to the source. */
	rejected: number;
	/** In the store until they were no longer worth replaying. */
	expired: number;
	/** Kept by the store so far. */
	spilled: number;
}

/** How a message leaves the shedder's hands. */
export type Leaving = 'processed' | 'failed' | 'dropped' | 'rejected';

/** Keeps the ledger, and counts what was done since it was last asked: what cost and load are learned from. */
export class Tally {
	readonly ledger: Ledger = {
		offered: 0,
		recovered: 0,
		inFlight: 0,
		processed: 0,
		failed: 0,
		waiting: 0,
		replayed: 0,
		dropped: 0,
		rejected: 0,
		expired: 0,
		spilled: 0,
	};
	#done: Record<Treatment, number> = { full: 0, lean: 0, spill: 0, shed: 0 };
	#offered: number[] = [];
	/** Came back from the store before their append had resolved. */
	#early = { replayed: 0, expired: 0 };
	#appending = 0;
	/** In flight at the last call of `take`. */
	#pending = 0;
	/** Counts what would make figures of the store out of date. */
	moves = 0;

	/** A message was offered and decided on. */
	offer(priority: number, treatment: Treatment): void {
		this.ledger.offered++;
		this.ledger.inFlight++;
		this.#offered[priority] = (this.#offered[priority] ?? 0) + 1;
		this.#done[treatment]++;
	}

	/** It is done with. */
	leave(as: Leaving): void {
		this.ledger.inFlight--;
		this.ledger[as]++;
	}

	/** Records are on their way to the store. */
	appending(count: number): void {
		this.moves++;
		this.#appending += count;
	}

	/** They have arrived, or so many of them as `kept` says. */
	appended(count: number, kept: number): void {
		const { ledger } = this;
		this.#appending -= count;
		ledger.inFlight -= kept;
		ledger.spilled += kept;
		ledger.waiting += kept;
		const early = this.#early;
		this.#early = { replayed: 0, expired: 0 };
		this.returned(early);
	}

	/** Records came back and were acknowledged. */
	returned({ replayed, expired }: { readonly replayed: number; readonly expired: number }): void {
		this.moves++;
		const { ledger } = this;
		const unknown = Math.max(0, replayed + expired - ledger.waiting);
		if (unknown > 0 && this.#appending > 0) {
			// A store may give back what it has not yet confirmed; it is booked once it is.
			const late = Math.min(unknown, replayed);
			this.#early = { replayed: this.#early.replayed + late, expired: this.#early.expired + unknown - late };
			this.returned({ replayed: replayed - late, expired: expired - (unknown - late) });
			return;
		}
		this.found(unknown);
		ledger.waiting -= replayed + expired;
		ledger.replayed += replayed;
		ledger.expired += expired;
	}

	/** The store holds records that were not known of: from an earlier run, or from an append that was given up. */
	found(count: number): void {
		this.ledger.recovered += count;
		this.ledger.waiting += count;
	}

	/** Compares with what the store says it holds, while nothing is on its way. */
	reconcile(records: number | null): void {
		if (records !== null && this.#appending === 0) this.found(Math.max(0, records - this.ledger.waiting));
	}

	/** A spilled message is handled after all. */
	replay(treatment: Treatment): void {
		this.#done[treatment]++;
	}

	/**
	 * What was finished: what was offered, less what is still in flight. Treatments are known when a message is offered, and
	 * it would cost every handler call a closure to remember them; which of two is still under way is a guess.
	 */
	#finished(): PerTreatment<number> {
		const done = this.#done;
		let pending = this.ledger.inFlight - this.#pending;
		this.#pending = this.ledger.inFlight;
		const usual = done.lean > done.full ? 'lean' : 'full';
		if (pending < 0) done[usual] -= pending;
		for (const kind of [usual, 'full', 'lean', 'spill'] as const) {
			const open = Math.max(0, Math.min(pending, done[kind]));
			done[kind] -= open;
			pending -= open;
		}
		return done;
	}

	/** Takes the counts since the last call. @param priorities how many there are. */
	take(priorities: number): { readonly done: PerTreatment<number>; readonly offered: readonly number[] } {
		const offered = Array.from({ length: priorities }, (_, p) => this.#offered[p] ?? 0);
		const done = this.#finished();
		this.#done = { full: 0, lean: 0, spill: 0, shed: 0 };
		this.#offered = [];
		return { done, offered };
	}
}
