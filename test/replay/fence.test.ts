import { describe, expect, it } from 'vitest';
import { defineLadder, memorySpill, SpillError, SpillFullError, type SpillStore } from '../../src/index.js';
import { Fence } from '../../src/replay/fence.js';
import { type ManualClock, manualClock } from '../../src/testing/index.js';
import {
	deferred,
	driver,
	expectNoLeaks,
	fails,
	imbalance,
	LOAD,
	type Message,
	never,
	settled,
	slow,
	spec,
	unruly,
} from '../control/driver.js';
import { fc } from '../support/property.js';

expectNoLeaks();

type Act =
	| { readonly do: 'offer'; readonly key: string; readonly batch: boolean }
	| { readonly do: 'load'; readonly level: keyof typeof LOAD }
	| { readonly do: 'advance'; readonly ms: number }
	| { readonly do: 'restart' };

const key = fc.constantFrom('G1', 'S1', 'a', 'b', 'c');
const acts = fc.array(
	fc.oneof(
		{ weight: 6, arbitrary: fc.record({ do: fc.constant('offer' as const), key, batch: fc.boolean() }) },
		{
			weight: 2,
			arbitrary: fc.record({
				do: fc.constant('load' as const),
				level: fc.constantFrom<keyof typeof LOAD>('NORMAL', 'NORMAL', 'SOFT', 'AGGRESSIVE', 'CIRCUIT_BREAK'),
			}),
		},
		{
			weight: 4,
			arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(50, 100, 500, 1_000, 2_500) }),
		},
		{ weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
	),
	{ minLength: 20, maxLength: 120 },
);

/** What the handler saw, in order, over all restarts. */
async function play(script: readonly Act[], keyFence: boolean, concurrency: number) {
	const clock = manualClock(1_000);
	const store = memorySpill();
	const seen: { readonly message: Message; readonly replayed: boolean }[] = [];
	let n = 0;
	let load = 0;
	const begin = () => {
		const made = driver({ clock, spill: { store, keyFence }, replay: { concurrency, maxPerS: 5 } });
		const handler = async (message: Message, { replayed }: { readonly replayed: boolean }) => {
			if (replayed) await later(clock, 30);
			seen.push({ message, replayed });
		};
		const one = made.shedder.wrap(handler);
		const many = made.shedder.wrapBatch(handler);
		made.setLoad(load);
		made.shedder.start();
		return { ...made, one, many };
	};
	let made = begin();
	const stop = async () => {
		const stopping = made.shedder.stop();
		await clock.advance(1_000);
		await stopping;
	};
	for (const act of script) {
		if (act.do === 'offer') {
			const messages = [{ key: act.key, n: n++ }];
			if (act.batch) messages.push({ key: act.key, n: n++ });
			const offered = act.batch ? made.many(messages) : made.one(messages[0] as Message);
			await clock.advance(0);
			await offered;
		} else if (act.do === 'load') {
			load = LOAD[act.level];
			made.setLoad(load);
		} else if (act.do === 'advance') await clock.advance(act.ms);
		else {
			await stop();
			made = begin();
		}
		expect(imbalance(made.shedder.stats())).toBe(0);
	}
	load = 0;
	made.setLoad(0);
	for (let passed = 0; passed < 200_000 && (passed < 5_000 || made.shedder.stats().waiting > 0); passed += 500) {
		await clock.advance(500);
	}
	expect(made.shedder.stats()).toMatchObject({ waiting: 0, lost: 0, protectedShed: 0 });
	await stop();
	return { seen, offered: n };
}

/** Keys of which a message was handled before an older one. What comes twice after a restart counts the first time. */
function overtaken(seen: readonly { readonly message: Message }[]): string[] {
	return ['S1', 'a', 'b', 'c'].filter((name) => {
		const ns = [
			...new Set(seen.filter(({ message }) => message.key === name).map(({ message }) => message.n as number)),
		];
		return ns.some((value, i) => i > 0 && value < (ns[i - 1] as number));
	});
}

describe('the key fence (M4)', () => {
	it('M4: no message of a key overtakes an older one, whatever the load, batches, concurrency and restarts', async () => {
		await fc.assert(
			fc.asyncProperty(acts, fc.constantFrom(1, 3), async (script, concurrency) => {
				const { seen, offered } = await play(script, true, concurrency);
				expect(overtaken(seen)).toEqual([]);
				expect(new Set(seen.map(({ message }) => message.n)).size).toBe(offered);
			}),
			slow,
		);
	});

	const overtaking: readonly Act[] = [
		{ do: 'load', level: 'AGGRESSIVE' },
		{ do: 'advance', ms: 500 },
		...Array.from({ length: 20 }, () => ({ do: 'offer', key: 'a', batch: false }) as const),
		{ do: 'load', level: 'NORMAL' },
		{ do: 'advance', ms: 2_500 },
		{ do: 'offer', key: 'a', batch: false },
		{ do: 'offer', key: 'G1', batch: false },
		{ do: 'offer', key: 'b', batch: false },
	];

	it('M4: without a fence live messages go first, and replayed ones say so', async () => {
		const { seen } = await play(overtaking, false, 1);
		expect(overtaken(seen)).toEqual(['a']);
	});

	it('M4: keys without waiting records and protected keys are handled at once', async () => {
		const { seen } = await play(overtaking, true, 1);
		expect(overtaken(seen)).toEqual([]);
		const live = seen.filter(({ replayed }) => !replayed).map(({ message }) => message.key);
		expect(live).toEqual(['G1', 'b']);
	});

	it('M4: fenced keys are drained first', async () => {
		const clock = manualClock(1_000);
		const order: string[] = [];
		const made = driver({ clock, spill: { store: memorySpill(), keyFence: true }, replay: { maxPerS: 2 } });
		const handle = made.shedder.wrap(async (message: Message) => void order.push(`${message.key}${message.n}`));
		await made.at('AGGRESSIVE');
		for (const [name, n] of [
			['a', 0],
			['b', 0],
			['a', 1],
			['c', 0],
		] as const)
			await handle({ key: name, n });
		made.setLoad(0);
		made.shedder.start();
		while (order.length === 0) await clock.advance(50);
		expect(order).toEqual(['a0']);
		expect((await handle({ key: 'c', n: 1 })).action).toBe('spill');
		expect(made.shedder.explain({ key: 'c' }).text).toContain(
			'At NORMAL a message of bronze (normal) is spilled, behind older ones of its key that are waiting.',
		);
		await clock.advance(10_000);
		expect(order).toEqual(['a0', 'c0', 'b0', 'a1', 'c1']);
		expect(made.shedder.stats()).toMatchObject({ waiting: 0, fenced: 1 });
		expect((await handle({ key: 'c', n: 2 })).action).toBe('process');
		await made.shedder.stop();
	});

	/** At SOFT this ladder spills what is low, and handles the rest. */
	const partly = defineLadder({
		...spec,
		levels: spec.levels.map((level) => (level.name === 'SOFT' ? { ...level, shed: { low: 'spill' } } : level)),
	} as unknown as typeof spec);
	const mixed: readonly Message[] = [
		{ key: 'a', n: 0, priority: 'normal' },
		{ key: 'a', n: 1, priority: 'low' },
		{ key: 'b', n: 2, priority: 'normal' },
		{ key: 'a', n: 3, priority: 'normal' },
		{ key: 'a', n: 4, priority: 'critical' },
	];

	it.each(['in one batch', 'in calls of one turn'])(
		'M4: a message queues up behind an older one that is on its way to the store, %s',
		async (how) => {
			for (const opened of [true, false]) {
				const made = driver({ ladder: partly, spill: { store: memorySpill(), keyFence: true } });
				const handled: unknown[] = [];
				const handler = ({ n }: Message) => void handled.push(n);
				const [one, many] = [
					made.shedder.wrap(handler, { name: 'one' }),
					made.shedder.wrapBatch(handler, { name: 'many' }),
				];
				if (opened) await made.at('SOFT');
				else made.shedder.restore({ version: 1, level: 'SOFT' });
				const outcomes = await (how === 'in one batch' ? many(mixed) : Promise.all(mixed.map(one)));
				// Until the store has been read every key may have records in it.
				const first = opened ? 'process' : 'spill';
				expect(outcomes.map(({ action }) => action)).toEqual([first, 'spill', first, 'spill', 'process']);
				expect(handled).toEqual(opened ? [0, 2, 4] : [4]);
				made.setLoad(0);
				made.shedder.start();
				await made.clock.advance(20_000);
				expect(handled).toEqual(opened ? [0, 2, 4, 1, 3] : [4, 0, 1, 2, 3]);
				expect(made.shedder.decide({ key: 'a' }).action).toBe('process');
				expect(imbalance(made.shedder.stats())).toBe(0);
				await made.shedder.stop();
			}
		},
	);

	it('M4: messages that waited for the backlog to be counted hold what comes at the moment at which it is', async () => {
		for (let turns = 0; turns < 50; turns++) {
			const { store, trouble } = unruly();
			const reading = deferred();
			trouble.read = () => reading.promise;
			const made = driver({ spill: { store, keyFence: true } });
			const handled: unknown[] = [];
			const handle = made.shedder.wrap(({ n }: Message) => void handled.push(n));
			const first = handle({ key: 'a', n: 1 });
			await settled();
			delete trouble.read;
			reading.resolve();
			await settled(turns);
			expect((await handle({ key: 'a', n: 2 })).action, `${turns} turns after it`).toBe('spill');
			expect((await first).action).toBe('spill');
			expect(handled).toEqual([]);
			await made.shedder.stop();
		}
	});

	it('M4: a message that cannot be encoded, or whose key cannot be told again, holds nothing', async () => {
		const codec = {
			encode: ({ n }: Message) => (n === 1 ? fail('no bytes') : new Uint8Array([n ?? 0])),
			decode: () => ({ key: 'a' }),
		};
		let told = 0;
		const keyOf = ({ key }: Message) => (key === 'odd' && told++ > 0 ? fail('no key') : key);
		const made = driver({ keyOf, spill: { store: memorySpill(), keyFence: true, codec } });
		const handle = made.shedder.wrap(({ n }: Message) => n);
		await made.at('AGGRESSIVE');
		expect(await handle({ key: 'a', n: 1 })).toEqual({ action: 'process', value: 1 });
		expect(await handle({ key: 'odd', n: 2 })).toEqual({ action: 'process', value: 2 });
		expect((await handle({ key: 'b', n: 3 })).action).toBe('spill');
		await made.clock.advance(1_000);
		const end = made.shedder.override({ level: 'NORMAL', ttlMs: 60_000, reason: 'test' });
		expect(made.shedder.decide({ key: 'a' }).action).toBe('process');
		expect(made.shedder.decide({ key: 'b' }).action).toBe('spill');
		expect(imbalance(made.shedder.stats())).toBe(0);
		end();
		await made.shedder.stop();
	});

	it('M4: a message that could not be kept is handled, and its key is not fenced for ever', async () => {
		const { store, trouble } = unruly();
		const made = driver({ spill: { store, keyFence: true } });
		const handle = made.shedder.wrap(() => 'handled');
		await made.at('AGGRESSIVE');
		trouble.append = fails('no disk');
		expect((await handle({ key: 'a' })).action).toBe('process');
		delete trouble.append;
		made.setLoad(0);
		for (let i = 0; i < 5; i++) {
			await made.clock.advance(1_000);
			await made.shedder.check();
		}
		expect(made.shedder.level).toBe('NORMAL');
		expect((await handle({ key: 'a' })).action).toBe('process');
		await made.shedder.stop();
	});

	it('M4: a message that the store refused fences its key for no longer; one that it may have kept does until it is empty', async () => {
		const { store, trouble, inner } = unruly();
		const made = driver({ spill: { store, keyFence: true } });
		const handle = made.shedder.wrap((_message, { replayed }) => {
			if (replayed) throw new Error('not yet');
		});
		await made.at('AGGRESSIVE');
		expect((await handle({ key: 'b' })).action).toBe('spill');
		trouble.append = () => Promise.reject(new SpillFullError('no room'));
		expect((await handle({ key: 'a' })).action).toBe('process');
		trouble.append = fails('connection lost');
		expect((await handle({ key: 'c' })).action).toBe('process');
		delete trouble.append;
		made.setLoad(0);
		const checks = async () => {
			for (let i = 0; i < 5; i++) {
				await made.clock.advance(1_000);
				await made.shedder.check();
			}
		};
		await checks();
		expect(made.shedder.stats()).toMatchObject({ level: 'NORMAL', waiting: 1 });
		expect(made.shedder.decide({ key: 'a' }).action).toBe('process');
		expect(made.shedder.decide({ key: 'b' }).action).toBe('spill');
		expect(made.shedder.decide({ key: 'c' }).action).toBe('spill');
		made.setLoad(LOAD.AGGRESSIVE);
		await checks();
		await inner.ack(0, '0');
		await checks();
		made.setLoad(0);
		await checks();
		expect(made.shedder.decide({ key: 'b' }).action).toBe('process');
		expect(made.shedder.decide({ key: 'c' }).action).toBe('process');
		await made.shedder.stop();
	});

	it('M4: no message overtakes its key behind one that was stored though its append failed', async () => {
		const { store, inner } = unruly();
		let lost = false;
		const append: SpillStore['append'] = async (batch) => {
			await inner.append(batch);
			if (lost) throw new SpillError('connection lost');
		};
		const made = driver({ spill: { store: { ...store, append }, keyFence: true }, replay: { maxPerS: 1 } });
		const order: string[] = [];
		const handle = made.shedder.wrap(({ n }: Message, { replayed }) => void order.push(`${n}${replayed ? 'r' : ''}`));
		await made.at('AGGRESSIVE');
		lost = true;
		expect((await handle({ key: 'a', n: 1 })).action).toBe('process');
		lost = false;
		for (const n of [2, 3, 4]) expect((await handle({ key: 'a', n })).action).toBe('spill');
		made.setLoad(0);
		made.shedder.start();
		while (made.shedder.stats().waiting > 1) await made.clock.advance(50);
		expect((await handle({ key: 'a', n: 5 })).action).toBe('spill');
		await made.clock.advance(10_000);
		expect((await handle({ key: 'a', n: 6 })).action).toBe('process');
		expect(order).toEqual(['1', '1r', '2r', '3r', '4r', '5r', '6']);
		expect(imbalance(made.shedder.stats())).toBe(0);
		await made.shedder.stop();
	});

	it('M4: a key whose records were lost is not fenced for ever', async () => {
		const { store, inner } = unruly();
		const made = driver({ spill: { store, keyFence: true } });
		const handle = made.shedder.wrap(() => {});
		await made.at('AGGRESSIVE');
		for (const n of [0, 1]) await handle({ key: 'a', n });
		await inner.ack(0, '1');
		made.setLoad(0);
		for (let i = 0; i < 5; i++) {
			await made.clock.advance(1_000);
			await made.shedder.check();
		}
		expect(made.shedder.stats()).toMatchObject({ level: 'NORMAL', lost: 2 });
		expect(made.shedder.decide({ key: 'a' }).action).toBe('process');
		await made.shedder.stop();
	});

	it.each([1, 2])(
		'M4, M5: records that are lost are not handled from memory later, behind newer ones, with concurrency %i',
		async (concurrency) => {
			const { store, inner } = unruly();
			const made = driver({ spill: { store, keyFence: true }, replay: { maxPerS: 5, concurrency } });
			const { clock, shedder, setLoad } = made;
			const order: number[] = [];
			let hanging: Promise<void> | undefined;
			const handle = shedder.wrap(async ({ n = -1 }: Message, { replayed }) => {
				if (replayed) await hanging;
				order.push(n);
			});
			await made.at('AGGRESSIVE');
			for (let n = 0; n < 60; n++) await handle({ key: n % 2 ? 'a' : 'b', n });
			setLoad(0);
			shedder.start();
			while (order.length < 5) await clock.advance(50);
			const hung = deferred();
			hanging = hung.promise;
			await clock.advance(1_000);
			setLoad(LOAD.AGGRESSIVE);
			await clock.advance(1_000);
			await inner.ack(0, '59');
			await clock.advance(1_000);
			const done = order.length;
			expect(shedder.stats()).toMatchObject({ level: 'AGGRESSIVE', waiting: 0, lost: 60 - done });
			setLoad(0);
			await clock.advance(3_000);
			expect(shedder.decide({ key: 'b' }).action).toBe(
				order.length % 2 === 0 || concurrency === 2 ? 'spill' : 'process',
			);
			hanging = undefined;
			hung.resolve();
			await clock.advance(3_000);
			expect(order.length).toBe(done + concurrency);
			for (const key of ['a', 'b']) expect((await handle({ key, n: 1_000 })).action).toBe('process');
			setLoad(LOAD.AGGRESSIVE);
			await clock.advance(1_000);
			for (const key of ['a', 'b']) expect((await handle({ key, n: 1_001 })).action).toBe('spill');
			setLoad(0);
			await clock.advance(10_000);
			expect(order.slice(done + concurrency)).toEqual([1_000, 1_000, 1_001, 1_001]);
			expect(shedder.stats()).toMatchObject({ waiting: 0 });
			expect(imbalance(shedder.stats())).toBe(0);
			await shedder.stop();
		},
	);

	it('M5: what the store has lost while replay runs is told once what was read is handled', async () => {
		const { store, inner } = unruly();
		const made = driver({ spill: { store, keyFence: true } });
		const handle = made.shedder.wrap(() => {});
		await made.at('AGGRESSIVE');
		for (let n = 0; n < 1_500; n++) await handle({ key: 'a', n });
		made.setLoad(0);
		made.shedder.start();
		while (made.shedder.stats().replayed === 0) await made.clock.advance(50);
		await inner.ack(0, '1499');
		await made.clock.advance(30_000);
		const { replayed, lost, waiting, level } = made.shedder.stats();
		expect([level, waiting, replayed + lost]).toEqual(['NORMAL', 0, 1_500]);
		expect(lost).toBeGreaterThan(0);
		expect(made.shedder.decide({ key: 'a' }).action).toBe('process');
		await made.shedder.stop();
	});

	it('M4: messages without a key are fenced together', async () => {
		const made = driver({
			spill: { store: memorySpill(), keyFence: true },
			tiers: undefined,
			keyOf: ({ key }) => (key === '' ? undefined : key) as string,
			priorityOf: () => 'normal',
		});
		const handle = made.shedder.wrap((_message, { replayed }) => {
			if (replayed) throw new Error('not yet');
		});
		await made.at('AGGRESSIVE');
		expect((await handle({ key: '' })).action).toBe('spill');
		made.setLoad(0);
		for (let i = 0; i < 5; i++) {
			await made.clock.advance(1_000);
			await made.shedder.check();
		}
		expect(made.shedder.level).toBe('NORMAL');
		expect(made.shedder.decide({ key: '' }).action).toBe('spill');
		expect(made.shedder.decide({ key: 'a' }).action).toBe('process');
		await made.shedder.stop();
	});

	it('M4: until the backlog of an earlier run is counted every sheddable key is held, and reading it is tried again', async () => {
		const inner = memorySpill();
		const first = driver({ spill: { store: inner, keyFence: true } });
		const keep = first.shedder.wrap(() => {});
		await first.at('AGGRESSIVE');
		expect((await keep({ key: 'a', n: 0 })).action).toBe('spill');
		await first.shedder.stop();

		const { store, trouble } = unruly(inner);
		trouble.read = fails('not yet');
		const second = driver({ spill: { store: store as SpillStore, keyFence: true } });
		const handle = second.shedder.wrap(() => {});
		await second.shedder.check();
		expect(second.failures.map(({ error }) => (error as Error).message)).toEqual(['not yet']);
		expect(second.shedder.decide({ key: 'b' }).action).toBe('spill');
		expect(second.shedder.decide({ key: 'G1' }).action).toBe('process');
		delete trouble.read;
		await second.clock.advance(5_000);
		await second.shedder.check();
		expect(second.shedder.decide({ key: 'b' }).action).toBe('process');
		expect(second.shedder.decide({ key: 'a' }).action).toBe('spill');
		expect((await handle({ key: 'b' })).action).toBe('process');
		await second.shedder.stop();
	});

	it('M4, M2: a message waits 10 s at most for a large backlog to be counted, which goes on meanwhile', async () => {
		const clock = manualClock(1_000);
		const inner = memorySpill();
		await inner.open();
		const old = { key: 'a', payload: new TextEncoder().encode('{"key":"a"}'), enqueuedAtMs: 0 };
		await inner.append(Array.from({ length: 20_000 }, (_, n) => ({ ...old, id: String(n) })));
		const read: SpillStore['read'] = async (options) => {
			await later(clock, 1_000);
			return inner.read(options);
		};
		const made = driver({ clock, spill: { store: { ...inner, read }, keyFence: true } });
		const handle = made.shedder.wrap(({ n }: Message, { replayed }) => (replayed ? never() : n));
		const outcomes: unknown[] = [];
		void handle({ key: 'b', n: 1 }).then((outcome) => outcomes.push(outcome));
		await clock.advance(9_999);
		expect(outcomes).toEqual([]);
		await clock.advance(1);
		expect(outcomes).toEqual([{ action: 'process', value: 1 }]);
		expect(made.failures.map(({ error }) => String(error))).toEqual([
			'TimeoutError: spill.open took longer than 10000 ms',
		]);
		void handle({ key: 'b', n: 2 }).then((outcome) => outcomes.push(outcome));
		await clock.advance(0);
		expect(outcomes.at(-1)).toEqual({ action: 'process', value: 2 });
		await clock.advance(15_000);
		expect(made.shedder.decide({ key: 'a' }).action).toBe('spill');
		expect(made.shedder.decide({ key: 'b' }).action).toBe('process');
		expect(imbalance(made.shedder.stats())).toBe(0);
		expect(made.shedder.stats()).toMatchObject({ recovered: 20_000, waiting: 20_000, processed: 2 });
		const stopping = made.shedder.stop();
		await clock.advance(20_000);
		await stopping;
	});

	it('M4: a store that gives back the same records for ever is told of, and not read for ever', async () => {
		const inner = memorySpill();
		await inner.open();
		await inner.append([{ id: '1', key: 'a', payload: new Uint8Array(2), enqueuedAtMs: 0 }]);
		let reads = 0;
		const read: SpillStore['read'] = ({ after, ...options }) => {
			if (++reads > 10) throw new Error(`read after ${after}`);
			return inner.read(options);
		};
		const made = driver({ spill: { store: { ...inner, read }, keyFence: true } });
		const handle = made.shedder.wrap(({ n }: Message) => n);
		expect(await handle({ key: 'b', n: 1 })).toEqual({ action: 'process', value: 1 });
		expect(reads).toBe(2);
		expect(made.failures.map(({ error }) => String(error))).toEqual([
			'SpillError: the spill store gives back the same records of partition 0 again and again',
		]);
		await made.shedder.stop();
	});

	it('counts any number of keys in bounded memory: a collision only holds more', () => {
		const fence = new Fence();
		fence.counting = false;
		for (let n = 0; n < 200_000; n++) fence.add(`key ${n}`);
		for (let n = 0; n < 200_000; n += 1_000) expect(fence.holds(`key ${n}`)).toBe(true);
		for (let n = 0; n < 200_000; n++) fence.remove(`key ${n}`);
		for (let n = 0; n < 200_000; n += 1_000) expect(fence.holds(`key ${n}`)).toBe(false);
		fence.remove('never added');
		expect(fence.holds('never added')).toBe(false);
	});
});

function later(clock: ManualClock, ms: number): Promise<void> {
	return new Promise((resolve) => {
		const cancel = clock.every(ms, () => {
			cancel();
			resolve();
		});
	});
}

function fail(message: string): never {
	throw new Error(message);
}
