import type { Emitter } from '../control/emitter.js';
import { CONTROLLER_EVENTS, type Controller, type ControllerEvents } from '../control/types.js';
import type { Decision } from '../core/decide.js';
import type { Hold } from '../core/state.js';
import type { Observable } from '../ports/observable.js';
import type { BatchOptions, Outcome } from '../ports/outcome.js';
import type { Admission } from '../ports/shedder.js';
import type { SpillStore } from '../ports/spill.js';
import type { DroppedEpisode } from './episodes.js';
import type { Classification, HandlerContext } from './router.js';
import type { SpillOptions } from './spiller.js';

export interface ReplayOptions<N extends string> {
	/** Replay runs at or below this level. Default: see `mayReplay`. */
	readonly upTo?: N | undefined;
	/** A cap on the pace, messages per second. Default: the spare capacity. */
	readonly maxPerS?: number | undefined;
	/** How often a handler may fail on a record, an integer >= 1, before it goes to `spill.deadLetters`. Default 5. */
	readonly attempts?: number | undefined;
	/**
	 * How many records of different keys are handled at the same time, per partition, an integer of 1 .. 256. Default 1:
	 * strictly one after the other. More helps handlers that wait for something.
	 */
	readonly concurrency?: number | undefined;
	/**
	 * `'latest-per-key'` is for data that ages, such as quotes: of the records of a key that are read ahead (8 192 of a
	 * partition) only the last is handled, the others count as expired. Each protected one is handled all the same. Default
	 * `'oldest-first'`.
	 */
	readonly order?: 'oldest-first' | 'latest-per-key' | undefined;
}

export interface ShedderOptions<M, P extends string, N extends string> extends Classification<M, P> {
	/** When a message came to be, epoch ms. Feeds `messageAge()`. */
	readonly timeOf?: ((message: M) => number) | undefined;
	/** Where spilled messages are kept. Without one they are processed instead (rule M2). */
	readonly spill?: SpillStore | SpillOptions<M> | undefined;
	readonly replay?: ReplayOptions<N> | undefined;
	/**
	 * Skips to live (rule D7): from the first spilling level on, a protected message that is already this old, ms, > 0, is
	 * spilled instead of processed, so that fresh ones are on time behind a long backlog. It is replayed later, which gives
	 * up order for its key. Needs `timeOf` and `spill`. Default off.
	 */
	readonly skipToLive?: { readonly afterMs: number } | undefined;
	/** `'observe'` decides and counts everything and changes nothing; `'off'` is a pass-through (rule D5). Default `'enforce'`. */
	readonly mode?: 'enforce' | 'observe' | 'off' | undefined;
}

export interface ShedderEvents<N extends string, S extends string, P extends string> extends ControllerEvents<N, S> {
	/** A run of drops is over: this is what to backfill. */
	dropped: (episode: DroppedEpisode<P>) => void;
	/** Told at each check while replay makes progress. */
	replayed: (progress: { readonly records: number; readonly waiting: number; readonly etaMs: number | null }) => void;
	tiersReplaced: (change: { readonly version: number }) => void;
}

/** Their names. */
export const SHEDDER_EVENTS: { readonly [K in keyof ShedderEvents<string, string, string>]: true } = {
	...CONTROLLER_EVENTS,
	dropped: true,
	replayed: true,
	tiersReplaced: true,
};

/** Messages -> actions. See {@link createLoadShedder}. */
export interface LoadShedder<
	M,
	N extends string,
	S extends string,
	G extends string,
	R extends string,
	F extends string,
> extends Omit<Controller<N, S, G, R, F>, keyof Emitter<unknown>>,
		Emitter<ShedderEvents<N, S, G | R>>,
		Observable {
	readonly controller: Controller<N, S, G, R, F>;
	/** Looks, counts nothing. */
	decide(message: M): Decision<N, G | R, F>;
	/** Looks and counts, for callers that act themselves. A `spill` is theirs to carry out and counts as handed back. */
	admit(message: M): Decision<N, G | R, F>;
	/**
	 * Looks and counts, for callers that act themselves, take their time and cannot keep a message, such as a server whose
	 * clients wait: in flight until `end`. What would be spilled is handed back instead (`reject`), and while intake is
	 * paused so is everything but what is protected. Neither skip-to-live nor the key fence applies.
	 */
	begin(message: M): Admission<HandlerContext<N, G | R, F>>;
	/** Why a message is treated as it is, and what holds recovery back, in data and in words (rule D6). */
	explain(message: M): {
		readonly decision: Decision<N, G | R, F>;
		readonly tier: string;
		readonly holds: readonly Hold<S>[];
		readonly text: string;
	};
	/**
	 * Wraps a handler: each message is processed, spilled, dropped or rejected. The promise rejects with the handler's own
	 * error.
	 *
	 * @param options.name  finds the handler again when spilled messages come back after a restart. Default `'default'`.
	 * @throws ConfigError when another handler has the name, and there is a spill.
	 */
	wrap<V>(
		handler: (message: M, context: HandlerContext<N, G | R, F>) => V | Promise<V>,
		options?: { readonly name?: string | undefined },
	): (message: M) => Promise<Outcome<V>>;
	/**
	 * The same for batches. All appends of a batch go out together and are awaited once; the handler is called for one
	 * message after the other. When it throws, the rest is not handled and the promise rejects with its error.
	 *
	 * Resolves with the outcomes in the order of the messages: of all, or of those before the first that was not reached
	 * because the `signal` has ended the batch.
	 */
	wrapBatch<V>(
		handler: (message: M, context: HandlerContext<N, G | R, F>) => V | Promise<V>,
		options?: { readonly name?: string | undefined },
	): (messages: readonly M[], options?: BatchOptions<V>) => Promise<Outcome<V>[]>;
}
