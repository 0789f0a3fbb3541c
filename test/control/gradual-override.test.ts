import { expect, it } from 'vitest';
import { createLoadShedder, defineLadder } from '../../src/index.js';
import { manualClock } from '../../src/testing/index.js';
import { expectNoLeaks } from './driver.js';

expectNoLeaks();

const ladder = defineLadder({
	priorities: { protected: 'critical', sheddable: ['low'] },
	features: ['enrichment'],
	signals: { load: { recoverBelow: 0.5 } },
	levels: [
		{ name: 'NORMAL' },
		{ name: 'SOFT', enterAt: { load: 10 }, disable: ['enrichment'] },
		{ name: 'HARD', enterAt: { load: 20 }, shed: { low: 'drop' } },
	],
	cooldownMs: 0,
	gradual: true,
});

function calm() {
	const clock = manualClock();
	return createLoadShedder({
		ladder,
		signals: { load: () => 0 },
		clock,
		priorityOf: (message: 'critical' | 'low') => message,
	});
}

it('R10, D8: a level that a person has set applies wholly, though the readings ask for nothing', async () => {
	const shedder = calm();
	await shedder.check();
	const end = shedder.override({ level: 'HARD', ttlMs: 60_000, reason: 'planned' });
	expect(shedder.decide('low')).toMatchObject({ action: 'drop', level: 'HARD', features: { enrichment: false } });
	expect(shedder.isEnabled('enrichment')).toBe(false);
	end();
	expect(shedder.decide('low')).toMatchObject({ action: 'process', level: 'NORMAL', features: { enrichment: true } });
	expect(shedder.isEnabled('enrichment')).toBe(true);
});

it('R9, D8: a restored level applies wholly until the next check tells more', async () => {
	const shedder = calm();
	shedder.restore({ version: 1, level: 'HARD' });
	expect(shedder.decide('low').action).toBe('drop');
	await shedder.check();
	expect(shedder.decide('low').action).toBe('process');
});

it('R10, D8: a level that a person has set applies wholly, also when the automatic level has reached it', async () => {
	let load = 0;
	const signals = { load: () => load };
	const priorityOf = (message: 'critical' | 'low') => message;
	const shedder = createLoadShedder({ ladder, signals, clock: manualClock(), priorityOf });
	shedder.override({ level: 'HARD', ttlMs: 60_000, reason: 'planned' });
	load = 20;
	await shedder.check();
	await shedder.check();
	expect(shedder.snapshot().level).toBe('HARD');
	expect(shedder.decide('low').action).toBe('drop');
});

it('R5: a restored level is not relaxed by a check that knows nothing', async () => {
	const shedder = createLoadShedder({
		ladder,
		signals: { load: () => Number.NaN },
		clock: manualClock(),
		priorityOf: (message: 'critical' | 'low') => message,
	});
	shedder.restore({ version: 1, level: 'HARD' });
	await shedder.check();
	expect(shedder.decide('low').action).toBe('drop');
});
