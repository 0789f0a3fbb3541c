import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { expect, vi } from 'vitest';

/**
 * Properties run `FC_RUNS` times (a modest number by default, 10 000 with `npm run test:properties`). fast-check prints the
 * seed of a failure; `FC_SEED` plays it again.
 */
const { FC_RUNS = '200', FC_SEED } = process.env;

fc.configureGlobal({ numRuns: Number(FC_RUNS), ...(FC_SEED === undefined ? {} : { seed: Number(FC_SEED) }) });
vi.setConfig({ testTimeout: 120_000 });

/** A share of the runs, for properties that play long loads. */
export const runs = (share: number): { readonly numRuns: number } => ({ numRuns: Math.ceil(Number(FC_RUNS) * share) });

// `expect` builds an assertion even when it holds, which a property pays a million times. These build one when it fails.

export function same(actual: unknown, expected: unknown): void {
	if (!isDeepStrictEqual(actual, expected)) expect(actual).toStrictEqual(expected);
}

export function atLeast(actual: number, least: number): void {
	if (!(actual >= least)) expect(actual).toBeGreaterThanOrEqual(least);
}

export function atMost(actual: number, most: number): void {
	if (!(actual <= most)) expect(actual).toBeLessThanOrEqual(most);
}

export { fc };
