import type { SignalPolicy } from '../../core/spec.js';
import type { AnyLadderSpec } from './ladder-specs.js';

/** The numbers at which a ladder changes its mind about a signal, and their neighbours. */
export function edgesOf(spec: AnyLadderSpec, signal: string): readonly number[] {
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
			release + 1,
		];
	});
}

/** Readings that no sensor should give. */
export const BAD = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1, -1e-300] as const;

/** What a signal may read, calm first. @param bad  also what is no reading. */
export function readingsAround(spec: AnyLadderSpec, signal: string, bad: boolean): readonly number[] {
	const edges = edgesOf(spec, signal).filter((edge) => edge >= 0);
	return [0, ...edges, ...(bad ? [Number.NaN, Number.NaN, Number.NaN, ...BAD] : []), 1e18, -0];
}

/**
 * Time steps around everything that a ladder measures, in ms. The first three are ordinary.
 *
 * @param odd  also none, backwards, and around the longest gap.
 */
export function delaysOf(spec: AnyLadderSpec, odd: boolean): readonly number[] {
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

export const nextUp = (x: number): number => neighbour(x, 1n);
export const nextDown = (x: number): number => neighbour(x, -1n);

/** The next double of a positive number. */
function neighbour(x: number, direction: bigint): number {
	const view = new DataView(new ArrayBuffer(8));
	view.setFloat64(0, x);
	view.setBigInt64(0, view.getBigInt64(0) + direction);
	return view.getFloat64(0);
}
