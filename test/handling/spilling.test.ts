import { runInNewContext } from 'node:vm';
import { describe, expect, it, vi } from 'vitest';
import { createLoadShedder, defineLadder, memorySpill, SpillError, SpillFullError } from '../../src/index.js';
import {
	type Deferred,
	deferred,
	driver,
	expectNoLeaks,
	fails,
	imbalance,
	isSettled,
	type Message,
	never,
	settled,
	slow,
	unruly,
} from '../control/driver.js';
import { fc } from '../support/property.js';

expectNoLeaks();

/** A shedder at a level that spills, with a handler that writes down what reaches it. */
async function spilling(options: Parameters<typeof driver>[0] & { readonly store?: ReturnType<typeof unruly> } = {}) {
	const { store = unruly(), ...rest } = options;
	const made = driver({ spill: store.store, ...rest });
	await made.at('AGGRESSIVE');
	const handled: { readonly message: Message; readonly enriched: boolean }[] = [];
	const handler = (message: Message, context: { readonly features: { readonly enrichment: boolean } }) => {
		handled.push({ message, enriched: context.features.enrichment });
		return message.n;
	};
	return {
		...made,
		...store,
		handled,
		handle: made.shedder.wrap(handler, { name: 'one' }),
		handleMany: made.shedder.wrapBatch((...parts: Parameters<typeof handler>) => handler(...parts), { name: 'many' }),
	};
}

/** Keys and other texts take room as well, but not in the payload. */
const tiny = {
	encode: ({ n = 0 }: Message) => Uint8Array.of(n),
	decode: ([n]: Uint8Array): Message => ({ key: '', n: n ?? 0 }),
};

describe('spilling (M2)', () => {
	it('M2: a store serves one shedder at a time: another one processes, says why, and gets it once it is free', async () => {
		const { store } = unruly();
		const [first, second] = [await spilling({ spill: store }), await spilling({ spill: store })];
		expect(await first.handle({ key: 'a', n: 1 })).toEqual({ action: 'spill' });
		expect(await second.handle({ key: 'a', n: 2 })).toEqual({ action: 'process', value: 2 });
		expect(new Set(second.failures.map(({ error }) => String(error)))).toEqual(
			new Set([
				'SpillError: the spill store serves another shedder',
				'SpillError: the spill store has not answered lately and is not waited for',
			]),
		);
		// The second leaves the store of the first alone.
		await second.shedder.stop();
		expect(await first.handle({ key: 'a', n: 3 })).toEqual({ action: 'spill' });
		await first.shedder.stop();
		const third = await spilling({ spill: store });
		expect(await third.handle({ key: 'a', n: 4 })).toEqual({ action: 'spill' });
		expect(third.shedder.stats()).toMatchObject({ recovered: 2, waiting: 3 });
		await third.shedder.stop();
	});

	it('M3: messages that come at the moment at which the store has opened stay behind those that waited for it', async () => {
		for (const keyFence of [false, true]) {
			for (let turns = 0; turns < 50; turns++) {
				const { store, trouble, appends } = unruly();
				const opening = deferred();
				trouble.open = () => opening.promise;
				const made = driver({ spill: { store, keyFence } });
				const handle = made.shedder.wrap(() => {});
				made.shedder.restore({ version: 1, level: 'AGGRESSIVE' });
				const first = handle({ key: 'a', n: 1 });
				await settled();
				opening.resolve();
				await settled(turns);
				await Promise.all([first, handle({ key: 'a', n: 2 })]);
				const order = appends.flat().map(({ payload }) => JSON.parse(new TextDecoder().decode(payload)).n);
				expect(order, `${turns} turns after it`).toEqual([1, 2]);
				await made.shedder.stop();
			}
		}
	});

	it('M2: a message that comes after stop is processed, and opens nothing', async () => {
		const { store, inner } = unruly();
		let opened = 0;
		const counting = { ...store, open: () => inner.open().finally(() => opened++) };
		const made = driver({ spill: counting });
		const handle = made.shedder.wrap(({ n }: Message) => n);
		made.shedder.restore({ version: 1, level: 'AGGRESSIVE' });
		await made.shedder.stop();
		expect(await handle({ key: 'a', n: 1 })).toEqual({ action: 'process', value: 1 });
		expect(made.failures.map(({ error }) => String(error))).toEqual(['SpillError: the shedder has stopped']);
		expect(opened).toBe(0);
	});

	it('M2: a codec that gives no bytes, or an id that is no text, loses nothing', async () => {
		const { store } = unruly();
		const wrong = [
			(text: string) => text,
			async (text: string) => Buffer.from(text),
			(text: string) => Float64Array.from(Buffer.from(text)),
			(text: string) => new DataView(new ArrayBuffer(text.length)),
		] as const;
		for (const encode of wrong) {
			const codec = {
				encode: (m: Message) => encode(JSON.stringify(m)) as unknown as Uint8Array,
				decode: () => ({ key: 'a' }),
			};
			const made = await spilling({ spill: { store, codec } });
			expect(await made.handle({ key: 'a', n: 1 })).toEqual({ action: 'process', value: 1 });
			expect(made.failures.map(({ error }) => String(error))).toEqual([
				`SpillError: codec.encode gave a ${encode === wrong[0] ? 'string' : 'object'}, no Uint8Array`,
			]);
			await made.shedder.stop();
		}
		const { store: other, appends } = unruly();
		const made = await spilling({ spill: { store: other, idOf: ({ n }) => n as unknown as string } });
		expect(await made.handle({ key: 'a', n: 7 })).toEqual({ action: 'spill' });
		expect(appends[0]?.[0]?.id).toBe('7');
		await made.shedder.stop();
	});

	it.each(['process', 'reject'] as const)(
		'M2: a record that the store cannot take costs only itself: whenSpillFails "%s"',
		async (whenSpillFails) => {
			const { store } = unruly(memorySpill({ maxBytes: 20_000 }));
			const made = await spilling({ spill: { store, codec: tiny, whenSpillFails, keyFence: true } });
			const batch = Array.from({ length: 10 }, (_, n) => ({
				key: n === 4 || n === 7 ? 'x'.repeat(20_000) : `k${n}`,
				n,
			}));
			const outcomes = await made.handleMany(batch);
			expect(outcomes.map(({ action }) => action)).toEqual(
				batch.map(({ n }) => (n === 4 || n === 7 ? whenSpillFails : 'spill')),
			);
			const told = made.failures.map(({ error }) => (error as SpillError).code);
			expect(told).toEqual(['SPILL_RECORD_TOO_LARGE', 'SPILL_RECORD_TOO_LARGE']);
			expect(made.shedder.stats()).toMatchObject({ waiting: 8, spilled: 8 });
			expect(imbalance(made.shedder.stats())).toBe(0);
			const read = await store.read({ partition: 0, maxRecords: 100 });
			expect(read.map(({ key }) => key)).toEqual(batch.filter(({ n }) => n !== 4 && n !== 7).map(({ key }) => key));
			await made.shedder.stop();
		},
	);

	it('M2: when the store is full after some of a batch is kept, the rest is processed', async () => {
		const { store } = unruly(memorySpill({ maxBytes: 5_000 }));
		const made = await spilling({ spill: { store, codec: tiny } });
		const batch = Array.from({ length: 12 }, (_, n) => ({ key: n === 11 ? 'x'.repeat(5_000) : `k${n}`, n }));
		const outcomes = await made.handleMany(batch);
		expect(outcomes.slice(0, 6).map(({ action }) => action)).toEqual(Array(6).fill('spill'));
		const kept = outcomes.filter(({ action }) => action === 'spill').length;
		expect(outcomes.slice(kept).map(({ action }) => action)).toEqual(Array(12 - kept).fill('process'));
		expect(made.failures[0]?.error).toBeInstanceOf(SpillFullError);
		expect(made.shedder.stats()).toMatchObject({ waiting: kept, processed: 12 - kept });
		expect(imbalance(made.shedder.stats())).toBe(0);
		await made.shedder.stop();
	});

	it('M2: bytes of another realm are bytes', async () => {
		const foreign = runInNewContext('new Uint8Array([1, 2])') as Uint8Array;
		const codec = { encode: () => foreign, decode: () => ({ key: 'a' }) };
		const made = await spilling({ spill: { store: memorySpill(), codec } });
		expect(await made.handle({ key: 'a', n: 1 })).toEqual({ action: 'spill' });
		await made.shedder.stop();
	});

	it('M2: messages whose id is a promise or an object are processed, and not taken for duplicates of each other', async () => {
		const refusals = [
			[async ({ n }: Message) => String(n), 'TypeError: idOf returned a promise: it has to be synchronous (rule D4)'],
			[({ n }: Message) => ({ n }), 'SpillError: idOf gave an object, neither a text nor a number'],
			[() => Number.NaN, 'SpillError: idOf gave NaN, neither a text nor a number'],
		] as const;
		for (const [idOf, told] of refusals) {
			const { store, appends } = unruly();
			const made = await spilling({ spill: { store, idOf: idOf as unknown as (message: Message) => string } });
			for (const n of [1, 2]) expect(await made.handle({ key: 'a', n })).toEqual({ action: 'process', value: n });
			expect(made.failures.map(({ error, name }) => `${name} ${String(error)}`)).toEqual([
				`encode ${told}`,
				`encode ${told}`,
			]);
			expect(appends).toEqual([]);
			expect(imbalance(made.shedder.stats())).toBe(0);
			await made.shedder.stop();
		}
	});

	it('M2: resolves only when the store says that the record is durable', async () => {
		const { shedder, handle, handled, trouble } = await spilling();
		const durable = deferred();
		trouble.append = () => durable.promise;
		const outcome = handle({ key: 'x', n: 1 });
		expect(await isSettled(outcome)).toBe(false);
		expect(shedder.stats()).toMatchObject({ inFlight: 1, waiting: 0, spilled: 0 });
		durable.resolve();
		expect(await outcome).toEqual({ action: 'spill' });
		expect(shedder.stats()).toMatchObject({ inFlight: 0, waiting: 1, spilled: 1 });
		expect(handled).toEqual([]);
	});

	it('M2: nothing is appended before the store is open, and it is opened once', async () => {
		const { store, trouble, appends } = unruly();
		const opened = deferred();
		const open = vi.fn(() => opened.promise);
		trouble.open = open;
		const { shedder } = driver({ spill: store });
		shedder.override({ level: 'AGGRESSIVE', ttlMs: 60_000, reason: 'test' });
		const handle = shedder.wrap(() => {});
		const outcomes = [handle({ key: 'x' }), handle({ key: 'y' })];
		await settled();
		expect(appends.length).toBe(0);
		opened.resolve();
		await Promise.all(outcomes);
		expect(open).toHaveBeenCalledTimes(1);
		expect(appends.length).toBe(2);
	});

	it.each([
		['fails', fails('disk gone'), 'disk gone', 0],
		['is full', () => Promise.reject(new SpillFullError('no room')), 'no room', 0],
		['hangs', never, 'spill.append took longer than 10000 ms', 10_000],
	] as const)(
		'M2: when the store %s the message is processed lean, and it is told and counted',
		async (_, append, message, afterMs) => {
			const { shedder, handle, handled, trouble, failures, clock } = await spilling();
			trouble.append = append;
			const outcome = handle({ key: 'x', n: 5 });
			await clock.advance(afterMs);
			expect(await outcome).toEqual({ action: 'process', value: 5 });
			expect(handled).toEqual([{ message: { key: 'x', n: 5 }, enriched: false }]);
			expect(failures.map(({ during, error }) => `${during}: ${(error as Error).message}`)).toEqual([
				`spill: ${message}`,
			]);
			expect(shedder.stats()).toMatchObject({ processed: 1, waiting: 0, inFlight: 0, spilled: 0 });
			expect(shedder.stats().errors.spill).toBe(1);
			expect(imbalance(shedder.stats())).toBe(0);
		},
	);

	it("M2: whenSpillFails 'reject' hands it back with the cause instead", async () => {
		const { store, trouble } = unruly();
		const { shedder, at } = driver({ spill: { store, whenSpillFails: 'reject' } });
		await at('AGGRESSIVE');
		const handler = vi.fn();
		const cause = new Error('disk gone');
		trouble.append = () => Promise.reject(cause);
		expect(await shedder.wrap(handler)({ key: 'x' })).toEqual({ action: 'reject', cause });
		expect(await shedder.wrapBatch(handler)([{ key: 'x' }, { key: 'G1' }])).toMatchObject([
			{ action: 'reject', cause },
			{ action: 'process' },
		]);
		expect(handler).toHaveBeenCalledTimes(1);
		expect(shedder.stats()).toMatchObject({ rejected: 2, processed: 1, protectedShed: 0 });
		expect(imbalance(shedder.stats())).toBe(0);
	});

	it('M2: a handler that throws after the store failed rejects with its own error and is counted as failed', async () => {
		const { store, trouble } = unruly();
		const { shedder, at } = driver({ spill: store });
		await at('AGGRESSIVE');
		trouble.append = fails('disk gone');
		const error = new Error('of the handler');
		await expect(shedder.wrap(() => Promise.reject(error))({ key: 'x' })).rejects.toBe(error);
		expect(shedder.stats()).toMatchObject({ failed: 1, processed: 0, inFlight: 0 });
	});

	it('M2: a message that cannot be written is processed, and the rest of its batch is kept', async () => {
		const { shedder, handleMany, handled, failures, appends } = await spilling();
		const circular: { key: string; self?: unknown } = { key: 'x' };
		circular.self = circular;
		const outcomes = await handleMany([{ key: 'a' }, circular, { key: 'b' }]);
		expect(outcomes.map(({ action }) => action)).toEqual(['spill', 'process', 'spill']);
		expect(handled.map(({ message }) => message)).toEqual([circular]);
		expect(appends.map((batch) => batch.map(({ key }) => key))).toEqual([['a', 'b']]);
		expect(failures.map(({ during, name }) => `${during} ${name}`)).toEqual(['spill encode']);
		expect(imbalance(shedder.stats())).toBe(0);
	});

	it('M2: a message larger than the store keeps is processed and told with both sizes', async () => {
		const { handle, failures } = await spilling({ store: unruly(memorySpill({ maxBytes: 960 })) });
		expect((await handle({ key: 'x'.repeat(100) })).action).toBe('process');
		expect(failures[0]?.error).toBeInstanceOf(SpillError);
		expect(failures[0]?.error).toMatchObject({
			code: 'SPILL_RECORD_TOO_LARGE',
			message: 'a message of 110 bytes is larger than the 64 that the store keeps',
		});
	});

	it('M2: a record carries its handler, tier and priority, its id, its key and its times', async () => {
		const { store, appends } = unruly();
		const { shedder, at } = driver({
			spill: { store, idOf: (message) => `id-${message.n}`, expiresAfterMs: 5_000 },
		});
		await at('AGGRESSIVE');
		await shedder.wrap(() => {}, { name: 'trades' })({ key: 'S1', n: 9 });
		const nowMs = Date.now();
		const [record] = appends[0] ?? [];
		expect(record).toMatchObject({
			id: 'id-9',
			key: 'S1',
			headers: { handler: 'trades', tier: 'silver', priority: 'high' },
		});
		expect(JSON.parse(new TextDecoder().decode(record?.payload))).toEqual({ key: 'S1', n: 9 });
		expect(Math.abs((record?.enqueuedAtMs ?? 0) - nowMs)).toBeLessThan(10_000);
		expect((record?.expiresAtMs ?? 0) - (record?.enqueuedAtMs ?? 0)).toBe(5_000);
	});

	it('R9: a message expires by its own time, where it has one', async () => {
		const { store, appends } = unruly();
		const bornMs = Date.now() - 3_600_000;
		const { shedder, at } = driver({ spill: { store, expiresAfterMs: 5_000 }, timeOf: () => bornMs });
		await at('AGGRESSIVE');
		await shedder.wrap(() => {})({ key: 'S1' });
		expect(appends[0]?.[0]?.expiresAtMs).toBe(bornMs + 5_000);
	});

	it('M2: what cannot be kept is processed without features, whatever the level switches off', async () => {
		const { store, trouble } = unruly();
		const shedder = createLoadShedder({
			ladder: defineLadder({
				priorities: { protected: 'critical', sheddable: ['normal'] },
				features: ['enrichment'],
				signals: { load: { recoverBelow: 0.5 } },
				levels: [{ name: 'NORMAL' }, { name: 'HARD', enterAt: { load: 1 }, shed: { normal: 'spill' } }],
				cooldownMs: 0,
			}),
			signals: { load: () => 1 },
			priorityOf: (): 'normal' => 'normal',
			spill: store,
		});
		shedder.on('failed', () => undefined);
		await shedder.check();
		trouble.append = fails('disk gone');
		const enriched = (_: unknown, { features }: { readonly features: { readonly enrichment: boolean } }) =>
			features.enrichment;
		expect(await shedder.wrap(enriched, { name: 'one' })({})).toEqual({ action: 'process', value: false });
		expect(await shedder.wrapBatch(enriched, { name: 'many' })([{}])).toEqual([{ action: 'process', value: false }]);
		await shedder.stop();
	});

	it('M2: ids are unique where the messages have none', async () => {
		const { handleMany, appends } = await spilling();
		await handleMany(Array.from({ length: 50 }, () => ({ key: 'x' })));
		expect(new Set(appends.flat().map(({ id }) => id)).size).toBe(50);
	});
});

describe('batches (M2)', () => {
	it('M2: wrapBatch issues one append for all it spills, before the handlers are through, and waits for both', async () => {
		const { store, trouble, appends } = unruly();
		const { shedder, at } = driver({ spill: store });
		await at('AGGRESSIVE');
		const durable = deferred();
		trouble.append = () => durable.promise;
		const handlers: Deferred<number>[] = [];
		const handle = shedder.wrapBatch(() => {
			const answer = deferred<number>();
			handlers.push(answer);
			return answer.promise;
		});
		const outcome = handle([{ key: 'a' }, { key: 'G1' }, { key: 'b' }, { key: 'G2' }, { key: 'c', priority: 'low' }]);
		await settled();
		expect(appends.map((batch) => batch.map(({ key }) => key))).toEqual([['a', 'b']]);
		expect(handlers.length, 'one message after the other').toBe(1);
		expect(shedder.stats()).toMatchObject({ inFlight: 3 });
		handlers[0]?.resolve(1);
		await settled();
		handlers[1]?.resolve(2);
		expect(await isSettled(outcome)).toBe(false);
		durable.resolve();
		expect(await outcome).toEqual([
			{ action: 'spill' },
			{ action: 'process', value: 1 },
			{ action: 'spill' },
			{ action: 'process', value: 2 },
			{ action: 'drop' },
		]);
		expect(appends.length).toBe(1);
	});

	it('M2: outcomes stand in the order of the messages, and the equation holds at every turn', async () => {
		const given = fc.record({
			messages: fc.array(
				fc.record({
					key: fc.constantFrom('G1', 'S1', 'x'),
					priority: fc.constantFrom('critical' as const, 'normal' as const, 'low' as const, undefined),
				}),
				{ maxLength: 12 },
			),
			store: fc.constantFrom('works', 'fails', 'fails late', 'is full'),
			reject: fc.boolean(),
			throwsAt: fc.option(fc.nat(11)),
			turns: fc.nat(6),
		});
		await fc.assert(
			fc.asyncProperty(given, async ({ messages, store: kind, reject, throwsAt, turns }) => {
				const { store, trouble } = unruly(memorySpill(kind === 'is full' ? { maxBytes: 1_000 } : {}));
				const { shedder, at } = driver({ spill: { store, whenSpillFails: reject ? 'reject' : 'process' } });
				await at('AGGRESSIVE');
				if (kind === 'fails') trouble.append = fails('gone');
				if (kind === 'fails late') trouble.append = () => settled(turns).then(fails('gone'));
				let handled = 0;
				const error = new Error('of the handler');
				const handle = shedder.wrapBatch(async (message: Message) => {
					handled++;
					await settled(turns);
					if (message.n === throwsAt) throw error;
					return message.n;
				});
				const numbered = messages.map((message, n) => ({ ...message, n }));
				let over = false;
				const outcome = handle(numbered).finally(() => {
					over = true;
				});
				outcome.catch(() => {});
				while (!over) {
					expect(imbalance(shedder.stats())).toBe(0);
					await Promise.resolve();
				}
				try {
					const outcomes = await outcome;
					expect(outcomes.length).toBe(numbered.length);
					for (const [n, made] of outcomes.entries()) {
						if (made.action === 'process') expect(made.value).toBe(n);
						if (numbered[n]?.priority === 'critical') expect(made.action).toBe('process');
						if (numbered[n]?.priority === 'low') expect(made.action).toBe('drop');
					}
				} catch (thrown) {
					expect(thrown).toBe(error);
					expect(shedder.stats().failed).toBe(1);
				}
				const stats = shedder.stats();
				expect(stats.processed + stats.failed).toBe(handled);
				expect(stats.inFlight).toBe(0);
				expect(imbalance(stats)).toBe(0);
			}),
			slow,
		);
	});

	it('M5: while a batch waits for a slow handler, messages that the store refused are still in flight', async () => {
		const { store, trouble } = unruly();
		const { shedder, at } = driver({ spill: store });
		await at('AGGRESSIVE');
		trouble.append = fails('disk gone');
		const slow = deferred();
		const outcome = shedder.wrapBatch(() => slow.promise)([{ key: 'G1' }, { key: 'x' }]);
		await settled();
		expect(imbalance(shedder.stats())).toBe(0);
		slow.resolve();
		await outcome;
		expect(imbalance(shedder.stats())).toBe(0);
	});

	it('M5: between a failed append and the handler, a message is still in flight', async () => {
		const { shedder, trouble, handle } = await spilling();
		trouble.append = fails('disk gone');
		const outcome = handle({ key: 'x' });
		for (let turn = 0; turn < 60; turn++) {
			expect(imbalance(shedder.stats())).toBe(0);
			await Promise.resolve();
		}
		await outcome;
	});

	it('M2: a throwing handler rejects the batch with its own error; what was not reached was not offered', async () => {
		const { shedder, at } = driver({ spill: unruly().store });
		await at('AGGRESSIVE');
		const error = new Error('of the handler');
		const handler = vi.fn(() => {
			throw error;
		});
		await expect(shedder.wrapBatch(handler)([{ key: 'x' }, { key: 'G1' }, { key: 'G2' }])).rejects.toBe(error);
		expect(handler).toHaveBeenCalledTimes(1);
		expect(shedder.stats()).toMatchObject({ offered: 2, failed: 1, waiting: 1, inFlight: 0 });
	});

	it('M5: when the handler throws for one of several messages that the store refused, the others are handed back', async () => {
		const { store, trouble } = unruly();
		const { shedder, at } = driver({ spill: store });
		await at('AGGRESSIVE');
		trouble.append = fails('disk gone');
		const error = new Error('of the handler');
		const handle = shedder.wrapBatch(() => {
			throw error;
		});
		await expect(handle([{ key: 'x' }, { key: 'y' }, { key: 'z' }])).rejects.toBe(error);
		expect(shedder.stats()).toMatchObject({ offered: 3, failed: 1, rejected: 2, inFlight: 0 });
		expect(imbalance(shedder.stats())).toBe(0);
	});

	it('M2: one message that cannot be told apart does not keep its batch from being handled', async () => {
		const { shedder, at, failures } = driver({
			keyOf: (message) => {
				if (message.key === 'poison') throw new Error('no key');
				return message.key;
			},
		});
		await at('NORMAL');
		const outcomes = await shedder.wrapBatch((message) => message.key)([{ key: 'a' }, { key: 'poison' }, { key: 'b' }]);
		expect(outcomes.map((outcome) => 'value' in outcome && outcome.value)).toEqual(['a', 'poison', 'b']);
		expect(failures.map(({ during }) => during)).toEqual(['tiers']);
	});

	it('M2: tells the caller what became of each message, also when the handler throws for one', async () => {
		const { shedder, at } = driver({ spill: unruly().store });
		await at('AGGRESSIVE');
		const told: [number, string][] = [];
		const handle = shedder.wrapBatch((message) => {
			if (message.key === 'G2') throw new Error('of the handler');
		});
		const batch = [{ key: 'x' }, { key: 'G1' }, { key: 'G2' }, { key: 'y' }];
		const outcome = handle(batch, { onOutcome: (index, { action }) => told.push([index, action]) });
		await expect(outcome).rejects.toThrow('of the handler');
		expect(told).toEqual([
			[1, 'process'],
			[0, 'spill'],
			[3, 'spill'],
		]);
		expect(imbalance(shedder.stats())).toBe(0);
	});

	it.each([
		['is kept', false, [1, 0, 3], { offered: 3, processed: 1, waiting: 2, rejected: 0 }],
		['cannot be kept', true, [1, 0], { offered: 3, processed: 2, waiting: 0, rejected: 1 }],
	])(
		'M2: a batch that its signal ends resolves with what was reached, where the rest that went to the store %s',
		async (_, refused, settledAt, figures) => {
			const { store, trouble } = unruly();
			const { shedder, at } = driver({ spill: store });
			await at('AGGRESSIVE');
			if (refused) trouble.append = fails('disk gone');
			const ending = new AbortController();
			const told: number[] = [];
			const handle = shedder.wrapBatch(({ key }) => {
				if (key === 'G1') ending.abort();
				return key;
			});
			const batch = [{ key: 'x' }, { key: 'G1' }, { key: 'G2' }, { key: 'y' }];
			const options = { signal: ending.signal, onOutcome: (index: number) => told.push(index) };
			expect(await handle(batch, options)).toEqual([
				refused ? { action: 'process', value: 'x' } : { action: 'spill' },
				{ action: 'process', value: 'G1' },
			]);
			expect(told).toEqual(settledAt);
			expect(shedder.stats()).toMatchObject(figures);
			expect(imbalance(shedder.stats())).toBe(0);
		},
	);

	it('M2: an empty batch is nothing', async () => {
		const { shedder, at } = driver({ spill: unruly().store });
		await at('AGGRESSIVE');
		expect(await shedder.wrapBatch(() => 1)([])).toEqual([]);
		expect(shedder.stats().offered).toBe(0);
	});
});

describe('a store that answers late (M5, M6)', () => {
	it('M5: a record that landed after its append was given up does not hide another one from replay', async () => {
		const inner = memorySpill();
		const { store, trouble } = unruly(inner);
		const { shedder, at, clock, setLoad } = driver({ spill: store });
		await at('AGGRESSIVE');
		const handled: (number | undefined)[] = [];
		const handle = shedder.wrap((message: Message) => {
			handled.push(message.n);
		});
		const late = deferred();
		trouble.append = () => late.promise;
		const first = handle({ key: 'x', n: 1 });
		await clock.advance(10_000);
		expect((await first).action).toBe('process');
		late.resolve();
		await settled();
		delete trouble.append;
		await clock.advance(5_000);
		expect((await handle({ key: 'x', n: 2 })).action).toBe('spill');
		// Message 1 was processed and is in the store all the same; message 2 is only there.
		setLoad(0);
		shedder.start();
		await clock.advance(120_000);
		expect(handled).toContain(2);
		expect(shedder.stats().waiting).toBe(0);
		expect((await inner.stats()).records).toBe(0);
		expect(imbalance(shedder.stats())).toBe(0);
		await shedder.stop();
	});

	it.each(['open', 'append'] as const)(
		'M2: a store whose %s hangs is waited for once; then messages are processed at once until it answers again',
		async (operation) => {
			const { store, trouble } = unruly();
			const { shedder, at, clock, failures } = driver({ spill: store });
			const handle = shedder.wrap(() => {});
			const timed = async () => {
				const fromMs = clock.nowMs();
				let action: string | undefined;
				void handle({ key: 'x' }).then((outcome) => {
					action = outcome.action;
				});
				while (action === undefined) await clock.advance(500);
				return `${action} after ${clock.nowMs() - fromMs}`;
			};
			if (operation === 'append') await at('AGGRESSIVE');
			trouble[operation] = never;
			if (operation === 'open') void at('AGGRESSIVE');
			await clock.advance(3_000);
			expect(await timed()).toMatch(/^process after (10000|7000)$/);
			for (let n = 0; n < 5; n++) expect(await timed()).toBe('process after 500');
			expect(failures.at(-1)?.error).toMatchObject({
				message: 'the spill store has not answered lately and is not waited for',
			});
			await clock.advance(5_000);
			// One finds out whether it answers, the others do not wait for that.
			const trial = handle({ key: 'x' });
			expect(await timed()).toBe('process after 500');
			await clock.advance(10_000);
			expect((await trial).action).toBe('process');
			delete trouble[operation];
			await clock.advance(5_000);
			expect(await timed()).toBe('spill after 500');
			expect(await timed()).toBe('spill after 500');
			expect(imbalance(shedder.stats())).toBe(0);
			const stopping = shedder.stop();
			await clock.advance(30_000);
			await stopping;
		},
	);

	it('M6: figures of the store that come too late are ignored', async () => {
		const inner = memorySpill();
		const late = deferred();
		let hangs = false;
		const { shedder, at, clock, setLoad } = driver({
			spill: {
				...inner,
				async stats() {
					const figures = await inner.stats();
					if (hangs) {
						hangs = false;
						await late.promise;
					}
					return figures;
				},
			},
		});
		await at('AGGRESSIVE');
		const handle = shedder.wrap(() => {});
		for (let n = 0; n < 5; n++) await handle({ key: 'x', n });
		hangs = true;
		setLoad(0);
		shedder.start();
		await clock.advance(60_000);
		expect(shedder.stats()).toMatchObject({ waiting: 0, replayed: 5 });
		late.resolve();
		await clock.advance(1_000);
		expect(shedder.stats()).toMatchObject({ waiting: 0, replayed: 5, recovered: 0 });
		await shedder.stop();
	});

	it('M5: a record that is finished while the store is counting is not counted twice', async () => {
		const inner = memorySpill();
		const counting = deferred();
		const handling = deferred();
		let counts = false;
		const { shedder, at, clock, setLoad } = driver({
			spill: {
				...inner,
				async stats() {
					const figures = await inner.stats();
					if (counts) await counting.promise;
					return figures;
				},
			},
		});
		await at('AGGRESSIVE');
		const handle = shedder.wrap((_: Message, { replayed }) => (replayed ? handling.promise : undefined));
		for (let n = 0; n < 2; n++) await handle({ key: 'x', n });
		setLoad(0);
		shedder.start();
		await clock.advance(10_000);
		expect(shedder.level).toBe('NORMAL');
		// The load rises, so replay yields; the record under way is finished while the store counts.
		setLoad(30);
		await clock.advance(500);
		counts = true;
		await clock.advance(600);
		handling.resolve();
		await clock.advance(100);
		counting.resolve();
		await settled();
		expect(shedder.stats()).toMatchObject({ recovered: 0, waiting: 1, replayed: 1 });
		await shedder.stop();
	});

	it('M5: a record that can be read before its append has resolved never makes the figures negative', async () => {
		const inner = memorySpill();
		const { store } = unruly(inner);
		const { shedder, at, clock, setLoad } = driver({
			spill: {
				...store,
				async append(batch) {
					await inner.append(batch);
					await slow.promise;
				},
			},
		});
		let slow = deferred();
		slow.resolve();
		await at('AGGRESSIVE');
		const handle = shedder.wrap(() => {});
		await handle({ key: 'x' });
		await handle({ key: 'x' });
		slow = deferred();
		const last = handle({ key: 'x' });
		setLoad(0);
		shedder.start();
		for (let i = 0; i < 90; i++) {
			await clock.advance(100);
			expect(shedder.stats().waiting).toBeGreaterThanOrEqual(0);
			expect(imbalance(shedder.stats())).toBe(0);
		}
		slow.resolve();
		await last;
		await clock.advance(5_000);
		expect(shedder.stats()).toMatchObject({ waiting: 0, replayed: 3 });
		await shedder.stop();
	});
});
