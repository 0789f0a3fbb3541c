import type { PerTreatment } from '../core/estimate.js';
import type { Queues } from '../core/queues.js';

/** What a shedder did since the last check. */
export interface Consumption {
	/** Messages finished, by treatment. */
	readonly done: PerTreatment<number>;
	/** How many of them had been spilled before. */
	readonly replayed: PerTreatment<number>;
	/** Messages offered, by priority in the ladder's order. */
	readonly offered: readonly number[];
}

/** A shedder as its controller sees it. */
export interface Consumer {
	/** Takes the counts since the last call. */
	take(): Consumption;
	/** The signals were read, and say this of the queues. */
	checked(queues: Queues): void;
	/** How full its spill is, 0..1; 0 without one. */
	spillFull(): number | Promise<number>;
	/** It only observes, or is off (rule D5). */
	readonly passive: boolean;
	/** It has handled messages until just now. */
	readonly busy: boolean;
	/** Its replay feeds messages right now. */
	readonly replaying: boolean;
	/** The ladder stands elsewhere, or its severity has changed: tables and replay follow before intake does. */
	moved(): void;
	/** Time has passed: at most 50 ms since the last call. */
	tick(): void;
	/** The controller stops. */
	closed(): Promise<void>;
}
