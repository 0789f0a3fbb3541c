import type { Transition } from '../core/state.js';

/** What became of the messages of one priority, in messages. */
export interface PriorityCounts {
	readonly priority: string;
	readonly offered: number;
	/** Processed with all features on. */
	readonly full: number;
	/** Processed without some feature. */
	readonly lean: number;
	/** Kept for later. The protected ones among them skipped to live (rule D7). */
	readonly spilled: number;
	/** Handed back to the source. */
	readonly rejected: number;
	readonly dropped: number;
	/** Closed loop: still in the queue at the end. Open loop: what arrived while intake was paused. */
	readonly waiting: number;
	/** Closed loop: processed live later than the SLO, or waiting for longer than it at the end; spilled ones are not among them. */
	readonly late: number;
	/** Closed loop: brought back from the spill and processed. */
	readonly replayed: number;
}

/** What only a closed loop can tell. Messages and ms. */
export interface ServiceOutcome {
	readonly sloMs: number;
	readonly lagPeak: number;
	/** The longest that a message waited before it was handled live, or until the end. */
	readonly ageMsPeak: number;
	/** The share of the consumer's time in use, on average, 0..1. */
	readonly utilisation: number;
	readonly spillPeak: number;
	readonly spilledAtEnd: number;
	readonly waitingAtEnd: number;
	/** When the spill was last empty again; `null` when it was never used, or is not empty at the end. */
	readonly drainedAtMs: number | null;
	/** Of the heap, as a ratio; `null` without a model of it. */
	readonly heapPeak: number | null;
	/** When the heap reached 1: a real process would have died here. */
	readonly outOfMemoryAtMs: number | null;
	/** How many messages one simulated message stands for. */
	readonly messagesEach: number;
}

/** The run, thinned out for drawing: at most 600 columns, each a stretch of time. Plain JSON; `null` = unknown. */
export interface Timeline {
	/** Begin of each stretch, ms. */
	readonly atMs: readonly number[];
	readonly widthMs: number;
	/** By signal: the least and the greatest reading of each stretch. */
	readonly signals: {
		readonly [name: string]: { readonly low: readonly (number | null)[]; readonly high: readonly (number | null)[] };
	};
	/** The greatest severity: the level asked for, with its fraction towards the next. */
	readonly severity: readonly number[];
	/** Messages per second by what became of them; empty without a rate. */
	readonly actions: { readonly [action in TimelineAction]: readonly number[] };
	/** The most that waited in the spill. */
	readonly spill: readonly number[];
}

export const TIMELINE_ACTIONS = ['full', 'lean', 'spilled', 'rejected', 'dropped', 'waiting', 'replayed'] as const;
export type TimelineAction = (typeof TIMELINE_ACTIONS)[number];

/** What a run led to. Plain JSON. */
export interface Simulation {
	/** `signals`: a recording was replayed, nothing reacted. `service`: a model of the service reacted. */
	readonly loop: 'signals' | 'service';
	/** The levels, mildest first. */
	readonly levels: readonly string[];
	/** On the clock of the trace, ms. */
	readonly fromMs: number;
	readonly toMs: number;
	readonly checks: number;
	readonly transitions: readonly Transition[];
	/** Escalations within 60 s of a recovery. */
	readonly flaps: number;
	readonly timeInLevelMs: { readonly [level: string]: number };
	readonly endLevel: string;
	readonly pausedMs: number;
	/** By signal: for how long nothing was known of it, and its greatest reading (`null` when there was none). */
	readonly signals: { readonly [name: string]: { readonly unknownMs: number; readonly peak: number | null } };
	/** Most important first; empty without a rate. */
	readonly messages: readonly PriorityCounts[];
	/** Protected messages that were dropped, rejected, or spilled for another reason than to skip to live. Always 0. */
	readonly protectedShed: number;
	/**
	 * The share of the protected messages that were late, 0..1: handled later than the SLO, skipped to live, or waiting for
	 * longer than the SLO at the end; of all that were handled or so waiting. 0 where there are none.
	 */
	readonly protectedLate: number;
	/** `null` in an open loop. */
	readonly service: ServiceOutcome | null;
	readonly timeline: Timeline;
	/** What to know before one believes it: sentences. */
	readonly notes: readonly string[];
}
