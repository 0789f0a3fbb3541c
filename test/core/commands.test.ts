import { test } from 'vitest';
import { defineLadder, type Ladder } from '../../src/core/ladder.js';
import { initialState, type LadderState } from '../../src/core/state.js';
import { step } from '../../src/core/step.js';
import { ladderSpecs, type Segment, samplesOf, segments } from '../support/arbitraries.js';
import { fc, same } from '../support/property.js';
import { createReference, type Reference } from '../support/reference.js';
import type { Spec } from '../support/spec.js';

/** The rules, and who has said what so far. */
interface Model {
	readonly spec: Spec;
	readonly reference: Reference;
	override: { readonly floor: string; readonly ceiling: string } | undefined;
}

/** The ladder as it is. */
interface Real {
	readonly ladder: Ladder;
	state: LadderState;
}

type Command = fc.Command<Model, Real>;

class Check implements Command {
	constructor(private readonly segment: Segment) {}

	check = () => true;

	run(model: Model, real: Real) {
		for (const { override: _, ...sample } of samplesOf(model.spec, [this.segment], { utilisation: false })) {
			const now = {
				...sample,
				atMs: real.state.atMs + sample.atMs,
				...(model.override && { override: model.override }),
			};
			const expected = model.reference.next(now, real.state.replay);
			const { state, demand } = step(real.ladder, real.state, now);
			const told = {
				automatic: state.automatic,
				level: state.level,
				probing: state.probing,
				flaps: state.backoff.flaps,
				demand,
			};
			same(told, {
				automatic: expected.automatic,
				level: expected.inForce,
				probing: expected.probing,
				flaps: expected.flaps,
				demand: real.ladder.levels[expected.demand],
			});
			real.state = state;
		}
	}

	toString = () => `check(${JSON.stringify(this.segment)})`;
}

class Override implements Command {
	constructor(private readonly bounds: readonly [number, number] | null) {}

	check = (model: Readonly<Model>) => this.bounds !== null || model.override !== undefined;

	run(model: Model, { ladder: { levels } }: Real) {
		if (this.bounds === null) {
			model.override = undefined;
			return;
		}
		const floor = this.bounds[0] % levels.length;
		const ceiling = floor + (this.bounds[1] % (levels.length - floor));
		model.override = { floor: levels[floor] as string, ceiling: levels[ceiling] as string };
	}

	toString = () => (this.bounds === null ? 'override ends' : `override(${this.bounds})`);
}

class Restart implements Command {
	check = () => true;

	run(_: Model, real: Real) {
		real.state = JSON.parse(JSON.stringify(real.state)) as LadderState;
	}

	toString = () => 'the state is written down and read again';
}

test('R1-R10: the ladder agrees with its rules in any order of samples, overrides and restarts', () => {
	const commands = fc.commands(
		[
			segments.map((segment) => new Check(segment)),
			segments.map((segment) => new Check(segment)),
			segments.map((segment) => new Check(segment)),
			fc.option(fc.tuple(fc.nat(9), fc.nat(9))).map((bounds) => new Override(bounds)),
			fc.constant(new Restart()),
		],
		{ maxCommands: 14 },
	);
	fc.assert(
		fc.property(ladderSpecs({ guard: false }), commands, (spec, plan) => {
			fc.modelRun(() => {
				const ladder = defineLadder(spec);
				return {
					model: { spec, reference: createReference(spec, 0), override: undefined },
					real: { ladder, state: initialState(ladder, 0) },
				};
			}, plan);
		}),
	);
});
