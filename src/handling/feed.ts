import { learnDifference, noDifference } from '../core/clock-difference.js';
import type { Queues } from '../core/queues.js';
import { type FedSignal, isFed, type SignalSource } from '../ports/signal.js';

/** Nothing was offered for this long on the cached clock: a silence. */
const SILENCE_MS = 100;
/** So many ages are kept between two checks. */
const AGES_MAX = 64;
/** Older than this, or as far ahead, is no time of a message. */
const PLAUSIBLE_MS = 10 * 365 * 24 * 3_600_000;

/** Knows how old messages are, feeds the signals that live on that, and knows whether there are any messages. */
export class Feed<M> {
	readonly #signals: readonly FedSignal[];
	readonly #timeOf: ((message: M) => number) | undefined;
	readonly #failed: (error: unknown, name: string) => void;
	/** When a message was last offered or done with, epoch ms. */
	#activeAtMs = Number.NEGATIVE_INFINITY;
	/** Of the producers' clocks and ours. */
	#difference = noDifference;
	/** Ages since the last check, before the difference is taken off. */
	#ages: number[] = [];
	/** Of messages between two silences: a batch that was waiting comes together. */
	#alone: number[] = [];
	/** Of a message behind a silence, until the next one tells whether it was alone. */
	#behindSilence = Number.NaN;
	#wasEmpty = false;
	#toldOfTime = false;

	/** Ages are asked for, by signals or for each message. */
	readonly #needed: boolean;

	constructor(
		sources: readonly SignalSource[],
		timeOf: ((message: M) => number) | undefined,
		agesMatter: boolean,
		failed: (error: unknown, name: string) => void,
	) {
		this.#signals = sources.filter(isFed);
		this.#needed = this.#signals.length > 0 || agesMatter;
		this.#timeOf = timeOf;
		this.#failed = failed;
	}

	/** How old a message is, ms, less the difference of the clocks (rule R9); `NaN` where that cannot be told. */
	ageOf(message: M, epochMs: number): number {
		return this.#rawAgeOf(message, epochMs) - this.#difference.ms;
	}

	#rawAgeOf(message: M, epochMs: number): number {
		if (this.#timeOf === undefined) return Number.NaN;
		try {
			const atMs = this.#timeOf(message);
			if (Math.abs(epochMs - atMs) < PLAUSIBLE_MS) return epochMs - atMs;
			this.#tellOfTime(atMs);
		} catch (error) {
			this.#failed(error, 'timeOf');
		}
		return Number.NaN;
	}

	/** Once: a wrong unit is wrong for every message. */
	#tellOfTime(atMs: unknown): void {
		if (this.#toldOfTime || !Number.isFinite(atMs)) return;
		this.#toldOfTime = true;
		const what = `timeOf must give epoch milliseconds, within ten years of now: it gave ${atMs}`;
		this.#failed(new RangeError(what), 'timeOf');
	}

	/** A message is offered. @param inFlight before it. */
	offered(message: M, inFlight: number, epochMs: number): void {
		if (this.#needed) {
			const ageMs = this.#rawAgeOf(message, epochMs);
			if (this.#ages.length < AGES_MAX && Number.isFinite(ageMs)) this.#ages.push(ageMs);
			// The first message of all says nothing about what had been waiting for us.
			const silent = inFlight === 0 && epochMs - this.#activeAtMs >= SILENCE_MS && this.#activeAtMs > 0;
			if (silent && this.#alone.length < AGES_MAX && Number.isFinite(this.#behindSilence))
				this.#alone.push(this.#behindSilence);
			this.#behindSilence = silent ? ageMs : Number.NaN;
			for (const signal of this.#signals) {
				try {
					signal.offered(ageMs - this.#difference.ms);
				} catch (error) {
					this.#failed(error, 'offered');
				}
			}
		}
		this.#activeAtMs = epochMs;
	}

	/** A message is done with. */
	left(epochMs: number): void {
		for (const signal of this.#signals) {
			try {
				signal.left();
			} catch (error) {
				this.#failed(error, 'left');
			}
		}
		this.#activeAtMs = epochMs;
	}

	/** The signals were read, and say this of the queues. */
	checked({ empty, held }: Queues): void {
		// A silence tells nothing of a queue that is known to hold something: who fetches batches is silent between them.
		const unqueued = empty && this.#wasEmpty ? this.#ages : held ? [] : this.#alone;
		this.#difference = learnDifference(this.#difference, unqueued);
		this.#wasEmpty = empty;
		this.#ages = [];
		this.#alone = [];
	}

	/** There was something to do until just now. */
	active(epochMs: number): boolean {
		return epochMs - this.#activeAtMs < SILENCE_MS;
	}
}
