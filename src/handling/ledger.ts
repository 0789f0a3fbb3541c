import type { PerTreatment, Treatment } from '../core/estimate.js';
import type { Ledger } from '../ports/observable.js';

/** How spilled messages came to their end. */
export interface Returned {
	readonly replayed: number;
	/** Too old. The ledger's `expired` has the next two in it as well. */
	readonly outdated: number;
	readonly superseded: number;
	readonly duplicates: number;
	readonly deadLettered: number;
}

const NOTHING: Returned = { replayed: 0, outdated: 0, superseded: 0, duplicates: 0, deadLettered: 0 };
const ENDS = ['replayed', 'outdated', 'superseded', 'duplicates', 'deadLettered'] as const;

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
		deadLettered: 0,
		lost: 0,
		spilled: 0,
		skipped: 0,
		fenced: 0,
		superseded: 0,
		duplicates: 0,
	};
	#done: Record<Treatment, number> = { full: 0, lean: 0, spill: 0, shed: 0 };
	#replayed: Record<Treatment, number> = { full: 0, lean: 0, spill: 0, shed: 0 };
	#offered: number[] = [];
	/** Came back from the store before their append had resolved. */
	#early = NOTHING;
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
		this.#early = NOTHING;
		this.returned(early);
	}

	/** Nothing is on its way to the store. */
	get arrived(): boolean {
		return this.#appending === 0;
	}

	/** Records came back and were acknowledged. */
	returned(ended: Returned): void {
		this.moves++;
		const { ledger } = this;
		const sum = ENDS.reduce((count, end) => count + ended[end], 0);
		let unknown = Math.max(0, sum - ledger.waiting);
		// A store may give back what it has not yet confirmed; it is booked once it is.
		const early = { ...this.#early };
		if (this.#appending === 0) this.found(unknown);
		for (const end of ENDS) {
			const late = this.#appending > 0 ? Math.min(unknown, ended[end]) : 0;
			unknown -= late;
			early[end] += late;
			const booked = ended[end] - late;
			ledger.waiting -= booked;
			if (end !== 'outdated') ledger[end] += booked;
			if (end !== 'replayed' && end !== 'deadLettered') ledger.expired += booked;
		}
		this.#early = early;
	}

	/** The store holds records that were not known of: from an earlier run, or from an append that was given up. */
	found(count: number): void {
		this.ledger.recovered += count;
		this.ledger.waiting += count;
	}

	/**
	 * Compares with what the store says it holds, while nothing is on its way. @param dedupes  it keeps one of each id.
	 *
	 * @returns how many are lost.
	 */
	reconcile(records: number | null, dedupes: boolean): number {
		const { ledger } = this;
		if (records === null || this.#appending > 0) return 0;
		const missing = Math.max(0, ledger.waiting - records);
		this.found(Math.max(0, records - ledger.waiting));
		ledger.waiting -= missing;
		if (!dedupes) ledger.lost += missing;
		else {
			ledger.expired += missing;
			ledger.duplicates += missing;
		}
		return dedupes ? 0 : missing;
	}

	/** A spilled message is handled after all. */
	replay(treatment: Treatment): void {
		this.#done[treatment]++;
		this.#replayed[treatment]++;
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
	take(priorities: number): {
		readonly done: PerTreatment<number>;
		readonly replayed: PerTreatment<number>;
		readonly offered: readonly number[];
	} {
		const offered = Array.from({ length: priorities }, (_, p) => this.#offered[p] ?? 0);
		const done = this.#finished();
		const replayed = this.#replayed;
		this.#done = { full: 0, lean: 0, spill: 0, shed: 0 };
		this.#replayed = { full: 0, lean: 0, spill: 0, shed: 0 };
		this.#offered = [];
		return { done, replayed, offered };
	}
}
