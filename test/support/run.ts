import { defineLadder, type Ladder } from '../../src/core/ladder.js';
import { initialState, type LadderState, type Sample, type Step } from '../../src/core/state.js';
import { step } from '../../src/core/step.js';
import { createReference, type Expected } from './reference.js';
import type { Spec } from './spec.js';

/** One sample with what came before and after it, and what the rules say. */
export interface Turn {
	readonly sample: Sample;
	readonly elapsedMs: number;
	readonly before: LadderState;
	readonly step: Step;
	readonly after: LadderState;
	readonly expected: Expected;
}

/** Runs a ladder and the reference side by side. */
export function run(spec: Spec, samples: readonly Sample[]): readonly Turn[] {
	const reference = createReference(spec, 0);
	return steps(defineLadder(spec), samples).map((turn) => ({
		...turn,
		expected: reference.next(turn.sample, turn.before.replay),
	}));
}

/** Runs a ladder alone. */
export function steps(ladder: Ladder, samples: readonly Sample[]): readonly Omit<Turn, 'expected'>[] {
	let before = initialState(ladder, 0);
	return samples.map((sample) => {
		const taken = step(ladder, before, sample);
		const turn = { sample, elapsedMs: Math.max(0, sample.atMs - before.atMs), before, step: taken, after: taken.state };
		before = taken.state;
		return turn;
	});
}

/** The last step of a run. */
export function last<T>(turns: readonly T[]): T {
	const turn = turns.at(-1);
	if (turn === undefined) throw new Error('nothing was run');
	return turn;
}
