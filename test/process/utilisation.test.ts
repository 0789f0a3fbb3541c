import { describe, expect, it } from 'vitest';
import { minWindowMs, type Usage, utilisation } from '../../src/process/utilisation.js';
import { fc } from '../support/property.js';

/** A signal over totals that the test moves. */
function measured(start: Usage = { busyMs: 0, totalMs: 0 }) {
	let usage = start;
	return {
		signal: utilisation(() => usage),
		pass(totalMs: number, busyMs: number) {
			usage = { busyMs: usage.busyMs + busyMs, totalMs: usage.totalMs + totalMs };
		},
	};
}

describe('a windowed utilisation', () => {
	it('is unknown at the first read, which opens the window: what was before does not count', () => {
		const { signal, pass } = measured({ busyMs: 5_000, totalMs: 5_000 });
		expect(signal.read()).toBeNaN();
		pass(100, 20);
		expect(signal.read()).toBeCloseTo(0.2);
	});

	it('tells each window on its own, not the average since the beginning', () => {
		const { signal, pass } = measured();
		signal.read();
		pass(3_600_000, 0);
		expect(signal.read()).toBe(0);
		pass(500, 500);
		expect(signal.read()).toBe(1);
		pass(500, 50);
		expect(signal.read()).toBeCloseTo(0.1);
	});

	it('repeats itself at a second read in the same instant', () => {
		const { signal, pass } = measured();
		expect(signal.read()).toBeNaN();
		expect(signal.read(), 'nothing known yet').toBeNaN();
		pass(500, 250);
		expect(signal.read()).toBe(0.5);
		expect(signal.read()).toBe(0.5);
	});

	it('sees no overload in the microseconds that the reader itself takes, and loses none of them', () => {
		const { signal, pass } = measured();
		signal.read();
		pass(100, 30);
		expect(signal.read()).toBeCloseTo(0.3);
		pass(minWindowMs - 0.001, minWindowMs - 0.001);
		expect(signal.read()).toBeCloseTo(0.3);
		pass(0.001, 0);
		expect(signal.read()).toBeCloseTo((minWindowMs - 0.001) / minWindowMs);
	});

	it('is exactly the share of each window, whatever the windows', () => {
		const ms = fc.nat(1_000_000);
		const window = fc.record({ idleMs: ms, busyMs: ms });
		fc.assert(
			fc.property(fc.array(window, { minLength: 1, maxLength: 20 }), (windows) => {
				const { signal, pass } = measured();
				signal.read();
				for (const { idleMs, busyMs } of windows) {
					const totalMs = minWindowMs + idleMs + busyMs;
					pass(totalMs, busyMs);
					expect(signal.read()).toBe(busyMs / totalMs);
				}
			}),
		);
	});

	it('is never above 1, although the two totals are not taken at the same instant', () => {
		const { signal, pass } = measured();
		signal.read();
		pass(100, 100.001);
		expect(signal.read()).toBe(1);
	});

	it('opens a new window when it is read again after it was closed', () => {
		const { signal, pass } = measured();
		signal.read();
		pass(500, 500);
		signal.read();
		signal.close?.();
		pass(60_000, 0);
		expect(signal.read()).toBeNaN();
		pass(500, 500);
		expect(signal.read()).toBe(1);
	});
});
