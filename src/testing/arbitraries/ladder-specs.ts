import type { Arbitrary } from 'fast-check';
import type { Action, LadderSpec, LevelSpec, SignalPolicy } from '../../core/spec.js';
import type { Fc } from './fast-check.js';

/** A ladder whose names are only known at run time. */
export type AnyLadderSpec = LadderSpec<string, string, string, string, string>;

/** What a family of ladders may contain; everything by default. */
export interface LadderScope {
	/** Every reading is known at once or never: no bridging, no staleness before an hour, no stuck sensor. Default `false`. */
	readonly plain?: boolean | undefined;
	/** Default `true`; `false`: all signals fall while intake is paused. */
	readonly probe?: boolean | undefined;
	/** Default `true`. */
	readonly guard?: boolean | undefined;
	/** Levels with a cooldown of their own. Default `true`. */
	readonly ownCooldowns?: boolean | undefined;
}

const ACTIONS: readonly Action[] = ['process', 'spill', 'reject', 'drop'];

/** Valid ladders of 2 to 6 levels and 1 to 4 signals that need not have a threshold on every level. */
export function ladderSpecs(fc: Fc, scope: LadderScope = {}): Arbitrary<AnyLadderSpec> {
	return fc
		.record({
			signals: fc.array(signalGenes(fc), { minLength: 1, maxLength: 4 }),
			levels: fc.array(levelGenes(fc), { minLength: 1, maxLength: 5 }),
			sheddable: fc.nat(3),
			features: fc.nat(3),
			/** How many of the highest levels pause intake. */
			pausing: fc.nat(2),
			cooldownMs: fc.constantFrom(1_000, 3_000, 1, 0),
			escalation: fc.constantFrom<AnyLadderSpec['escalation']>(undefined, 'step', 'jump'),
			recovery: fc.constantFrom<AnyLadderSpec['recovery']>(undefined, 'jump', 'step'),
			gradual: fc.boolean(),
			backoff: fc.constantFrom<AnyLadderSpec['backoff']>(
				undefined,
				false,
				{},
				{ factor: 3, maxMs: 8_000, quietMs: 5_000 },
				{ factor: 1.5, maxMs: 2_000, quietMs: 1_000 },
			),
			guard: fc.constantFrom<AnyLadderSpec['guard']>(undefined, false, {}, { maxUtilisation: 0.5 }),
			probe: fc.constantFrom<AnyLadderSpec['probe']>(
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

const signalGenes = (fc: Fc): Arbitrary<SignalGenes> =>
	fc.record({
		recoverBelow: fc.constantFrom(0.5, 0.9, 0.1, 1 / 3, 0.999),
		ratio: fc.boolean(),
		fallsWhilePaused: fc.constantFrom(undefined, true, false, false),
		maxAgeMs: fc.constantFrom(undefined, undefined, 0, 500, 2_500),
		staleAfterMs: fc.constantFrom(undefined, 0, 1_000, 5_000),
		onStale: fc.oneof(fc.constantFrom<SignalGenes['onStale']>(undefined, 'ignore', 'hold'), fc.nat(5)),
		stuckAfterMs: fc.constantFrom(undefined, undefined, undefined, 2_000),
	});

const levelGenes = (fc: Fc): Arbitrary<LevelGenes> =>
	fc.record({
		gaps: fc.array(fc.nat(5), { minLength: 4, maxLength: 4 }),
		actions: fc.array(fc.constantFrom(0, 0, 1, 2, 3), { minLength: 3, maxLength: 3 }),
		disable: fc.nat(7),
		cooldownMs: fc.constantFrom(undefined, undefined, undefined, 0, 1, 500, 4_000),
	});
