import type { LadderSpec } from '../core/spec.js';
import type { Hold, Transition } from '../core/state.js';
import type { TierReloads } from '../core/tier-registry.js';
import type { SpillStats } from './spill.js';

/** Everything that metrics, dashboards and logs read. Plain data, made when it is asked for. */
export interface Stats extends Readonly<Ledger> {
	/** When the figures were taken, epoch ms on the controller's clock, which reads the wall clock once. */
	readonly atMs: number;
	/** The same on the controller's clock, as `atMs` of the history and `untilMs` of the holds. */
	readonly clockMs: number;
	readonly mode: 'enforce' | 'observe' | 'off';
	/** The definition of the ladder in force. */
	readonly ladder: LadderSpec<string, string, string, string, string>;
	readonly level: string;
	readonly levelIndex: number;
	readonly demand: string;
	readonly demandIndex: number;
	readonly severity: number;
	readonly accepting: boolean;
	readonly probing: boolean;
	/** Time spent at each level since the start, ms. */
	readonly timeInLevelMs: { readonly [level: string]: number };
	/** Must be 0 for ever (rule D3). */
	readonly protectedShed: number;
	readonly decisions: readonly Readonly<DecisionCount>[];
	/** How often the ladder went from one level to another, by cause. */
	readonly transitions: readonly {
		readonly from: string;
		readonly to: string;
		readonly cause: string;
		readonly n: number;
	}[];
	/** When the last one was, epoch ms as `atMs`; `null` before the first. */
	readonly lastTransitionAtMs: number | null;
	/** The last 100 transitions, newest last. */
	readonly history: readonly Transition[];
	readonly flaps: number;
	/** What keeps the ladder from recovering. */
	readonly holds: readonly Hold[];
	readonly cooldownRemainingMs: number;
	readonly signals: readonly {
		readonly name: string;
		/** NaN = unknown. */
		readonly value: number;
		readonly errors: number;
		/** Time since its last good reading, ms; `null` before the first. */
		readonly ageMs: number | null;
		/** When that was, epoch ms as `atMs`. */
		readonly lastReadAtMs: number | null;
		/** For how long it has been unknown as of the last check, ms (rule R5); `null` while it is known. */
		readonly unknownMs: number | null;
		readonly thresholds: readonly { readonly level: string; readonly enterAt: number; readonly release: number }[];
	}[];
	/** Predicted utilisation per level, NaN = unknown. */
	readonly utilisation: readonly number[];
	readonly override: {
		readonly floor: string;
		readonly ceiling: string;
		readonly remainingMs: number;
		readonly reason: string;
		readonly actor?: string | undefined;
	} | null;
	/** How long the last check took, ms. */
	readonly checkMs: number;
	/** Checks so far. */
	readonly checks: number;
	/** How long all of them took, ms. */
	readonly checksMs: number;
	/** When the last one ended, epoch ms as `atMs`; `null` before the first. */
	readonly lastCheckAtMs: number | null;
	readonly spill: SpillStats | null;
	readonly replayPerS: number;
	readonly replayEtaMs: number | null;
	/** How long the message that was replayed last had waited, ms; `null` while nothing is replayed. */
	readonly replayDelayMs: number | null;
	readonly tiers: {
		readonly version: number;
		/** The fallback last. */
		readonly names: readonly string[];
		/** In the same order: the priorities that messages of the tier may have. */
		readonly priorities: readonly (readonly string[])[];
		/** In the same order: how many keys the tier lists. The fallback lists none and is left out. */
		readonly keys: readonly number[];
		readonly reloads: TierReloads;
	};
	/** Failures by component. */
	readonly errors: { readonly [component: string]: number };
}

/** What can be observed. Not generic, so that any shedder fits. */
export interface Observable {
	stats(): Stats;
}

/**
 * Where every message went (rule M5). At every instant:
 * offered + recovered = inFlight + processed + failed + waiting + replayed + dropped + rejected + expired + deadLettered
 * + lost.
 */
export interface Ledger {
	/** Messages that were handed to the shedder. */
	offered: number;
	/** Records that the store already held when it was opened. */
	recovered: number;
	/** In a handler, or on the way to the store. */
	inFlight: number;
	processed: number;
	/** Their handler threw: the caller must not acknowledge them. */
	failed: number;
	/** In the store, not yet replayed and acknowledged. */
	waiting: number;
	replayed: number;
	dropped: number;
	/** Handed back to the source. */
	rejected: number;
	/** In the store until they were not worth replaying any more: too old, superseded, or there twice. */
	expired: number;
	/** Their handler threw until they were given up: they are in the dead-letter store. */
	deadLettered: number;
	/** Kept by the store, and not there any more: what damage has cost. */
	lost: number;
	/** Kept by the store so far. */
	spilled: number;
	/** How many of the spilled ones were protected and too old already, so that fresh ones were on time (rule D7). */
	skipped: number;
	/** How many of the spilled ones were kept only because older ones of their key are waiting (rule M4). */
	fenced: number;
	/** How many of the expired ones were superseded by a later one of their key. */
	superseded: number;
	/** How many of the expired ones had been replayed under the same id before. */
	duplicates: number;
}

/** Decisions of one kind. Survives level changes, so a counter never goes back. */
export interface DecisionCount {
	readonly action: string;
	readonly level: string;
	readonly priority: string;
	readonly tier: string;
	/** Protected, and too old already (rule D7). */
	readonly skipped?: true | undefined;
	n: number;
}
