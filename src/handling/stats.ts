import type { LadderController } from '../control/controller.js';
import type { SafeEmitter } from '../control/emitter.js';
import { compiled } from '../core/ladder.js';
import type { Hold, Transition } from '../core/state.js';
import type { SpillStats } from '../ports/spill.js';
import type { Ledger } from './ledger.js';
import type { DecisionCount } from './router.js';

/** Everything that metrics, dashboards and logs read. Plain data, made when it is asked for. */
export interface Stats extends Readonly<Ledger> {
	/** When the figures were taken, ms on the controller's clock, as `atMs` of the history and `untilMs` of the holds. */
	readonly clockMs: number;
	readonly mode: 'enforce' | 'observe' | 'off';
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
	readonly spill: SpillStats | null;
	readonly replayPerS: number;
	readonly replayEtaMs: number | null;
	readonly tiers: { readonly version: number; readonly names: readonly string[] };
	/** Failures by component. */
	readonly errors: { readonly [component: string]: number };
}

/** What can be observed. Not generic, so that any shedder fits. */
export interface Observable {
	stats(): Stats;
}

interface Source {
	readonly ledger: Ledger;
	readonly errors: SafeEmitter<never>['errors'];
	readonly router: {
		readonly counts: ReadonlyMap<string, DecisionCount>;
		readonly tiersVersion: number;
		readonly tierNames: readonly string[];
	};
}

export function statsOf(
	controller: LadderController<string, string, string, string, string>,
	{ ledger, errors, router }: Source,
	replay: Pick<Stats, 'mode' | 'accepting' | 'spill' | 'replayPerS' | 'replayEtaMs'>,
): Stats {
	const { ladder, state, clock, activeOverride } = controller;
	const nowMs = clock.nowMs();
	const cooldown = controller.holds.find(({ reason }) => reason === 'cooldown');
	const decisions = [...router.counts.values()].map((count) => ({ ...count }));
	const [protectedName] = ladder.priorities;
	return {
		...ledger,
		...replay,
		clockMs: nowMs,
		level: controller.level,
		levelIndex: state.level,
		demand: controller.demand,
		demandIndex: ladder.levels.indexOf(controller.demand),
		severity: controller.severity,
		probing: state.probing,
		timeInLevelMs: Object.fromEntries(
			ladder.levels.map((name, at) => {
				// Booked up to the last step; the rest belongs to the level in force.
				const open = at === state.level ? Math.max(0, nowMs - state.atMs) : 0;
				return [name, (controller.levelMs.get(name) ?? 0) + open];
			}),
		),
		protectedShed: decisions.reduce(
			(sum, { priority, action, skipped, n }) =>
				sum + (priority === protectedName && action !== 'process' && skipped !== true ? n : 0),
			0,
		),
		decisions,
		transitions: [...controller.transitions].map(([id, n]) => {
			const [from, to, cause] = JSON.parse(id) as [string, string, string];
			return { from, to, cause, n };
		}),
		history: [...controller.history],
		flaps: state.backoff.flaps,
		holds: controller.holds,
		cooldownRemainingMs: Math.max(0, (cooldown?.untilMs ?? nowMs) - nowMs),
		signals: compiled(ladder).signals.map(({ name, thresholds }, i) => {
			const sensor = state.sensors[i];
			return {
				name,
				value: controller.readings[name] ?? Number.NaN,
				errors: controller.readers.get(name)?.errors ?? 0,
				ageMs: sensor === undefined || sensor.good === null ? null : sensor.ageMs,
				thresholds: thresholds.map(({ level, enterAt, release }) => ({
					level: ladder.levels[level] as string,
					enterAt,
					release,
				})),
			};
		}),
		utilisation: controller.load.utilisation,
		override:
			activeOverride === undefined
				? null
				: { ...activeOverride, remainingMs: Math.max(0, activeOverride.untilMs - nowMs) },
		checkMs: controller.checkMs,
		tiers: { version: router.tiersVersion, names: router.tierNames },
		errors: Object.fromEntries(
			Object.entries(errors).map(([component, n]) => [
				component,
				n + (controller.errors[component as keyof typeof errors] ?? 0),
			]),
		),
	};
}
