import type { LadderController } from '../control/controller.js';
import type { SafeEmitter } from '../control/emitter.js';
import { compiled } from '../core/ladder.js';
import type { TierReloads } from '../core/tier-registry.js';
import type { DecisionCount, Ledger, Stats } from '../ports/observable.js';

interface Source {
	readonly ledger: Ledger;
	readonly errors: SafeEmitter<never>['errors'];
	readonly router: {
		readonly counts: ReadonlyMap<string, DecisionCount>;
		readonly tiersVersion: number;
		readonly tierNames: readonly string[];
		readonly tierPriorities: readonly (readonly string[])[];
		readonly tierKeys: readonly number[];
		readonly registry: { readonly reloads?: TierReloads } | undefined;
	};
}

const NO_RELOADS: TierReloads = Object.freeze({ ok: 0, failed: 0, failing: false });

export function statsOf(
	controller: LadderController<string, string, string, string, string>,
	{ ledger, errors, router }: Source,
	replay: Pick<Stats, 'mode' | 'accepting' | 'spill' | 'replayPerS' | 'replayEtaMs' | 'replayDelayMs'>,
): Stats {
	const { ladder, state, clock, activeOverride, checks } = controller;
	const nowMs = clock.nowMs();
	// The same at every call, where a difference of two clocks would tremble.
	const epochOf = (atMs: number | null | undefined) => (atMs == null ? null : controller.epochOf(atMs));
	const cooldown = controller.holds.find(({ reason }) => reason === 'cooldown');
	const decisions = [...router.counts.values()].map((count) => ({ ...count }));
	const [protectedName] = ladder.priorities;
	return {
		...ledger,
		...replay,
		clockMs: nowMs,
		atMs: controller.epochOf(nowMs),
		ladder: ladder.spec,
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
		lastTransitionAtMs: epochOf(controller.history.at(-1)?.atMs),
		history: [...controller.history],
		flaps: state.backoff.flaps,
		holds: controller.holds,
		cooldownRemainingMs: Math.max(0, (cooldown?.untilMs ?? nowMs) - nowMs),
		signals: compiled(ladder).signals.map(({ name, thresholds }, i) => {
			const sensor = state.sensors[i];
			// Its age is as of the last check.
			const readAtMs = sensor === undefined || sensor.good === null ? null : state.atMs - sensor.ageMs;
			return {
				name,
				value: controller.readings[name] ?? Number.NaN,
				errors: controller.readers.get(name)?.errors ?? 0,
				ageMs: readAtMs === null ? null : Math.max(0, nowMs - readAtMs),
				lastReadAtMs: epochOf(readAtMs),
				unknownMs: sensor?.unknownMs ?? null,
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
		checks: checks.count,
		checksMs: checks.totalMs,
		lastCheckAtMs: epochOf(checks.lastAtMs),
		tiers: {
			version: router.tiersVersion,
			names: router.tierNames,
			priorities: router.tierPriorities,
			keys: router.tierKeys,
			reloads: router.registry?.reloads ?? NO_RELOADS,
		},
		errors: Object.fromEntries(
			Object.entries(errors).map(([component, n]) => [
				component,
				n + (controller.errors[component as keyof typeof errors] ?? 0),
			]),
		),
	};
}
