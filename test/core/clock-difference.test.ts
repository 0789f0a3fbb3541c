import { describe, expect, it } from 'vitest';
import { type ClockDifference, learnDifference, noDifference } from '../../src/core/clock-difference.js';
import { fc } from '../support/property.js';

const learned = (windows: readonly (readonly number[])[], from: ClockDifference = noDifference) =>
	windows.reduce(learnDifference, from);
const times = <T>(count: number, of: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => of(i));
const constantly = (ageMs: number, count: number) => times(count, () => [ageMs]);

const skew = fc.integer({ min: -50_000, max: 50_000 });
const HOUR = 7_200;

describe('the difference of the clocks (R9)', () => {
	it('is 0 while nothing is known of it', () => {
		expect(learned(times(100, () => [])).ms).toBe(0);
	});

	it('is plain JSON', () => {
		const difference = learned(constantly(3, 20));
		expect(JSON.parse(JSON.stringify(difference))).toEqual(difference);
	});

	it('is found in fifteen windows, ahead or behind, up to what a message takes on its way', () => {
		fc.assert(
			fc.property(skew, fc.array(fc.nat(100), { minLength: 15, maxLength: 15 }), (skewMs, delays) => {
				const windows = delays.map((delayMs) => [skewMs + delayMs]);
				expect(learned(windows.slice(0, 14)).ms).toBe(0);
				expect(Math.abs(learned(windows).ms - skewMs)).toBeLessThanOrEqual(100);
			}),
		);
	});

	it('is that of most producers: not of one that is far ahead or behind, in every window or in some windows of its own', () => {
		fc.assert(
			fc.property(fc.constantFrom(-3_600_000, -15_000, 15_000, 3_600_000), (wrong) => {
				const mixed = times(200, () => [20, 20, wrong, 20]);
				expect(learned(mixed).ms).toBe(20);
				const apart = times(200, (i) => [i % 6 === 3 ? wrong : 20]);
				expect(Math.abs(learned(apart, learned(constantly(20, 20))).ms - 20)).toBeLessThan(1);
			}),
		);
	});

	it('does not begin with a backlog: it is not steady, or too old to be a difference, or lower ages were seen before', () => {
		expect(learned(times(100, (i) => [i * 100])).ms).toBe(0);
		expect(learned(constantly(3_600_000, 100)).ms).toBe(0);
		expect(learned([...constantly(5, 4), ...constantly(30_000, HOUR)]).ms).toBe(0);
	});

	it('is hardly moved by an hour of backlog that passes for none, steady or not', () => {
		const known = learned(constantly(10, 20));
		expect(learned(constantly(60_000, HOUR), known).ms).toBeLessThan(10 + 1_000);
		expect(
			learned(
				times(HOUR, (i) => [10 + i * 10]),
				known,
			).ms,
		).toBeLessThan(10 + 1_000);
	});

	it('follows clocks that drift apart, and at once those that come together or run ahead', () => {
		const drifting = times(HOUR, (i) => [2_000 + i * 0.09]);
		expect(learned(drifting).ms).toBeGreaterThan(2_000 + HOUR * 0.09 - 5);
		const known = learned(constantly(2_000, 20));
		expect(learned(constantly(0, 12), known).ms).toBe(0);
		expect(learned(constantly(-2_000, 12), known).ms).toBe(-2_000);
	});
});
