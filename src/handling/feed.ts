import { learnDifference, noDifference } from '../core/clock-difference.js';
import { type FedSignal, isFed, type SignalSource } from '../ports/signal.js';

/** Nothing was offered for this long on the cached clock, so nothing had been waiting. */
const SILENCE_MS = 100;
/** So many ages after a silence are kept between two checks. */
const SILENT_MAX = 64;

/** Knows how old messages are, feeds the signals that live on that, and knows whether there are any messages. */
export class Feed<M> {
	readonly #signals: readonly FedSignal[];
	readonly #timeOf: ((message: M) => number) | undefined;
	readonly #failed: (error: unknown) => void;
	/** When a message was last offered or done with, epoch ms. */
	#activeAtMs = Number.NEGATIVE_INFINITY;
	/** Of the producers' clocks and ours. */
	#difference = noDifference;
	/** Of the ages since the last check, before the difference is taken off. */
	#lowest = Number.POSITIVE_INFINITY;
	#afterSilence: number[] = [];
	#wasEmpty = false;

	/** Ages are asked for, by signals or for each message. */
	readonly #needed: boolean;

	constructor(
		sources: readonly SignalSource[],
		timeOf: ((message: M) => number) | undefined,
		agesMatter: boolean,
		failed: (error: unknown) => void,
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
			return epochMs - this.#timeOf(message);
		} catch (error) {
			this.#failed(error);
			return Number.NaN;
		}
	}

	/** A message is offered. @param inFlight before it. */
	offered(message: M, inFlight: number, epochMs: number): void {
		if (this.#needed) {
			const ageMs = this.#rawAgeOf(message, epochMs);
			if (Number.isFinite(ageMs)) {
				if (ageMs < this.#lowest) this.#lowest = ageMs;
				// The first message of all says nothing about what had been waiting for us.
				const silent = inFlight === 0 && epochMs - this.#activeAtMs >= SILENCE_MS && this.#activeAtMs > 0;
				if (silent && this.#afterSilence.length < SILENT_MAX) this.#afterSilence.push(ageMs);
			}
			for (const signal of this.#signals) signal.offered(ageMs - this.#difference.ms);
		}
		this.#activeAtMs = epochMs;
	}

	/** A message is done with. */
	left(epochMs: number): void {
		for (const signal of this.#signals) signal.left();
		this.#activeAtMs = epochMs;
	}

	/** The signals were read. @param empty  as far as they can tell, no message waits. */
	checked(empty: boolean): void {
		this.#difference = learnDifference(this.#difference, {
			afterSilence: this.#afterSilence,
			whileEmpty: empty && this.#wasEmpty && Number.isFinite(this.#lowest) ? this.#lowest : Number.NaN,
		});
		this.#wasEmpty = empty;
		this.#lowest = Number.POSITIVE_INFINITY;
		this.#afterSilence = [];
	}

	/** There was something to do until just now. */
	active(epochMs: number): boolean {
		return epochMs - this.#activeAtMs < SILENCE_MS;
	}
}
