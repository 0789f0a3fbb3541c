import { describe, expect, it } from 'vitest';
import { createLoadShedder, defineLadder } from '../../src/index.js';
import { manualClock } from '../../src/testing/index.js';
import { expectNoLeaks } from './driver.js';

expectNoLeaks();

const spec = {
	priorities: { protected: 'critical', sheddable: ['low'] },
	signals: { load: { recoverBelow: 0.5 }, other: { recoverBelow: 0.5, staleAfterMs: 1_000 } },
	levels: [
		{ name: 'NORMAL' },
		{ name: 'SOFT', enterAt: { load: 10, other: 10 }, shed: { low: 'drop' } },
		{ name: 'STOPPED', enterAt: { load: 20 }, intake: 'paused' },
	],
	cooldownMs: 0,
	escalation: 'jump',
} as const;

function made() {
	const clock = manualClock();
	const calls: string[] = [];
	const readings = { load: 0, other: 0 };
	const shedder = createLoadShedder({
		ladder: defineLadder(spec),
		signals: { load: () => readings.load, other: () => readings.other },
		intake: { pause: () => void calls.push('pause'), resume: () => void calls.push('resume') },
		priorityOf: (message: 'critical' | 'low') => message,
		clock,
	});
	return { clock, calls, readings, shedder };
}

describe('listeners that act on the controller in the middle of a step', () => {
	it('M7: a listener of "failed" that reloads leaves no state behind that the new ladder does not have', async () => {
		const { clock, readings, shedder } = made();
		const { priorities, signals, levels, cooldownMs } = spec;
		const shorter = defineLadder({ priorities, signals, levels: [levels[0], levels[1]], cooldownMs });
		shedder.on('failed', () => shedder.reload(shorter));
		readings.load = 20;
		readings.other = Number.NaN;
		await shedder.check();
		await clock.advance(2_000);
		await shedder.check();
		expect(shedder.level).toBe('SOFT');
		expect(shedder.decide('critical').action).toBe('process');
	});

	it('M8: a listener of "dropped" that lifts a pause under way leaves intake open', async () => {
		const { clock, calls, readings, shedder } = made();
		const handle = shedder.wrap((message: 'critical' | 'low') => message);
		readings.load = 10;
		await shedder.check();
		await handle('low');
		await clock.advance(60_000);
		shedder.on('dropped', () => shedder.override({ ceiling: 'SOFT', ttlMs: 600_000, reason: 'stay open' }));
		readings.load = 20;
		await shedder.check();
		await clock.advance(0);
		expect(shedder.accepting).toBe(true);
		expect(calls.at(-1)).not.toBe('pause');
	});

	it('M6: a check that is asked for after stop reads nothing', async () => {
		const { shedder } = made();
		await shedder.stop();
		expect(await shedder.check()).toBeNull();
	});
});
