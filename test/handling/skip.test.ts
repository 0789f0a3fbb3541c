import { describe, expect, it } from 'vitest';
import { createLoadShedder, defineLadder, memorySpill, messageAge, type SpillStore } from '../../src/index.js';
import { manualClock } from '../../src/testing/index.js';
import { expectNoLeaks } from '../control/driver.js';

expectNoLeaks();

const ladder = defineLadder({
	priorities: { protected: 'critical', sheddable: ['normal'] },
	signals: { ageMs: { recoverBelow: 0.5 } },
	levels: [
		{ name: 'NORMAL' },
		{ name: 'SOFT', enterAt: { ageMs: 1_000 } },
		{ name: 'HARD', enterAt: { ageMs: 5_000 }, shed: { normal: 'spill' } },
	],
	cooldownMs: 10_000,
});

interface Trade {
	readonly id: number;
	readonly priority: 'critical' | 'normal';
	readonly bornMs: number;
}

function consumer(
	options: {
		readonly store?: SpillStore;
		readonly mode?: 'enforce' | 'observe';
		readonly spill?: { readonly store: SpillStore; readonly whenSpillFails: 'reject' };
	} = {},
) {
	const clock = manualClock(1_000_000);
	const originMs = Date.now() - clock.nowMs();
	const handled: [number, boolean][] = [];
	const shedder = createLoadShedder({
		ladder,
		signals: { ageMs: messageAge() },
		priorityOf: (trade: Trade) => trade.priority,
		timeOf: (trade) => trade.bornMs,
		spill: options.spill ?? options.store ?? memorySpill(),
		skipToLive: { afterMs: 9_000 },
		mode: options.mode ?? 'enforce',
		clock,
	});
	const handle = shedder.wrap((trade, { replayed }) => void handled.push([trade.id, replayed]));
	let id = 0;
	return {
		clock,
		shedder,
		handled,
		trade: (ageMs: number, priority: Trade['priority'] = 'critical'): Trade => ({
			id: id++,
			priority,
			bornMs: originMs + clock.nowMs() - ageMs,
		}),
		handle,
		async hard() {
			shedder.start();
			await clock.advance(0);
			shedder.override({ level: 'HARD', ttlMs: 5_000, reason: 'test' });
		},
	};
}

describe('skip to live (D7)', () => {
	it('D7: from the first spilling level on, a protected message that is too old is kept and replayed, counted on its own', async () => {
		const { shedder, handle, trade, hard, clock, handled } = consumer();
		expect((await handle(trade(60_000))).action, 'NORMAL spills nothing').toBe('process');
		await hard();
		expect((await handle(trade(8_000))).action).toBe('process');
		expect((await handle(trade(9_500))).action).toBe('spill');
		expect((await handle(trade(0))).action).toBe('process');
		expect(shedder.stats()).toMatchObject({ skipped: 1, spilled: 1, waiting: 1, protectedShed: 0 });
		expect(shedder.decide(trade(9_500)).action).toBe('spill');
		expect(shedder.explain(trade(9_500)).text).toContain('because it is too old already and fresh ones wait behind it');
		expect(handled).toEqual([
			[0, false],
			[1, false],
			[3, false],
		]);
		await clock.advance(60_000);
		expect(handled.at(-1)).toEqual([2, true]);
		expect(shedder.stats()).toMatchObject({ waiting: 0, replayed: 1, protectedShed: 0 });
		await shedder.stop();
	});

	it('D7: if the append fails the message is processed', async () => {
		const store = { ...memorySpill(), append: () => Promise.reject(new Error('no disk')) };
		const { shedder, handle, trade, hard } = consumer({ store });
		await hard();
		expect((await handle(trade(9_500))).action).toBe('process');
		expect(shedder.stats()).toMatchObject({ skipped: 0, processed: 1, protectedShed: 0 });
		await shedder.stop();
	});

	it('D7: never while the spill is nearly full', async () => {
		const memory = memorySpill();
		const nearly = { ...memory, stats: async () => ({ ...(await memory.stats()), bytes: 98, capacityBytes: 100 }) };
		const { shedder, handle, trade, hard, clock } = consumer({ store: nearly });
		await hard();
		await handle(trade(0, 'normal'));
		await clock.advance(1_000);
		expect((await handle(trade(9_500))).action).toBe('process');
		await shedder.stop();
	});

	it('D7: one that cannot be kept is processed, also where others would be handed back', async () => {
		const store = { ...memorySpill(), append: () => Promise.reject(new Error('disk gone')) };
		const { shedder, handle, trade, hard } = consumer({ spill: { store, whenSpillFails: 'reject' } });
		shedder.on('failed', () => undefined);
		await hard();
		const many = shedder.wrapBatch(() => {}, { name: 'many' });
		expect((await handle(trade(9_500))).action).toBe('process');
		expect((await many([trade(9_500), trade(0, 'normal')])).map(({ action }) => action)).toEqual(['process', 'reject']);
		const broken = { ...trade(9_500), huge: 1n };
		expect((await handle(broken)).action).toBe('process');
		expect(shedder.stats()).toMatchObject({ processed: 3, rejected: 1, skipped: 0, inFlight: 0, protectedShed: 0 });
	});

	it('D7: a mode that only observes skips nothing', async () => {
		const { shedder, handle, trade, hard } = consumer({ mode: 'observe' });
		await hard();
		expect((await handle(trade(9_500))).action).toBe('process');
		await shedder.stop();
	});

	it('D7: refuses what it cannot work with, naming the option', () => {
		const options = { ladder, signals: { ageMs: messageAge() }, priorityOf: (trade: Trade) => trade.priority };
		const refused = (more: object) => () => createLoadShedder({ ...options, ...more });
		const skipToLive = { afterMs: 1 };
		expect(refused({ skipToLive, spill: memorySpill() })).toThrow(
			'timeOf: undefined must be given together with skipToLive',
		);
		expect(refused({ skipToLive, timeOf: () => 0 })).toThrow('spill: undefined must be given together with skipToLive');
		for (const afterMs of [0, -1, Number.NaN]) {
			expect(refused({ skipToLive: { afterMs }, timeOf: () => 0, spill: memorySpill() })).toThrow(
				`skipToLive.afterMs: ${afterMs} must be above 0`,
			);
		}
	});
});
