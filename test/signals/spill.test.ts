import { describe, expect, it } from 'vitest';
import { appendDelay, createLoadShedder, defineLadder, memorySpill, spillFullness } from '../../src/index.js';
import { manualClock } from '../../src/testing/index.js';
import { deferred, expectNoLeaks, fails, settled, unruly } from '../control/driver.js';

expectNoLeaks();

const ladder = defineLadder({
	priorities: { protected: 'critical', sheddable: ['normal'] },
	signals: { load: { recoverBelow: 0.5 }, full: { recoverBelow: 0.5 }, appendMs: { recoverBelow: 0.5 } },
	levels: [
		{ name: 'NORMAL' },
		{ name: 'SPILLING', enterAt: { load: 10 }, shed: { normal: 'spill' } },
		{ name: 'REFUSING', enterAt: { full: 0.8, appendMs: 200 }, shed: { normal: 'reject' } },
	],
	cooldownMs: 1_000,
});

function spilling(store = memorySpill()) {
	const clock = manualClock();
	const shedder = createLoadShedder({
		clock,
		ladder,
		signals: { load: () => 10, full: spillFullness(), appendMs: appendDelay(clock) },
		priorityOf: (_: { readonly text: string }) => 'normal' as const,
		spill: store,
	});
	return { clock, shedder, handle: shedder.wrap(() => {}) };
}

describe('spillFullness', () => {
	it('takes the ladder up when the store fills, and down when it has drained', async () => {
		const store = memorySpill({ maxBytes: 10_000 });
		const { clock, shedder, handle } = spilling(store);
		await shedder.check();
		expect(shedder.level).toBe('SPILLING');
		for (let n = 0; n < 12; n++) expect((await handle({ text: 'x'.repeat(50) })).action).toBe('spill');
		await shedder.check();
		await shedder.check();
		const { spill, signals } = shedder.stats();
		const ratio = (spill?.bytes ?? 0) / (spill?.capacityBytes ?? 1);
		expect(ratio).toBeGreaterThan(0.8);
		expect(signals[1]?.value).toBe(ratio);
		expect(shedder.level).toBe('REFUSING');
		expect((await handle({ text: '' })).action).toBe('reject');
		await store.ack(0, '11');
		for (let turn = 0; turn < 5; turn++) {
			await clock.advance(500);
			await shedder.check();
		}
		expect(shedder.level).toBe('SPILLING');
		await shedder.stop();
	});

	it('is 0 where there is no store', () => {
		expect(spillFullness().read()).toBe(0);
	});
});

describe('appendDelay', () => {
	it('is the slowest append since the last read, and 0 when nothing is appended', () => {
		const clock = manualClock();
		const signal = appendDelay(clock);
		const append = (ms: number) => {
			const end = signal.appending();
			void clock.advance(0);
			return clock.advance(ms).then(end);
		};
		return append(30)
			.then(() => append(10))
			.then(() => {
				expect(signal.read()).toBe(30);
				expect(signal.read()).toBe(0);
			});
	});

	it('shows an append that does not end, from the shedder to the level', async () => {
		const { store, trouble } = unruly();
		const hanging = deferred();
		trouble.append = () => hanging.promise;
		const { clock, shedder, handle } = spilling(store);
		await shedder.check();
		const outcome = handle({ text: '' });
		await clock.advance(250);
		await shedder.check();
		expect(shedder.stats().signals[2]?.value).toBe(250);
		expect(shedder.level).toBe('REFUSING');
		hanging.resolve();
		expect(await outcome).toEqual({ action: 'spill' });
		await shedder.check();
		expect(shedder.stats().signals[2]?.value).toBe(250);
		await shedder.check();
		expect(shedder.stats().signals[2]?.value).toBe(0);
		await shedder.stop();
	});

	it('forgets an append that has failed', async () => {
		const { store, trouble } = unruly();
		trouble.append = fails('no disk');
		const { shedder, handle, clock } = spilling(store);
		shedder.on('failed', () => {});
		await shedder.check();
		expect((await handle({ text: '' })).action).toBe('process');
		await settled();
		await clock.advance(5_000);
		await shedder.check();
		expect(shedder.stats().signals[2]?.value).toBe(0);
		await shedder.stop();
	});
});
