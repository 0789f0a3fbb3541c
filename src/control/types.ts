import type { Ladder } from '../core/ladder.js';
import type { Transition } from '../core/state.js';
import type { Clock } from '../ports/clock.js';
import type { Intake } from '../ports/intake.js';
import type { SignalSource } from '../ports/signal.js';
import type { Emitter, Failure } from './emitter.js';
import type { Override } from './override.js';

/** What a controller tells. Every event is a fact about the past. */
export interface ControllerEvents<N extends string, S extends string> {
	transitioned: (transition: Transition<N, S>) => void;
	intakeChanged: (change: { readonly paused: boolean; readonly probing: boolean }) => void;
	overridden: (change: {
		readonly active: boolean;
		readonly reason: string;
		readonly actor?: string | undefined;
	}) => void;
	failed: (failure: Failure) => void;
}

/** Their names. */
export const CONTROLLER_EVENTS: { readonly [K in keyof ControllerEvents<string, string>]: true } = {
	transitioned: true,
	intakeChanged: true,
	overridden: true,
	failed: true,
};

/** What survives a restart: durations and names, never instants (rule R9). */
export interface ControllerSnapshot {
	readonly version: 1;
	/** The automatic level. */
	readonly level: string;
	/** The cooldown multiplier that flaps have earned, >= 1. Default 1. */
	readonly backoff?: number | undefined;
}

export interface ControllerOptions<
	N extends string,
	S extends string,
	G extends string,
	R extends string,
	F extends string,
> {
	readonly ladder: Ladder<N, S, G, R, F>;
	/** One source per signal of the ladder. */
	readonly signals: { readonly [K in NoInfer<S>]: SignalSource | (() => number | Promise<number>) };
	/** How new messages are stopped. Without one, pausing only sets `accepting = false`. */
	readonly intake?: Intake | undefined;
	/** Milliseconds between two checks once started, above 0 and below 2 ** 31. Default 500. */
	readonly checkEveryMs?: number | undefined;
	/** Default: `performance.now()` and unref'd intervals. */
	readonly clock?: Clock | undefined;
	/** Messages per second that can be processed with all features on. Estimated when absent. */
	readonly capacityPerS?: number | undefined;
}

/** Signals -> level. One per process; shedders share it. */
export interface Controller<
	N extends string = string,
	S extends string = string,
	G extends string = string,
	R extends string = string,
	F extends string = string,
> extends Emitter<ControllerEvents<N, S>> {
	readonly ladder: Ladder<N, S, G, R, F>;
	/** The level in force. */
	readonly level: N;
	/** Intake is open: no level pauses it, or a probe has opened it. */
	readonly accepting: boolean;
	/** Whether a feature is on. Under gradual treatment it is off here as soon as some messages go without it. */
	isEnabled(feature: F): boolean;
	/**
	 * One turn of the loop: reads all signals, steps, carries out the effects. Serialised; never rejects. When it resolves, the
	 * intake has been asked to pause or to resume; its answer is not waited for.
	 */
	check(): Promise<Transition<N, S> | null>;
	/** Checks at once and then every `checkEveryMs`. Idempotent. @throws Error after `stop`. */
	start(): void;
	/** Ends everything and gives intake back. Idempotent and final. */
	stop(): Promise<void>;
	/** Puts a person's word over the automatic level (rule R10). @returns a function that ends it now. @throws ConfigError */
	override(override: Override<N>): () => void;
	/** Replaces the ladder. Levels are matched by name; a missing one becomes the next stricter. @throws ConfigError, the old one stays. */
	reload(ladder: Ladder<string, S, G, R, F>): void;
	snapshot(): ControllerSnapshot;
	/** Takes up a snapshot; every calm starts anew. @throws ConfigError */
	restore(snapshot: ControllerSnapshot): void;
}
