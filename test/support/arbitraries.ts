import type { Action, LevelSpec, SignalPolicy } from '../../src/core/spec.js';
import type { Sample } from '../../src/core/state.js';
import { fc } from './property.js';
import type { Spec } from './spec.js';

const ACTIONS: readonly Action[] = ['process', 'spill', 'reject', 'drop'];

/** What a family of ladders may contain; everything by default. */
export interface Scope {
	/** Every reading is known at once or never: no bridging, no staleness before an hour, no stuck sensor. */
	readonly plain?: boolean;
	readonly probe?: boolean;
	readonly guard?: boolean;
	readonly ownCooldowns?: boolean;
}

interface SignalGenes {
	readonly recoverBelow: number;
	readonly ratio: boolean;
	readonly fallsWhilePaused: boolean | undefined;
	readonly maxAgeMs: number | undefined;
	readonly staleAfterMs: number | undefined;
	readonly onStale: 'ignore' | 'hold' | number | undefined;
	readonly stuckAfterMs: number | undefined;
}

interface LevelGenes {
	/** The distance of each signal's threshold to its previous one; 0 = none here. */
	readonly gaps: readonly number[];
	readonly actions: readonly number[];
	readonly disable: number;
	readonly cooldownMs: number | undefined;
}

const signalGenes: fc.Arbitrary<SignalGenes> = fc.record({
	recoverBelow: fc.constantFrom(0.5, 0.9, 0.1, 1 / 3, 0.999),
	ratio: fc.boolean(),
	fallsWhilePaused: fc.constantFrom(undefined, true, false, false),
	maxAgeMs: fc.constantFrom(undefined, undefined, 0, 500, 2_500),
	staleAfterMs: fc.constantFrom(undefined, 0, 1_000, 5_000),
	onStale: fc.oneof(fc.constantFrom<SignalGenes['onStale']>(undefined, 'ignore', 'hold'), fc.nat(5)),
	stuckAfterMs: fc.constantFrom(undefined, undefined, undefined, 2_000),
});

const levelGenes: fc.Arbitrary<LevelGenes> = fc.record({
	gaps: fc.array(fc.nat(5), { minLength: 4, maxLength: 4 }),
	actions: fc.array(fc.constantFrom(0, 0, 1, 2, 3), { minLength: 3, maxLength: 3 }),
	disable: fc.nat(7),
	cooldownMs: fc.constantFrom(undefined, undefined, undefined, 0, 1, 500, 4_000),
});

/** Valid ladders of 1 to 6 levels and 1 to 4 signals that need not have a threshold on every level. */
export function ladderSpecs(scope: Scope = {}): fc.Arbitrary<Spec> {
	return fc
		.record({
			signals: fc.array(signalGenes, { minLength: 1, maxLength: 4 }),
			levels: fc.array(levelGenes, { minLength: 1, maxLength: 5 }),
			sheddable: fc.nat(3),
			features: fc.nat(3),
			/** How many of the highest levels pause intake. */
			pausing: fc.nat(2),
			cooldownMs: fc.constantFrom(1_000, 3_000, 1, 0),
			escalation: fc.constantFrom<Spec['escalation']>(undefined, 'step', 'jump'),
			recovery: fc.constantFrom<Spec['recovery']>(undefined, 'jump', 'step'),
			gradual: fc.boolean(),
			backoff: fc.constantFrom<Spec['backoff']>(
				undefined,
				false,
				{},
				{ factor: 3, maxMs: 8_000, quietMs: 5_000 },
				{ factor: 1.5, maxMs: 2_000, quietMs: 1_000 },
			),
			guard: fc.constantFrom<Spec['guard']>(undefined, false, {}, { maxUtilisation: 0.5 }),
			probe: fc.constantFrom<Spec['probe']>(
				undefined,
				{ afterMs: 1_000, forMs: 500 },
				{ afterMs: 2_000, forMs: 1_000, minFall: 0.5 },
			),
			maxGapMs: fc.constantFrom(undefined, 4_000, 10_000),
		})
		.map((genes) => {
			const names = ['L0', ...genes.levels.map((_, i) => `L${i + 1}`)];
			const signals: { [signal: string]: SignalPolicy } = {};
			genes.signals.forEach((signal, s) => {
				signals[`s${s}`] = scope.plain
					? { recoverBelow: signal.recoverBelow, fallsWhilePaused: signal.fallsWhilePaused, staleAfterMs: 3_600_000 }
					: {
							recoverBelow: signal.recoverBelow,
							fallsWhilePaused: signal.fallsWhilePaused,
							maxAgeMs: signal.maxAgeMs,
							staleAfterMs: signal.staleAfterMs,
							onStale:
								typeof signal.onStale === 'number'
									? { atLeast: names[signal.onStale % names.length] as string }
									: signal.onStale,
							stuckAfterMs: signal.stuckAfterMs,
						};
			});
			const priorities = ['p0', 'p1', 'p2', 'p3'].slice(0, genes.sheddable + 1);
			const features = ['f0', 'f1', 'f2'].slice(0, genes.features);
			const reached = genes.signals.map(() => 0);
			let below = [0, 0, 0];
			let needsProbe = false;
			const levels = genes.levels.map((level, i): LevelSpec<string, string, string, string> => {
				const enterAt: { [signal: string]: number } = {};
				genes.signals.forEach((signal, s) => {
					const forced =
						s === i % genes.signals.length && genes.signals.every((_, other) => (level.gaps[other] ?? 0) === 0);
					const gap = forced ? 1 : (level.gaps[s] ?? 0);
					if (gap === 0) return;
					reached[s] = (reached[s] as number) + gap;
					enterAt[`s${s}`] = (reached[s] as number) * (signal.ratio ? 0.03 : 1_000);
				});
				// Never milder than below, and never worse for a more important priority.
				let worst = 0;
				const actions = below.map((action, p) => {
					worst = Math.max(worst, action, level.actions[p] as number);
					return worst;
				});
				const shed = Object.fromEntries(
					priorities.slice(1).flatMap((priority, p) => {
						const action = actions[p] as number;
						return action === below[p] ? [] : [[priority, ACTIONS[action] as Exclude<Action, 'process'>]];
					}),
				);
				below = actions;
				const paused = i >= genes.levels.length - genes.pausing;
				needsProbe ||= paused && Object.keys(enterAt).some((signal) => signals[signal]?.fallsWhilePaused === false);
				return {
					name: names[i + 1] as string,
					enterAt,
					disable: features.filter((_, f) => (level.disable >> f) & 1),
					shed,
					...(paused ? { intake: 'paused' } : {}),
					...(scope.ownCooldowns === false ? {} : { cooldownMs: level.cooldownMs }),
				};
			});
			// Without probes nothing may be stuck while paused.
			const probe =
				scope.probe === false ? undefined : (genes.probe ?? (needsProbe ? { afterMs: 1_000, forMs: 500 } : undefined));
			if (scope.probe === false) {
				for (const [name, policy] of Object.entries(signals)) signals[name] = { ...policy, fallsWhilePaused: true };
			}
			return {
				priorities: { protected: 'p0', sheddable: priorities.slice(1) },
				features,
				signals,
				levels: [{ name: 'L0' }, ...levels],
				cooldownMs: genes.cooldownMs,
				escalation: genes.escalation,
				recovery: genes.recovery,
				gradual: genes.gradual,
				backoff: genes.backoff,
				guard: scope.guard === false ? false : genes.guard,
				probe,
				maxGapMs: genes.maxGapMs,
			};
		});
}

/** The numbers at which a ladder changes its mind about a signal, and their neighbours. */
export function edgesOf(spec: Spec, signal: string): readonly number[] {
	const policy = spec.signals[signal] as SignalPolicy;
	const limits = spec.levels.flatMap(({ enterAt }) => enterAt?.[signal] ?? []);
	return limits.flatMap((limit) => {
		const release = limit * policy.recoverBelow;
		return [
			limit,
			nextDown(limit),
			nextUp(limit),
			limit - 1,
			limit + 1,
			release,
			nextDown(release),
			nextUp(release),
			release - 1,
		];
	});
}

export const nextUp = (x: number): number => neighbour(x, 1n);
export const nextDown = (x: number): number => neighbour(x, -1n);

/** The next double of a positive number. */
function neighbour(x: number, direction: bigint): number {
	const view = new DataView(new ArrayBuffer(8));
	view.setFloat64(0, x);
	view.setBigInt64(0, view.getBigInt64(0) + direction);
	return view.getFloat64(0);
}

/** Readings that no sensor should give. */
export const BAD = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1, -1e-300] as const;

/** A choice that becomes a number once the ladder is known: it shrinks to calm readings and ordinary time steps. */
export type Pick = number;

/** One way the world may look for a while. */
export interface Segment {
	readonly readings: readonly Pick[];
	readonly elapsed: Pick;
	readonly times: number;
	readonly replaying: boolean;
	readonly trafficStill: boolean;
	readonly assignedAnew: boolean;
	readonly utilisation: readonly Pick[];
	readonly override: readonly [Pick, Pick] | null;
}

const calmOften = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 4, arbitrary: fc.nat(999) });
const soonOften = fc.oneof({ weight: 4, arbitrary: fc.nat(2) }, { weight: 2, arbitrary: fc.nat(999) });
const quartet = (pick: fc.Arbitrary<Pick>) => fc.tuple(pick, pick, pick, pick);

export const segments: fc.Arbitrary<Segment> = fc.record({
	readings: quartet(calmOften),
	elapsed: soonOften,
	times: fc.integer({ min: 1, max: 4 }),
	replaying: fc.boolean(),
	trafficStill: fc.boolean(),
	assignedAnew: fc.integer({ min: 0, max: 7 }).map((n) => n === 0),
	utilisation: fc.tuple(fc.nat(4), fc.nat(4)),
	override: fc.option(fc.tuple(fc.nat(9), fc.nat(9)), { freq: 5 }),
});

export const scripts = fc.array(segments, { minLength: 1, maxLength: 14 });

/** What a script may do; readings of every kind in any case. */
export interface World {
	readonly bad?: boolean;
	readonly override?: boolean;
	readonly replay?: boolean;
	readonly utilisation?: boolean;
	/** Time may stand still, step back or leave a gap. */
	readonly oddTime?: boolean;
}

/** Plays a script against a ladder's own thresholds and times. */
export function samplesOf(spec: Spec, script: readonly Segment[], world: World = {}): readonly Sample[] {
	const values = Object.keys(spec.signals).map((signal) => {
		const edges = edgesOf(spec, signal).filter((edge) => edge >= 0);
		return [0, ...edges, ...(world.bad === false ? [] : [Number.NaN, Number.NaN, Number.NaN, ...BAD]), 1e18, -0];
	});
	const delays = delaysOf(spec, world.oddTime !== false);
	const names = spec.levels.map(({ name }) => name);
	let atMs = 0;
	return script.flatMap((segment) =>
		Array.from({ length: segment.times }, (_, time): Sample => {
			// Odd delays happen once, ordinary ones repeat.
			atMs += delays[segment.elapsed < 3 || time === 0 ? segment.elapsed % delays.length : 0] as number;
			const floor = segment.override === null ? 0 : segment.override[0] % names.length;
			const ceiling = segment.override === null ? 0 : floor + (segment.override[1] % (names.length - floor));
			return {
				atMs,
				readings: Object.fromEntries(
					Object.keys(spec.signals).map((signal, s) => {
						const options = values[s] as readonly number[];
						return [signal, options[(segment.readings[s] as number) % options.length] as number];
					}),
				),
				...(world.utilisation === false
					? {}
					: {
							utilisation: names.map(
								(_, level) => [Number.NaN, 0.2, 0.5, 0.95, 2][segment.utilisation[level % 2] as number] as number,
							),
						}),
				...(world.replay === false ? {} : { replaying: segment.replaying }),
				...(segment.trafficStill ? { trafficMoves: false } : {}),
				...(segment.assignedAnew ? { assignedAnew: true } : {}),
				...(world.override === false || segment.override === null
					? {}
					: { override: { floor: names[floor] as string, ceiling: names[ceiling] as string } }),
			};
		}),
	);
}

/** Time steps around everything that a ladder measures, in ms. The first three are ordinary. */
function delaysOf(spec: Spec, odd: boolean): readonly number[] {
	const cooldowns = [spec.cooldownMs, ...spec.levels.map((level) => level.cooldownMs ?? spec.cooldownMs)];
	const policies = Object.values(spec.signals).flatMap((policy) => [
		policy.maxAgeMs,
		policy.staleAfterMs,
		policy.stuckAfterMs,
	]);
	const longest = spec.maxGapMs ?? 60_000;
	const measured = [
		...cooldowns,
		...cooldowns.map((ms) => ms * 2),
		spec.probe?.afterMs,
		spec.probe?.forMs,
		...policies,
	].filter((ms) => ms !== undefined && ms < longest) as number[];
	const around = [...new Set(measured)].flatMap((ms) => [ms - 1, ms, ms + 1]).filter((ms) => ms > 0);
	return [
		500,
		1_000,
		100,
		...around,
		...(odd ? [0, -1, -5_000, longest - 1, longest, longest + 1, 60_000, 60_001, 600_000] : []),
	];
}
