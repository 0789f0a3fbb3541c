import { describe, expect, it } from 'vitest';
import { type AgesSeen, type ClockDifference, learnDifference, noDifference } from '../../src/core/clock-difference.js';
import { fc } from '../support/property.js';

const seen = (change: Partial<AgesSeen> = {}): AgesSeen => ({ afterSilence: [], whileEmpty: Number.NaN, ...change });
const learned = (windows: readonly AgesSeen[], from: ClockDifference = noDifference) =>
	windows.reduce(learnDifference, from);
const times = <T>(count: number, of: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => of(i));

const skew = fc.integer({ min: -50_000, max: 50_000 });

describe('the difference of the clocks (R9)', () => {
	it('is 0 while nothing is known of it', () => {
		expect(learned(times(100, () => seen())).ms).toBe(0);
	});

	it('is plain JSON', () => {
		const difference = learned(times(20, () => seen({ afterSilence: [3], whileEmpty: 2 })));
		expect(JSON.parse(JSON.stringify(difference))).toEqual(difference);
	});

	it('is the lowest age after a silence but two, once ten messages have said so', () => {
		fc.assert(
			fc.property(fc.array(skew, { minLength: 10, maxLength: 40 }), (ages) => {
				const windows = ages.map((ageMs) => seen({ afterSilence: [ageMs] }));
				expect(learned(windows.slice(0, 9)).ms).toBe(0);
				expect(learned(windows).ms).toBe([...ages].sort((a, b) => a - b)[2]);
			}),
		);
	});

	it('forgets what a silence said after about ten minutes of checks', () => {
		const far = learned(times(20, () => seen({ afterSilence: [-5_000] })));
		const later = times(1_200, () => seen({ afterSilence: [0] }));
		expect(learned(later.slice(0, 500), far).ms).toBe(-5_000);
		expect(learned(later, far).ms).toBe(0);
	});

	it('takes the word of an empty queue, ahead or behind, where there is no silence', () => {
		fc.assert(
			fc.property(skew, fc.array(fc.nat(100), { minLength: 9, maxLength: 9 }), (skewMs, delays) => {
				const windows = delays.map((delayMs) => seen({ whileEmpty: skewMs + delayMs }));
				expect(learned(windows.slice(0, 8)).ms).toBe(0);
				expect(Math.abs(learned(windows).ms - skewMs)).toBeLessThanOrEqual(100);
			}),
		);
	});

	it('never lets an empty queue be believed over a silence', () => {
		const both = learned(times(20, () => seen({ afterSilence: [5], whileEmpty: 700 })));
		expect(both.ms).toBe(5);
	});

	it('is not made by four windows with a message from the future', () => {
		const odd = times(30, (i) => seen({ whileEmpty: i % 7 === 3 ? -3_600_000 : 20 }));
		expect(learned([...times(9, () => seen({ whileEmpty: 20 })), ...odd]).ms).toBe(20);
	});

	it('is hardly moved by a stuck sensor that calls a backlog of an hour empty', () => {
		const known = learned(times(20, () => seen({ whileEmpty: 10 })));
		const hour = times(7_200, (i) => seen({ whileEmpty: 10 + i * 10 }));
		expect(learned(hour, known).ms).toBeLessThan(10 + 1_000);
	});

	it('does not begin with a backlog that a stuck sensor calls empty: it is not steady, or too old to be a difference', () => {
		expect(learned(times(100, (i) => seen({ whileEmpty: i * 100 }))).ms).toBe(0);
		expect(learned(times(100, () => seen({ whileEmpty: 3_600_000 }))).ms).toBe(0);
	});

	it('follows a clock that is set back at once', () => {
		const known = learned(times(20, () => seen({ whileEmpty: 2_000 })));
		expect(
			learned(
				times(9, () => seen({ whileEmpty: 0 })),
				known,
			).ms,
		).toBe(0);
	});
});
