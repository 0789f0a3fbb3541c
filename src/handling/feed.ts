import { type FedSignal, isFed, type SignalSource } from '../ports/signal.js';

/** Nothing was offered for this long on the cached clock, so nothing had been waiting. */
const IDLE_MS = 100;

/** Feeds the signals that live on messages, and knows whether there are any messages. */
export class Feed<M> {
	readonly #signals: readonly FedSignal[];
	readonly #timeOf: ((message: M) => number) | undefined;
	readonly #failed: (error: unknown) => void;
	/** When a message was last offered or done with, epoch ms. */
	#activeAtMs = Number.NEGATIVE_INFINITY;

	constructor(
		sources: readonly SignalSource[],
		timeOf: ((message: M) => number) | undefined,
		failed: (error: unknown) => void,
	) {
		this.#signals = sources.filter(isFed);
		this.#timeOf = timeOf;
		this.#failed = failed;
	}

	/** A message is offered. @param inFlight before it. */
	offered(message: M, inFlight: number, epochMs: number): void {
		if (this.#signals.length > 0) {
			// The first message of all says nothing about what had been waiting for us.
			const idle = inFlight === 0 && epochMs - this.#activeAtMs >= IDLE_MS && this.#activeAtMs > 0;
			const ageMs = this.#ageOf(message, epochMs);
			for (const signal of this.#signals) signal.offered(ageMs, idle);
		}
		this.#activeAtMs = epochMs;
	}

	#ageOf(message: M, epochMs: number): number {
		try {
			return this.#timeOf === undefined ? Number.NaN : epochMs - this.#timeOf(message);
		} catch (error) {
			this.#failed(error);
			return Number.NaN;
		}
	}

	/** A message is done with. */
	left(epochMs: number): void {
		for (const signal of this.#signals) signal.left();
		this.#activeAtMs = epochMs;
	}

	/** There was something to do until just now. */
	active(epochMs: number): boolean {
		return epochMs - this.#activeAtMs < IDLE_MS;
	}
}
