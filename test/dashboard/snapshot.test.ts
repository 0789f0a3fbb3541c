import { describe, expect, it } from 'vitest';
import { snapshotOf } from '../../src/dashboard/snapshot.js';
import { subject } from './subject.js';

describe('what a page is told', () => {
	it('is plain JSON that loses nothing on the way, with unknown readings as null', async () => {
		const { shedder, readings } = subject();
		readings.lag = Number.NaN;
		await shedder.check();
		const snapshot = snapshotOf(shedder.stats(), 1_000);
		expect(snapshot.signals).toEqual([null, 0.5]);
		expect(JSON.parse(JSON.stringify(snapshot))).toEqual(snapshot);
		await shedder.stop();
	});

	it('tells holds and transitions by how long, on the clock of the controller', async () => {
		const { shedder, readings, clock } = subject();
		const handle = shedder.wrap(() => {});
		readings.lag = 600;
		await shedder.check();
		await clock.advance(1_000);
		await shedder.check();
		for (const message of [{ key: 'BHP' }, { key: 'X' }, { key: 'X', low: true }, { key: 'BHP', low: true }])
			await handle(message);
		readings.lag = 10;
		await clock.advance(5_000);
		await shedder.check();
		await clock.advance(2_000);
		const { holds, transitions, actions, decisions, sensors, level, demand } = snapshotOf(shedder.stats(), 9_000);
		expect([level, demand]).toEqual([2, 0]);
		expect(holds).toEqual([{ reason: 'cooldown', signal: null, remainingMs: 28_000 }]);
		expect(transitions).toEqual([
			{
				...{ from: 'SOFT', to: 'GRACEFUL', why: 'signal', rises: true, agoMs: 7_000 },
				causes: [{ signal: 'lag', reading: 600, threshold: 500 }],
			},
			{
				...{ from: 'NORMAL', to: 'SOFT', why: 'signal', rises: true, agoMs: 8_000 },
				causes: [{ signal: 'lag', reading: 600, threshold: 100 }],
			},
		]);
		expect(actions).toEqual([2, 0, 0, 2]);
		expect(decisions).toContainEqual({ tier: 'top', priority: 'low', action: 'drop', n: 1 });
		expect(sensors[0]?.thresholds[0]).toEqual({ level: 1, enterAt: 100, release: 50 });
		await shedder.stop();
	});
});
