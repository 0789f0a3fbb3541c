import { verify } from '../core/errors.js';
import type { Readings } from '../core/hysteresis.js';
import type { Ladder } from '../core/ladder.js';
import type { Sample } from '../core/state.js';
import type { TiersSpec } from '../core/tiers.js';
import { delaysOf, readingsAround } from './arbitraries/edges.js';
import type { Arbitrary, FastCheck, Fc } from './arbitraries/fast-check.js';
import { type AnyLadderSpec, type LadderScope, ladderSpecs } from './arbitraries/ladder-specs.js';
import { play, type SampleScope, scriptsOf } from './arbitraries/samples.js';
import { KEYS, tiersSpecs } from './arbitraries/tiers-specs.js';

/** What {@link arbitraries} makes. Levels and priorities need no more than `fc.constantFrom(...ladder.levels)`. */
export interface Arbitraries {
	/**
	 * One reading for each signal of a ladder, in its unit: each threshold, each release threshold and their neighbours (the
	 * next number and the next whole one), 0, far too much, and readings that are none: `NaN`, infinite, negative. What a
	 * sensor answers with `null` is a `NaN` here. Shrinks to 0.
	 *
	 * @param scope  `bad: false` leaves out readings that are none.
	 */
	readingsOf<S extends string>(ladder: Ladder<string, S>, scope?: Pick<SampleScope, 'bad'>): Arbitrary<Readings<S>>;
	/**
	 * Ms between two samples: everyday ones, and 1 ms around each cooldown (and twice as long), the times of the probe and of
	 * unknown signals; none, backwards, and around the longest gap.
	 *
	 * @param scope  `oddTime: false` leaves out the last three.
	 */
	elapsedOf(ladder: Ladder, scope?: Pick<SampleScope, 'oddTime'>): Arbitrary<number>;
	/**
	 * A run of 1 to 56 samples for `step`, with such readings and times, and whatever else may happen. The clock begins at 0.
	 * Shrinks to few samples, calm readings and everyday times.
	 *
	 * @param scope  what does not happen, because a property does not speak of it.
	 */
	samplesOf<N extends string, S extends string>(
		ladder: Ladder<N, S>,
		scope?: SampleScope,
	): Arbitrary<readonly Sample<S, N>[]>;
	/** Ladders of any shape that `defineLadder` accepts, for code that has to work on all of them. */
	ladderSpecs(scope?: LadderScope): Arbitrary<AnyLadderSpec>;
	/**
	 * Tiers that `defineTiers` accepts, with overlapping, empty and repeated keys.
	 *
	 * @param ladder  whose priorities they have.
	 * @param keys  what they list, at least one. Default: some symbols, and the names that a plain object would trip over.
	 */
	tiersSpecs<P extends string>(
		ladder: { readonly priorities: readonly P[] },
		keys?: readonly string[],
	): Arbitrary<TiersSpec<P>>;
}

/**
 * Arbitraries of fast-check for properties of your own ladder, biased to where it changes its mind:
 *
 *     import fc from 'fast-check';
 *     const { samplesOf } = arbitraries(fc);
 *     fc.assert(fc.property(samplesOf(ladder), (samples) => ...));
 *
 * @param fc  fast-check, 3 or 4; nothing is imported here.
 * @throws ConfigError for anything else.
 * @see docs/recipes.md#properties-of-your-own-ladder
 */
export function arbitraries(fc: FastCheck): Arbitraries {
	verify('arbitraries', (must) => must(typeof fc?.record === 'function', 'fc', fc, 'fast-check'));
	// Which version it is does not matter here, and neither is it known.
	return given(fc as Fc) as unknown as Arbitraries;
}

function given(fc: Fc) {
	return {
		readingsOf: ({ spec, signals }: Ladder, { bad = true }: SampleScope = {}) =>
			fc.record(
				Object.fromEntries(
					signals.map((signal) => [signal, fc.constantFrom(...readingsAround(spec, signal, bad))] as const),
				),
			),
		elapsedOf: ({ spec }: Ladder, { oddTime = true }: SampleScope = {}) => fc.constantFrom(...delaysOf(spec, oddTime)),
		samplesOf: ({ spec, signals }: Ladder, scope?: SampleScope) =>
			scriptsOf(fc, signals.length).map((script) => play(spec, script, scope)),
		ladderSpecs: (scope?: LadderScope) => ladderSpecs(fc, scope),
		tiersSpecs: ({ priorities }: { readonly priorities: readonly string[] }, keys: readonly string[] = KEYS) =>
			tiersSpecs(fc, priorities, keys),
	};
}
