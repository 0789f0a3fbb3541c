import type { LevelSpec } from '../core/spec.js';
import type { Cause } from '../core/state.js';
import type { Stats } from '../ports/observable.js';
import type { Steerable } from './steerable.js';

/** What a page is told once, when it is opened and when the ladder was replaced. */
export interface Hello {
	readonly title: string;
	/** Mildest first. `changes`: in words, what is different from the level before. */
	readonly levels: readonly { readonly name: string; readonly changes: string }[];
	/** Most important first; the first one is protected. */
	readonly priorities: readonly string[];
	readonly everyMs: number;
	/** How far back the history goes, ms. */
	readonly historyMs: number;
	/** How long an override may last, ms; `null` when the page may not steer. */
	readonly overrideMaxMs: number | null;
	readonly history: History;
}

/** What is done with a message, mildest first: the order in which {@link Point.actions} counts. */
export const ACTIONS = ['process', 'spill', 'reject', 'drop'] as const;

/** One tick of the history. */
export interface Point {
	/** Epoch ms. */
	readonly atMs: number;
	readonly level: number;
	readonly demand: number;
	/** By signal, in the ladder's order; `null` = unknown. */
	readonly signals: readonly (number | null)[];
	readonly waiting: number;
	/** Decisions since the start, by action in the order of {@link ACTIONS}. */
	readonly actions: readonly number[];
}

/** The same by column, oldest first: half as long as JSON, and as charts want it. */
export type History = { readonly [K in keyof Point]: readonly Point[K][] };

/** What a page is told at every tick. Plain JSON: no NaN, no instants of another clock. */
export interface Snapshot extends Point {
	readonly mode: Stats['mode'];
	readonly severity: number;
	readonly accepting: boolean;
	readonly probing: boolean;
	readonly cooldownRemainingMs: number;
	readonly holds: readonly {
		readonly reason: string;
		readonly signal: string | null;
		readonly remainingMs: number | null;
	}[];
	readonly sensors: readonly {
		readonly name: string;
		readonly ageMs: number | null;
		readonly errors: number;
		/** By level, mildest first. */
		readonly thresholds: readonly { readonly level: number; readonly enterAt: number; readonly release: number }[];
	}[];
	readonly decisions: readonly {
		readonly tier: string;
		readonly priority: string;
		readonly action: string;
		readonly n: number;
	}[];
	readonly offered: number;
	readonly inFlight: number;
	readonly processed: number;
	readonly failed: number;
	readonly dropped: number;
	readonly rejected: number;
	readonly replayed: number;
	readonly lost: number;
	readonly deadLettered: number;
	readonly protectedShed: number;
	readonly spill: {
		readonly bytes: number | null;
		readonly capacityBytes: number | null;
		readonly oldestAgeMs: number | null;
	} | null;
	readonly replayPerS: number;
	readonly replayEtaMs: number | null;
	readonly override: {
		readonly floor: string;
		readonly ceiling: string;
		readonly remainingMs: number;
		readonly reason: string;
		readonly actor: string | null;
	} | null;
	/** The last ones, newest first. */
	readonly transitions: readonly {
		readonly from: string;
		readonly to: string;
		readonly why: string;
		/** Upwards: the readings have reached the thresholds. Downwards: they are below. */
		readonly rises: boolean;
		readonly causes: readonly Cause[];
		readonly agoMs: number;
	}[];
	readonly flaps: number;
	readonly checkMs: number;
	readonly tiersVersion: number;
	readonly errors: Stats['errors'];
}

const TRANSITIONS_MAX = 20;

/** @param epochMs  the time of the tick. */
export function snapshotOf(stats: Stats, epochMs: number): Snapshot {
	const levels = Object.keys(stats.timeInLevelMs);
	const { spill, override, clockMs: nowMs } = stats;
	const decisions = byAction(stats);
	return {
		atMs: epochMs,
		level: stats.levelIndex,
		demand: stats.demandIndex,
		signals: stats.signals.map(({ value }) => known(value)),
		waiting: stats.waiting,
		actions: ACTIONS.map((name) => decisions.reduce((sum, { action, n }) => sum + (action === name ? n : 0), 0)),
		mode: stats.mode,
		severity: stats.severity,
		accepting: stats.accepting,
		probing: stats.probing,
		cooldownRemainingMs: stats.cooldownRemainingMs,
		holds: stats.holds.map(({ reason, signal, untilMs }) => ({
			reason,
			signal: signal ?? null,
			// A cooldown that has not begun has no end.
			remainingMs: known(Math.max(0, (untilMs ?? Number.NaN) - nowMs)),
		})),
		sensors: stats.signals.map(({ name, ageMs, errors, thresholds }) => ({
			name,
			ageMs,
			errors,
			thresholds: thresholds.map(({ level, enterAt, release }) => ({ level: levels.indexOf(level), enterAt, release })),
		})),
		decisions,
		offered: stats.offered,
		inFlight: stats.inFlight,
		processed: stats.processed,
		failed: stats.failed,
		dropped: stats.dropped,
		rejected: stats.rejected,
		replayed: stats.replayed,
		lost: stats.lost,
		deadLettered: stats.deadLettered,
		protectedShed: stats.protectedShed,
		spill: spill && {
			bytes: spill.bytes,
			capacityBytes: spill.capacityBytes,
			oldestAgeMs: spill.oldestEnqueuedAtMs === null ? null : Math.max(0, epochMs - spill.oldestEnqueuedAtMs),
		},
		replayPerS: stats.replayPerS,
		replayEtaMs: known(stats.replayEtaMs ?? Number.NaN),
		override: override && {
			floor: override.floor,
			ceiling: override.ceiling,
			remainingMs: override.remainingMs,
			reason: override.reason,
			actor: override.actor ?? null,
		},
		transitions: stats.history
			.slice(-TRANSITIONS_MAX)
			.reverse()
			.map(({ from, to, why, causes, direction, atMs }) => ({
				from,
				to,
				why,
				rises: direction === 'escalate',
				causes,
				agoMs: Math.max(0, nowMs - atMs),
			})),
		flaps: stats.flaps,
		checkMs: stats.checkMs,
		tiersVersion: stats.tiers.version,
		errors: stats.errors,
	};
}

/** The same without what only the latest tick needs. */
export function pointOf({ atMs, level, demand, signals, waiting, actions }: Snapshot): Point {
	return { atMs, level, demand, signals, waiting, actions };
}

export const columnsOf = (points: readonly Point[]): History => ({
	atMs: points.map(({ atMs }) => atMs),
	level: points.map(({ level }) => level),
	demand: points.map(({ demand }) => demand),
	signals: points.map(({ signals }) => signals),
	waiting: points.map(({ waiting }) => waiting),
	actions: points.map(({ actions }) => actions),
});

/** What each level changes, in words. */
export function levelsOf({ ladder }: Steerable): Hello['levels'] {
	return ladder.spec.levels.map((level) => ({ name: level.name, changes: changesOf(level) }));
}

function changesOf({ disable = [], shed = {}, intake }: LevelSpec<string, string, string, string>): string {
	const parts = disable.length > 0 ? [`${disable.join(', ')} off`] : [];
	for (const [priority, action] of Object.entries(shed)) if (action !== undefined) parts.push(`${priority}: ${action}`);
	if (intake === 'paused') parts.push('intake paused');
	return parts.join(' · ') || (disable.length === 0 ? 'everything on' : '');
}

/** Decisions by tier, priority and action: at which level they were taken is more than a page can show. */
function byAction({ decisions }: Stats): Snapshot['decisions'] {
	const sums = new Map<string, { tier: string; priority: string; action: string; n: number }>();
	for (const { tier, priority, action, n } of decisions) {
		const id = JSON.stringify([tier, priority, action]);
		const sum = sums.get(id) ?? { tier, priority, action, n: 0 };
		sum.n += n;
		sums.set(id, sum);
	}
	return [...sums.values()];
}

const known = (value: number): number | null => (Number.isFinite(value) ? value : null);
