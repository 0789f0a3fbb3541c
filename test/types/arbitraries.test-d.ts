// What a user's property may say: names are those of his ladder, and the arbitraries go wherever those of fast-check go.
import fc, { type Arbitrary } from 'fast-check';
import { expectTypeOf } from 'vitest';
import {
	defineLadder,
	defineTiers,
	demandOf,
	initialState,
	marketDataLadder,
	type Sample,
	step,
} from '../../src/index.js';
import { arbitraries } from '../../src/testing/index.js';

const { readingsOf, elapsedOf, samplesOf, ladderSpecs, tiersSpecs } = arbitraries(fc);

fc.property(samplesOf(marketDataLadder), elapsedOf(marketDataLadder), (samples, ms) => {
	type N = 'NORMAL' | 'SOFT' | 'GRACEFUL' | 'AGGRESSIVE' | 'CIRCUIT_BREAK';
	expectTypeOf(samples).toEqualTypeOf<readonly Sample<'lag' | 'heap', N>[]>();
	expectTypeOf(ms).toEqualTypeOf<number>();
	for (const sample of samples) step(marketDataLadder, initialState(marketDataLadder, ms), sample);
});
fc.property(readingsOf(marketDataLadder), (readings) => {
	demandOf(marketDataLadder, readings);
	// @ts-expect-error: there is no signal "cpu".
	return readings.cpu;
});
// @ts-expect-error: no such thing happens.
samplesOf(marketDataLadder, { earthquakes: false });

// Definitions, and what is made of them.
fc.property(
	ladderSpecs({ probe: false }).chain((spec) => samplesOf(defineLadder(spec))),
	(samples) => expectTypeOf(samples).toEqualTypeOf<readonly Sample[]>(),
);
fc.property(tiersSpecs(marketDataLadder), (spec) => {
	const tiers = defineTiers(spec);
	expectTypeOf(tiers.priorityOf('BHP')).toEqualTypeOf<'critical' | 'high' | 'normal' | 'low'>();
});

// Among others.
const few: Arbitrary<number> = samplesOf(marketDataLadder)
	.filter((samples) => samples.length < 3)
	.map((samples) => samples.length);
fc.property(
	fc.record({ few, some: fc.array(elapsedOf(marketDataLadder)) }),
	samplesOf(marketDataLadder).chain((samples) => fc.constantFrom(...samples)),
	({ few, some }, sample) => {
		expectTypeOf([few, ...some]).toEqualTypeOf<number[]>();
		expectTypeOf(sample.readings.lag).toEqualTypeOf<number>();
	},
);

// @ts-expect-error: that is not fast-check.
arbitraries({ record: () => {} });
