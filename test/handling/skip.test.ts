import { describe, expect, it } from 'vitest';
import { createLoadShedder, defineLadder, memorySpill, messageAge, type SpillStore } from '../../src/index.js';
import { manualClock } from '../../src/testing/index.js';
import { driver, expectNoLeaks, imbalance, type Message, type Priority, slow, unruly } from '../control/driver.js';
import { fc } from '../support/property.js';

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

	it('D3: whatever expires or is superseded, every protected message that was kept is handled, in order', async () => {
		const given = fc.record({
			expiresAfterMs: fc.constantFrom(undefined, 1, 30_000),
			order: fc.constantFrom('oldest-first' as const, 'latest-per-key' as const),
			concurrency: fc.constantFrom(1, 3),
			offers: fc.array(
				fc.record({
					key: fc.constantFrom('a', 'b'),
					priority: fc.constantFrom<Priority>('critical', 'critical', 'normal'),
					ageMs: fc.constantFrom(0, 20_000, 40_000),
				}),
				{ maxLength: 20 },
			),
			// Records of an earlier run, some of a version that gave each an expiry.
			old: fc.array(
				fc.record({
					priority: fc.constantFrom('critical', 'normal', 'of another ladder', undefined),
					expiresAtMs: fc.constantFrom(undefined, 1),
				}),
				{ maxLength: 5 },
			),
		});
		const seen = { skipped: 0, outdated: 0, superseded: 0 };
		await fc.assert(
			fc.asyncProperty(given, async ({ expiresAfterMs, order, concurrency, offers, old }) => {
				const { store, appends, inner } = unruly();
				await inner.append(
					old.map(({ priority, expiresAtMs }, n) => ({
						id: `old-${n}`,
						key: 'a',
						payload: new TextEncoder().encode(JSON.stringify({ key: 'a', n })),
						enqueuedAtMs: 0,
						expiresAtMs,
						headers: { handler: 'default', tier: 'bronze', ...(priority === undefined ? {} : { priority }) },
					})),
				);
				const originMs = Date.now();
				const made = driver({
					clock: manualClock(),
					spill: { store, expiresAfterMs },
					replay: { order, concurrency },
					skipToLive: { afterMs: 10_000 },
					timeOf: ({ atMs = 0 }) => atMs,
				});
				const handled: Message[] = [];
				const handle = made.shedder.wrap((message: Message) => void handled.push(message));
				await made.at('AGGRESSIVE');
				for (const [i, { key, priority, ageMs }] of offers.entries())
					await handle({ key, priority, n: old.length + i, atMs: originMs - ageMs });
				for (const { headers, expiresAtMs } of appends.flat())
					if (headers?.priority === 'critical') expect(expiresAtMs).toBe(undefined);
				made.setLoad(0);
				made.shedder.start();
				for (let i = 0; i < 300 && made.shedder.stats().waiting > 0; i++) await made.clock.advance(500);
				const stats = made.shedder.stats();
				expect(stats).toMatchObject({ waiting: 0, lost: 0, protectedShed: 0 });
				expect(imbalance(stats)).toBe(0);
				const all = [...old.map(({ priority }) => ({ key: 'a', priority })), ...offers];
				const kept = (n: number) => n < old.length || (offers[n - old.length]?.ageMs as number) > 10_000;
				const mustBeHandled = all.flatMap(({ priority }, n) => (priority === 'normal' ? [] : [n]));
				const ns = handled.map(({ n }) => n as number);
				expect(mustBeHandled.filter((n) => !ns.includes(n))).toEqual([]);
				expect(new Set(ns).size).toBe(ns.length);
				expect(stats.expired).toBe(all.length - ns.length);
				for (const key of ['a', 'b']) {
					const back = ns.filter((n) => kept(n) && all[n]?.key === key && all[n]?.priority !== 'normal');
					expect(back).toEqual(back.toSorted((a, b) => a - b));
				}
				seen.skipped += stats.skipped;
				seen.superseded += stats.superseded;
				seen.outdated += stats.expired - stats.superseded;
				await made.shedder.stop();
			}),
			slow,
		);
		for (const [what, times] of Object.entries(seen)) expect(times, what).toBeGreaterThan(0);
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
