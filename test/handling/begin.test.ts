import { describe, expect, it } from 'vitest';
import { createLoadShedder, defineLadder, memorySpill } from '../../src/index.js';
import { manualClock } from '../../src/testing/index.js';
import { driver, expectNoLeaks, imbalance, type Level, LOAD, type Priority, spec, unruly } from '../control/driver.js';
import { fc } from '../support/property.js';

expectNoLeaks();

const levels = fc.constantFrom<Level>('NORMAL', 'SOFT', 'GRACEFUL', 'AGGRESSIVE', 'CIRCUIT_BREAK');
const priorities = fc.constantFrom<Priority>('critical', 'high', 'normal', 'low');
const ends = fc.constantFrom('processed', 'failed', 'never', 'twice');

/** What the ladder of these tests says to a caller that cannot keep anything. */
function promised(level: Level, priority: Priority): 'process' | 'drop' | 'reject' {
	if (priority === 'critical') return 'process';
	if (priority === 'low' && LOAD[level] >= LOAD.GRACEFUL) return 'drop';
	return LOAD[level] >= LOAD.AGGRESSIVE ? 'reject' : 'process';
}

describe('callers that act themselves and cannot keep a message', () => {
	it('M1, M5: one decision and one counter a message, in flight until its end, and every message is accounted for', async () => {
		await fc.assert(
			fc.asyncProperty(
				levels,
				fc.array(fc.record({ priority: priorities, end: ends }), { maxLength: 20 }),
				async (level, messages) => {
					const { store, appends } = unruly();
					const { shedder, at } = driver({ spill: store });
					await at(level);
					const expected = { processed: 0, failed: 0, dropped: 0, rejected: 0, inFlight: 0 };
					for (const { priority, end } of messages) {
						const admission = shedder.begin({ key: 'x', priority });
						const action = promised(level, priority);
						expect(admission.action).toBe(action);
						expect(admission.context).toMatchObject({ level, priority, replayed: false });
						if (action === 'process') expected.inFlight++;
						expect(shedder.stats().inFlight).toBe(expected.inFlight);
						if (end !== 'never') {
							admission.end(end === 'failed' ? 'failed' : 'processed');
							if (end === 'twice') admission.end('failed');
							if (action === 'process') {
								expected.inFlight--;
								expected[end === 'failed' ? 'failed' : 'processed']++;
							}
						}
						if (action === 'drop') expected.dropped++;
						if (action === 'reject') expected.rejected++;
						expect(imbalance(shedder.stats())).toBe(0);
					}
					expect(shedder.stats()).toMatchObject({
						...expected,
						offered: messages.length,
						spilled: 0,
						protectedShed: 0,
					});
					const counted = shedder.stats().decisions.filter(({ n }) => n > 0);
					expect(counted.reduce((sum, { n }) => sum + n, 0)).toBe(messages.length);
					expect(counted.filter(({ action }) => action === 'spill')).toEqual([]);
					expect(appends).toEqual([]);
				},
			),
			{ numRuns: 100 },
		);
	});

	it('M8: while intake is paused they are the intake, so only what is protected gets in', async () => {
		// A ladder that gives nothing up before it pauses.
		const shedder = createLoadShedder({
			ladder: defineLadder({
				...spec,
				levels: [{ name: 'NORMAL' }, { name: 'CIRCUIT_BREAK', enterAt: { load: 1 }, intake: 'paused' }],
			}),
			signals: { load: () => load },
			priorityOf: (priority: Priority) => priority,
			intake: { pause() {}, resume() {} },
			clock: manualClock(),
		});
		let load = 0;
		await shedder.check();
		expect(shedder.begin('high').action).toBe('process');
		load = 1;
		await shedder.check();
		expect(shedder.accepting).toBe(false);
		expect(shedder.decide('high').action, 'what is in our hands already').toBe('process');
		expect(shedder.begin('high').action).toBe('reject');
		expect(shedder.begin('critical').action).toBe('process');
		expect(shedder.stats()).toMatchObject({ rejected: 1, inFlight: 2 });
	});

	it('D7, M4: neither skip-to-live nor the key fence turns anybody away who would be processed', async () => {
		const { shedder, at, clock } = driver({
			spill: { store: memorySpill(), keyFence: true },
			timeOf: () => Date.now() - 60_000,
			skipToLive: { afterMs: 1 },
		});
		shedder.start();
		await at('AGGRESSIVE');
		const keep = shedder.wrap(() => {});
		expect((await keep({ key: 'x', priority: 'normal' })).action).toBe('spill');
		expect((await keep({ key: 'G1', priority: 'critical', atMs: 0 })).action, 'a message that is too old').toBe(
			'spill',
		);
		expect(shedder.begin({ key: 'G1', priority: 'critical' }).action).toBe('process');
		await at('AGGRESSIVE');
		expect(shedder.stats().protectedShed).toBe(0);
		await clock.advance(0);
		await shedder.stop();
	});

	it('D5: who only observes lets everybody in and counts what it would have done', async () => {
		const { shedder, at } = driver({ mode: 'observe' });
		await at('CIRCUIT_BREAK');
		const { action, context } = shedder.begin({ key: 'x', priority: 'normal' });
		expect(action).toBe('process');
		expect(context.features).toEqual({ enrichment: true });
		expect(shedder.stats().decisions.filter(({ n }) => n > 0)).toEqual([
			{ action: 'reject', level: 'CIRCUIT_BREAK', priority: 'normal', tier: 'bronze', n: 1 },
		]);
	});

	it('D3: a message that cannot be classified is protected, and that is told', async () => {
		const { shedder, at, failures } = driver({
			priorityOf: () => {
				throw new Error('no idea');
			},
		});
		await at('CIRCUIT_BREAK');
		expect(shedder.begin({ key: 'x' })).toMatchObject({ action: 'process', context: { priority: 'critical' } });
		expect(failures.filter(({ during }) => during !== 'intake')).toMatchObject([
			{ during: 'tiers', name: 'classify', error: new Error('no idea') },
		]);
	});
});
