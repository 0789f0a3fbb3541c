import { describe, expect, it } from 'vitest';
import { defineLadder } from '../../src/index.js';
import { driver, recordedIntake, spec } from './driver.js';

describe('an assignment of the broker', () => {
	const load = { recoverBelow: 0.5, stuckAfterMs: 2_000, staleAfterMs: 100, onStale: { atLeast: 'SOFT' } } as const;
	const stuck = defineLadder({ ...spec, signals: { load } });

	it('R5: begins the time anew after which a signal is taken for stuck', async () => {
		const { intake, reassign } = recordedIntake();
		const { shedder, clock, setLoad } = driver({ ladder: stuck, intake });
		const handle = shedder.wrap(() => {});
		const levelAfter = async (checks: number) => {
			for (let i = 0; i < checks; i++) {
				await handle({ key: 'G1' });
				await clock.advance(500);
				await shedder.check();
			}
			return shedder.level;
		};
		setLoad(3);
		expect(await levelAfter(4)).toBe('NORMAL');
		reassign();
		// The same for 2 s once more, and stale one check later.
		expect(await levelAfter(5)).toBe('NORMAL');
		expect(await levelAfter(1)).toBe('SOFT');
	});

	it('R7: makes the arrival unknown for one check, also when an override steps the ladder before', async () => {
		const { intake, reassign } = recordedIntake();
		const { shedder, clock } = driver({ intake, capacityPerS: 1_000 });
		const handle = shedder.wrap(() => {});
		const utilisationAfter = async (messages: number) => {
			for (let i = 0; i < messages; i++) await handle({ key: 'G1' });
			await clock.advance(500);
			await shedder.check();
			return shedder.stats().utilisation[0];
		};
		await shedder.check();
		expect(await utilisationAfter(100)).toBeCloseTo(0.2);
		reassign();
		shedder.override({ floor: 'NORMAL', ttlMs: 60_000, reason: 'nothing changes' });
		expect(await utilisationAfter(100)).toBeNaN();
		// What was learned before is forgotten: half of the partitions are elsewhere.
		expect(await utilisationAfter(50)).toBeCloseTo(0.1);
	});

	it('is no longer followed after a stop', async () => {
		let listeners = 0;
		const intake = {
			pause() {},
			resume() {},
			onAssignmentChange() {
				listeners++;
				return () => void listeners--;
			},
		};
		const { shedder } = driver({ intake });
		const before = listeners;
		await shedder.stop();
		expect(listeners).toBe(before - 1);
	});
});
