import { describe, expect, it } from 'vitest';
import { createController, createLoadShedder, defineLadder, defineTiers, memorySpill } from '../../src/index.js';
import { manualClock } from '../../src/testing/index.js';
import { expectNoLeaks, imbalance, ladder } from '../control/driver.js';

expectNoLeaks();

/** What a message costs the consumer, ms of its time: it can do 500 full ones a second. */
const COST_MS = { full: 2, lean: 1.2, spill: 0.1 };
const TICK_MS = 50;
const KEYS = Array.from({ length: 30 }, (_, n) => `k${n}`);

interface Course {
	readonly maxWaiting: number;
	readonly drainedAtS: number | null;
	readonly transitionsAfterBurst: readonly string[];
	readonly flaps: number;
	readonly fenced: number;
	readonly longestLag: number;
	readonly balance: number;
}

/**
 * Ten seconds of 3 000/s of a third of the keys, then 400/s (0.8 of the capacity) of all keys. What is spilled of the other
 * keys until the cooldown is over fences them as well.
 */
async function course(gradual: boolean, keyFence: boolean): Promise<Course> {
	const clock = manualClock();
	const queue: string[] = [];
	const shedder = createLoadShedder({
		clock,
		ladder: defineLadder({
			priorities: { protected: 'critical', sheddable: ['normal'] },
			features: ['enrichment'],
			signals: { lag: { recoverBelow: 0.5, fallsWhilePaused: false } },
			levels: [
				{ name: 'NORMAL' },
				{ name: 'LEAN', enterAt: { lag: 1_000 }, disable: ['enrichment'] },
				{ name: 'ESSENTIAL', enterAt: { lag: 3_000 }, shed: { normal: 'spill' } },
			],
			cooldownMs: 10_000,
			gradual,
		}),
		signals: { lag: () => queue.length },
		tiers: defineTiers({ tiers: [], fallback: { name: 'rest', priority: 'normal' } }),
		keyOf: (key: string) => key,
		spill: { store: memorySpill(), keyFence },
	});
	let busyMs = 0;
	const handle = shedder.wrap((_, { features }) => {
		busyMs += features.enrichment ? COST_MS.full : COST_MS.lean;
	});
	shedder.start();
	const burst = 10_000 / TICK_MS;
	const transitionsAfterBurst: string[] = [];
	let maxWaiting = 0;
	let longestLag = 0;
	let drainedAtS: number | null = null;
	for (let tick = 0, sent = 0; tick < burst + 900_000 / TICK_MS && drainedAtS === null; tick++) {
		const [perTick, keys] = tick < burst ? [150, 10] : [20, KEYS.length];
		for (let i = 0; i < perTick; i++) queue.push(KEYS[sent++ % keys] as string);
		busyMs = Math.max(0, busyMs - TICK_MS);
		while (busyMs < TICK_MS && queue.length > 0) {
			const { action } = await handle(queue.shift() as string);
			if (action === 'spill') busyMs += COST_MS.spill;
		}
		await clock.advance(TICK_MS);
		const { waiting, levelIndex } = shedder.stats();
		maxWaiting = Math.max(maxWaiting, waiting);
		if (tick === burst) {
			shedder.on('transitioned', ({ from, to }) => transitionsAfterBurst.push(`${from} -> ${to}`));
		}
		// Once it has recovered, it is replay that could make the lag grow again.
		if (tick > burst && levelIndex === 0) longestLag = Math.max(longestLag, queue.length);
		if (tick > burst && waiting === 0) drainedAtS = ((tick - burst) * TICK_MS) / 1000;
	}
	const { flaps, fenced } = shedder.stats();
	const balance = imbalance(shedder.stats());
	await shedder.stop();
	return { maxWaiting, drainedAtS, transitionsAfterBurst, flaps, fenced, longestLag, balance };
}

describe('replay with little headroom (M3, M4)', () => {
	it.each([
		['whole levels', false],
		['gradual treatment', true],
	])(
		'M4: with %s, at 0.8 of the capacity and a third of the load fenced or more, it converges without a flap',
		async (_, gradual) => {
			const fenced = await course(gradual, true);
			expect(fenced).toMatchObject({ flaps: 0, balance: 0 });
			expect(fenced.maxWaiting).toBeGreaterThan(10_000);
			expect(fenced.fenced).toBeGreaterThan(1_000);
			expect(fenced.drainedAtS).not.toBeNull();
			// Nothing but recovery: replay takes the ladder up nowhere.
			expect(fenced.transitionsAfterBurst.filter((move) => !/ESSENTIAL -> |LEAN -> NORMAL/.test(move))).toEqual([]);
			expect(fenced.longestLag).toBeLessThan(1_500);
		},
	);
});

describe('replay of several shedders (M3)', () => {
	it('M3: those that share a controller share the spare capacity, and the last one has all of it', async () => {
		const clock = manualClock();
		const controller = createController({ ladder, signals: { load: () => 0 }, capacityPerS: 100, clock });
		const shedders = await Promise.all(
			[1_000, 2_000].map(async (records) => {
				const store = memorySpill();
				await store.append(
					Array.from({ length: records }, (_, n) => ({
						id: String(n),
						key: 'a',
						payload: new TextEncoder().encode('{}'),
						enqueuedAtMs: 0,
						headers: { handler: 'default', tier: 'all', priority: 'normal' },
					})),
				);
				const shedder = createLoadShedder({ controller, priorityOf: () => 'normal', spill: store });
				shedder.wrap(() => {});
				return shedder;
			}),
		);
		controller.start();
		const most = { together: 0, alone: 0 };
		for (let passed = 0; passed < 60_000; passed += 500) {
			await clock.advance(500);
			const [first, second] = shedders.map((shedder) => shedder.stats());
			const both = Number(first?.waiting) > 0;
			const perS = Number(first?.replayPerS) + Number(second?.replayPerS);
			most[both ? 'together' : 'alone'] = Math.max(most[both ? 'together' : 'alone'], perS);
		}
		expect(shedders.map((shedder) => shedder.stats().waiting)).toEqual([0, 0]);
		// 0.95 of the capacity, and an estimate that nothing contradicts loosens by 2 % a second.
		expect(most.together).toBeGreaterThan(90);
		expect(most.together).toBeLessThan(150);
		expect(most.alone).toBeGreaterThan(90);
		for (const shedder of shedders) await shedder.stop();
		await controller.stop();
	});
});
