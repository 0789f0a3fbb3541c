import {
	followLoad,
	type LoadEstimate,
	learn,
	noEstimate,
	predictUtilisation,
	TREATMENTS,
	withCapacity,
	workOf,
} from '../core/estimate.js';
import type { Ladder } from '../core/ladder.js';
import { lookAtQueues, noQueues } from '../core/queues.js';
import { isFed } from '../ports/signal.js';
import type { Consumer } from './consumer.js';
import type { SignalReader } from './reader.js';

/** What is learned about the load, and about what the consumers can do, from check to check (rule R7). */
export class LoadWatch {
	estimate: LoadEstimate = noEstimate;
	/** Predicted utilisation per level; `NaN` = unknown. */
	utilisation: readonly number[] = [];
	/** The share of the time that live messages take at what they cost; `NaN` = unknown. */
	liveLoad = Number.NaN;
	/** Messages were handled since the last check. */
	trafficMoves = false;
	readonly #capacityPerS: number | undefined;
	#assignedAnew = false;
	#queues = noQueues;
	#learnedAtMs: number;

	constructor(nowMs: number, capacityPerS: number | undefined) {
		this.#learnedAtMs = nowMs;
		this.#capacityPerS = capacityPerS;
	}

	/** Live messages wait for longer than handling takes. */
	get standingDelay(): boolean {
		return this.#queues.delayed;
	}

	/** The ladder is another one: what was counted for the old one says nothing. */
	restart(consumers: Iterable<Consumer>): void {
		for (const consumer of consumers) consumer.take();
		this.estimate = { ...this.estimate, arrivalPerS: null };
		this.liveLoad = Number.NaN;
		this.#queues = noQueues;
	}

	/** The broker assigned anew: what arrived until now says nothing about what will. */
	assigned(): void {
		this.#assignedAnew = true;
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
		const elapsedMs = nowMs - this.#learnedAtMs;
		this.#learnedAtMs = nowMs;
		const fed = (name: string) => {
			const source = readers.get(name)?.source;
			return source !== undefined && isFed(source);
		};
		this.#queues = lookAtQueues(ladder, this.#queues, readings, fed, accepting, elapsedMs);

		const done = { full: 0, lean: 0, spill: 0, shed: 0 };
		const live = { ...done };
		const offered = ladder.priorities.map(() => 0);
		let busy = false;
		for (const consumer of consumers) {
			const taken = consumer.take();
			for (const kind of TREATMENTS) {
				done[kind] += taken.done[kind];
				live[kind] += taken.done[kind] - taken.replayed[kind];
			}
			for (const [p, count] of taken.offered.entries()) offered[p] = (offered[p] ?? 0) + count;
			busy ||= consumer.busy;
			consumer.checked(this.#queues);
		}
		this.trafficMoves = TREATMENTS.some((kind) => done[kind] > 0);
		const learned = learn(this.estimate, {
			elapsedMs,
			done,
			arrived: accepting && !this.#assignedAnew ? offered : null,
			backlogged: busy && this.#queues.waits,
		});
		this.#assignedAnew = false;
		this.estimate = withCapacity(learned, this.#capacityPerS);
		this.utilisation = predictUtilisation(ladder, this.estimate);
		this.liveLoad = followLoad(this.liveLoad, workOf(this.estimate, live) / elapsedMs, elapsedMs);
	}
}
