import type { Arbitrary } from 'fast-check';
import type { Sample } from '../../core/state.js';
import { delaysOf, readingsAround } from './edges.js';
import type { Fc } from './fast-check.js';
import type { AnyLadderSpec } from './ladder-specs.js';

/** What may happen in a run of samples; everything by default. */
export interface SampleScope {
	/** Readings that are none: NaN, infinite, negative. Default `true`. */
	readonly bad?: boolean | undefined;
	/** Somebody overrides the ladder. Default `true`. */
	readonly override?: boolean | undefined;
	/** Replay feeds messages. Default `true`. */
	readonly replay?: boolean | undefined;
	/** A utilisation is predicted, for the guard. Default `true`. */
	readonly utilisation?: boolean | undefined;
	/** Time may stand still, step back or leave a gap. Default `true`. */
	readonly oddTime?: boolean | undefined;
}

/** A choice that becomes a number once the ladder is known: it shrinks to calm readings and ordinary time steps. */
type Choice = number;

/** One way the scope may look for a while. */
export interface Segment {
	readonly readings: readonly Choice[];
	readonly elapsed: Choice;
	readonly times: number;
	readonly replaying: boolean;
	readonly trafficStill: boolean;
	readonly assignedAnew: boolean;
	readonly utilisation: readonly Choice[];
	readonly override: readonly [Choice, Choice] | null;
}

/** @param signals  how many there are at most. */
export function segmentsOf(fc: Fc, signals: number): Arbitrary<Segment> {
	const calmOften = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 4, arbitrary: fc.nat(999) });
	const soonOften = fc.oneof({ weight: 4, arbitrary: fc.nat(2) }, { weight: 2, arbitrary: fc.nat(999) });
	return fc.record({
		readings: fc.tuple(...Array.from({ length: signals }, () => calmOften)),
		elapsed: soonOften,
		times: fc.integer({ min: 1, max: 4 }),
		replaying: fc.boolean(),
		trafficStill: fc.boolean(),
		assignedAnew: fc.integer({ min: 0, max: 7 }).map((n) => n === 0),
		utilisation: fc.tuple(fc.nat(4), fc.nat(4)),
		override: fc.option(fc.tuple(fc.nat(9), fc.nat(9)), { freq: 5 }),
	});
}

/** Scripts do not know their ladder, so that both may shrink on their own. */
export function scriptsOf(fc: Fc, signals: number): Arbitrary<readonly Segment[]> {
	return fc.array(segmentsOf(fc, signals), { minLength: 1, maxLength: 14 });
}

/** Plays a script against a ladder's own thresholds and times. The clock begins at 0. */
export function play(spec: AnyLadderSpec, script: readonly Segment[], scope: SampleScope = {}): readonly Sample[] {
	const values = Object.keys(spec.signals).map((signal) => readingsAround(spec, signal, scope.bad !== false));
	const delays = delaysOf(spec, scope.oddTime !== false);
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
				...(scope.utilisation === false
					? {}
					: {
							utilisation: names.map(
								(_, level) => [Number.NaN, 0.2, 0.5, 0.95, 2][segment.utilisation[level % 2] as number] as number,
							),
						}),
				...(scope.replay === false ? {} : { replaying: segment.replaying }),
				...(segment.trafficStill ? { trafficMoves: false } : {}),
				...(segment.assignedAnew ? { assignedAnew: true } : {}),
				...(scope.override === false || segment.override === null
					? {}
					: { override: { floor: names[floor] as string, ceiling: names[ceiling] as string } }),
			};
		}),
	);
}
