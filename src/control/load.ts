import { type LoadEstimate, learn, noEstimate, predictUtilisation, TREATMENTS } from '../core/estimate.js';
import { severityOf } from '../core/hysteresis.js';
import { compiled, type Ladder } from '../core/ladder.js';
import { isFed } from '../ports/signal.js';
import type { Consumer } from './consumer.js';
import type { SignalReader } from './reader.js';

/** A queue signal this far towards its first threshold says that work is waiting all the time ... */
const WAITING = 0.5;
/** ... and this far, that live messages have begun to wait: soon enough for replay to make room. */
const DELAYED = 0.25;

/** What is learned about the load, and about what the consumers can do, from check to check (rule R7). */
export class LoadWatch {
	estimate: LoadEstimate = noEstimate;
	/** Predicted utilisation per level; `NaN` = unknown. */
	utilisation: readonly number[] = [];
	/** Live messages wait for longer than handling takes. */
	standingDelay = false;
	/** Messages were handled since the last check. */
	trafficMoves = false;
	readonly #capacityPerS: number | undefined;
	#learnedAtMs: number;

	constructor(nowMs: number, capacityPerS: number | undefined) {
		this.#learnedAtMs = nowMs;
		this.#capacityPerS = capacityPerS;
	}

	/** The ladder is another one: what was counted for the old one says nothing. */
	restart(consumers: Iterable<Consumer>): void {
		for (const consumer of consumers) consumer.take();
		this.estimate = { ...this.estimate, arrivalPerS: null };
	}

	/** Takes the counts of the time since the last call. @param accepting whether messages could arrive. */
	learn(
		ladder: Ladder,
		readers: ReadonlyMap<string, SignalReader>,
		readings: { readonly [signal: string]: number },
		consumers: Iterable<Consumer>,
		nowMs: number,
		accepting: boolean,
	): void {
		const done = { full: 0, lean: 0, spill: 0, shed: 0 };
		const offered = ladder.priorities.map(() => 0);
		let busy = false;
		for (const consumer of consumers) {
			const taken = consumer.take();
			for (const kind of TREATMENTS) done[kind] += taken.done[kind];
			for (const [p, count] of taken.offered.entries()) offered[p] = (offered[p] ?? 0) + count;
			busy ||= consumer.busy;
		}
		this.trafficMoves = TREATMENTS.some((kind) => done[kind] > 0);
		const towards = compiled(ladder).signals.map((signal) => {
			const source = readers.get(signal.name)?.source;
			const queue = signal.policy.fallsWhilePaused === false || (source !== undefined && isFed(source));
			return queue ? severityOf(signal, readings[signal.name] as number) : 0;
		});
		this.standingDelay = towards.some((severity) => severity >= DELAYED);
		this.estimate = learn(this.estimate, {
			elapsedMs: nowMs - this.#learnedAtMs,
			done,
			arrived: accepting ? offered : null,
			backlogged: busy && towards.some((severity) => severity >= WAITING),
		});
		this.#learnedAtMs = nowMs;
		const full = this.#capacityPerS === undefined ? this.estimate.costMs.full : 1000 / this.#capacityPerS;
		this.estimate = { ...this.estimate, costMs: { ...this.estimate.costMs, full } };
		this.utilisation = predictUtilisation(ladder, this.estimate);
	}
}
