import { describe, expect, it } from 'vitest';
import { pushOn, pushSignal } from '../../src/signals/push.js';
import { fc } from '../support/property.js';
import { steppingClock } from './stepping-clock.js';

describe('pushSignal', () => {
	it('is unknown until it is told a value', () => {
		const signal = pushSignal();
		expect(signal.read()).toBeNaN();
		signal.set(7);
		expect(signal.read()).toBe(7);
	});

	it('is unknown again when it is told so', () => {
		const signal = pushSignal();
		signal.set(7);
		signal.set(Number.NaN);
		expect(signal.read()).toBeNaN();
	});

	it('R5: reads the last value up to maxAgeMs after it was set and is unknown from then on', () => {
		const age = fc.integer({ min: 0, max: 60_000 });
		const aroundAge = age.chain((maxAgeMs) =>
			fc.record({ maxAgeMs: fc.constant(maxAgeMs), ageMs: fc.oneof(age, fc.constantFrom(maxAgeMs, maxAgeMs + 1)) }),
		);
		fc.assert(
			fc.property(aroundAge, fc.double({ min: 0, noNaN: true }), ({ maxAgeMs, ageMs }, value) => {
				const clock = steppingClock();
				const signal = pushOn(clock, { maxAgeMs });
				signal.set(value);
				clock.advance(ageMs);
				expect(signal.read()).toBe(ageMs > maxAgeMs ? Number.NaN : value);
			}),
		);
	});

	it('forgets after 10 s unless told otherwise', () => {
		const clock = steppingClock();
		const signal = pushOn(clock);
		signal.set(1);
		clock.advance(10_000);
		expect(signal.read()).toBe(1);
		clock.advance(1);
		expect(signal.read()).toBeNaN();
	});

	it('never forgets with an infinite maxAgeMs', () => {
		const clock = steppingClock();
		const signal = pushOn(clock, { maxAgeMs: Infinity });
		signal.set(1);
		clock.advance(1e12);
		expect(signal.read()).toBe(1);
	});

	it('refuses an age that is no number or negative', () => {
		expect(() => pushSignal({ maxAgeMs: Number.NaN })).toThrow(
			'invalid pushSignal options (1 problem):\nmaxAgeMs: NaN must be at least 0',
		);
		expect(() => pushSignal({ maxAgeMs: -1 })).toThrow('maxAgeMs: -1 must be at least 0');
	});
});
