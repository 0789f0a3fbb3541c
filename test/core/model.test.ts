import { describe, test } from 'vitest';
import { ladderSpecs, samplesOf, scripts } from '../support/arbitraries.js';
import { fc, same } from '../support/property.js';
import { run } from '../support/run.js';

describe('the ladder does what its rules say, sample by sample', () => {
	const agrees = (scope: Parameters<typeof ladderSpecs>[0], world: Parameters<typeof samplesOf>[2]) =>
		fc.assert(
			fc.property(ladderSpecs(scope), scripts, (spec, script) => {
				for (const { sample, after, step, expected } of run(spec, samplesOf(spec, script, world))) {
					const { automatic, level, probing, calmMs, backoff } = after;
					const told = {
						atMs: sample.atMs,
						automatic,
						inForce: level,
						demand: spec.levels.findIndex(({ name }) => name === step.demand),
						probing,
						// Between "not calm yet" and "calm for 0 ms" an unknown level makes no difference.
						calmMs: calmMs.map((ms, rung) =>
							rung === 0 ? null : expected.verdicts[rung] === 'unknown' ? (ms ?? 0) : ms,
						),
						flaps: backoff.flaps,
					};
					same(told, {
						atMs: sample.atMs,
						automatic: expected.automatic,
						inForce: expected.inForce,
						demand: expected.demand,
						probing: expected.probing,
						calmMs: expected.calmMs.map((ms, rung) => (expected.verdicts[rung] === 'unknown' ? (ms ?? 0) : ms)),
						flaps: expected.flaps,
					});
				}
			}),
		);

	test('with readings of every kind, overrides, replay and odd clocks', () =>
		agrees({ guard: false, probe: false }, {}));
	test('with probes', () => agrees({ guard: false }, {}));
	test('with the recovery guard', () => agrees({ plain: true, probe: false }, { bad: false }));
});
