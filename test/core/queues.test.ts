import { describe, expect, it } from 'vitest';
import { defineLadder } from '../../src/core/ladder.js';
import { lookAtQueues, noQueues, type Queues } from '../../src/core/queues.js';

const ladder = defineLadder({
	priorities: { protected: 'critical', sheddable: ['rest'] },
	signals: {
		lag: { recoverBelow: 0.5, fallsWhilePaused: false },
		ageMs: { recoverBelow: 0.5 },
		heap: { recoverBelow: 0.9 },
	},
	levels: [{ name: 'NORMAL' }, { name: 'SOFT', enterAt: { lag: 1_000, ageMs: 1_000, heap: 0.8 } }],
	cooldownMs: 1_000,
});

interface Reading {
	readonly lag?: number;
	readonly ageMs?: number;
	readonly heap?: number;
}

const look = (
	{ lag = 0, ageMs = 0, heap = 0 }: Reading,
	accepting = true,
	before: Queues = noQueues,
	elapsedMs = 500,
) => lookAtQueues(ladder, before, { lag, ageMs, heap }, (name) => name === 'ageMs', accepting, elapsedMs);

describe('what the queues say', () => {
	it('work waits from half of the way to the first threshold on, for replay it is too late from half of its release on', () => {
		for (const name of ['lag', 'ageMs'] as const) {
			expect(look({ [name]: 499 })).toMatchObject({ waits: false, delayed: true });
			expect(look({ [name]: 500 })).toMatchObject({ waits: true, delayed: true });
			expect(look({ [name]: 249 })).toMatchObject({ waits: false, delayed: false });
			expect(look({ [name]: 250 }).delayed).toBe(true);
		}
	});

	it('heap is no queue', () => {
		expect(look({ heap: 2, lag: 1_000 / 2 - 1, ageMs: 0 }).waits).toBe(false);
		expect(look({ heap: 2 })).toMatchObject({ waits: false, delayed: false, empty: true });
	});

	it('what cannot fall while nothing is taken in delays no replay then', () => {
		expect(look({ lag: 900 }, false).delayed).toBe(false);
		expect(look({ ageMs: 900 }, false).delayed).toBe(true);
	});

	it('only a queue that is seen from outside can be empty, up to a twentieth of its first threshold', () => {
		expect(look({ lag: 50, ageMs: 900 }).empty).toBe(true);
		expect(look({ lag: 51 }).empty).toBe(false);
		for (const lag of [Number.NaN, -1]) expect(look({ lag }).empty).toBe(false);
	});

	it('one that is not empty is known to hold something, whatever an age says', () => {
		expect(look({ lag: 51 }).held).toBe(true);
		for (const lag of [0, 50, Number.NaN, -1]) expect(look({ lag, ageMs: 900 }).held).toBe(false);
	});

	it('a queue of which no threshold says what is much is not said to be empty', () => {
		const { spec } = ladder;
		const without = defineLadder({
			...spec,
			levels: [{ name: 'NORMAL' }, { name: 'SOFT', enterAt: { ageMs: 1_000, heap: 0.8 } }],
		});
		const queues = lookAtQueues(without, noQueues, { lag: 1e6, ageMs: 0, heap: 0 }, () => false, true, 500);
		expect(queues).toMatchObject({ waits: false, delayed: false, empty: false });
	});

	it('a queue that reads the same for a minute is not believed to be empty, until it moves', () => {
		let queues = look({ lag: 3 });
		for (let i = 0; i < 119; i++) queues = look({ lag: 3 }, true, queues);
		expect(queues.empty).toBe(true);
		queues = look({ lag: 3 }, true, queues);
		expect(queues.empty).toBe(false);
		expect(look({ lag: 4 }, true, queues).empty).toBe(true);
	});
});
