import { describe, expect, it } from 'vitest';
import {
	type Failure,
	type HandlerContext,
	memorySpill,
	type ReplayOptions,
	type SpillOptions,
	type SpillRecord,
	type SpillStore,
} from '../../src/index.js';
import { manualClock } from '../../src/testing/index.js';
import {
	deferred,
	driver,
	expectNoLeaks,
	fails,
	imbalance,
	type Level,
	LOAD,
	type Message,
	never,
	settled,
	slow,
	unruly,
} from '../control/driver.js';
import { fc } from '../support/property.js';

expectNoLeaks();

type Handle = (message: Message, context: HandlerContext<Level, string, string>) => void | Promise<void>;

/** A shedder whose handler writes down what comes back. */
function replaying(
	spill: Partial<SpillOptions<Message>> = {},
	replay: ReplayOptions<Level> = {},
	handler: Handle = () => {},
	clock = manualClock(1_000),
) {
	const store = spill.store ?? memorySpill();
	const made = driver({ clock, spill: { ...spill, store }, replay });
	const order: string[] = [];
	const handle = made.shedder.wrap(async (message: Message, context) => {
		order.push(`${context.replayed ? 'replayed' : 'live'} ${message.key}${message.n ?? ''}`);
		await handler(message, context);
	});
	return {
		...made,
		order,
		store,
		handle,
		async recover(ms = 120_000) {
			made.setLoad(0);
			made.shedder.start();
			for (let passed = 0; passed < ms && made.shedder.stats().waiting > 0; passed += 500) await clock.advance(500);
		},
		async stop() {
			const stopping = made.shedder.stop();
			await clock.advance(30_000);
			await stopping;
		},
	};
}

const messages = (failures: readonly Failure[]) => failures.map(({ error }) => (error as Error).message);

describe('dead letters (M3)', () => {
	it('M3: a record that has failed as often as replay.attempts goes to the dead letters with its reason, and the rest goes on', async () => {
		const letters = memorySpill();
		const made = replaying({ deadLetters: letters }, { attempts: 3 }, ({ n }) => {
			if (n === 1) throw new Error('poison');
		});
		await made.at('AGGRESSIVE');
		for (const n of [0, 1, 2]) await made.handle({ key: 'a', n });
		await made.recover();
		expect(made.order).toEqual(['replayed a0', 'replayed a1', 'replayed a1', 'replayed a1', 'replayed a2']);
		expect(made.shedder.stats()).toMatchObject({ waiting: 0, replayed: 2, deadLettered: 1, lost: 0 });
		expect(imbalance(made.shedder.stats())).toBe(0);
		await letters.open();
		const [letter, ...more] = await letters.read({ partition: 0, maxRecords: 10 });
		expect(more).toEqual([]);
		expect(JSON.parse(new TextDecoder().decode(letter?.payload))).toEqual({ key: 'a', n: 1 });
		expect(letter?.headers).toMatchObject({
			handler: 'default',
			tier: 'bronze',
			error: 'Error: poison',
			attempts: '3',
		});
		expect(Number(letter?.headers?.failedAtMs)).toBeGreaterThan(letter?.enqueuedAtMs as number);
		await made.stop();
	});

	it('M3: a reason that does not fit into the dead-letter store costs the reason, not the record', async () => {
		const message = { key: 'a', n: 1, text: 'x'.repeat(400) };
		const letters = memorySpill({ maxBytes: 1_600 });
		const made = replaying({ deadLetters: letters }, { attempts: 1 }, () => {
			throw new Error('poison '.repeat(100));
		});
		await made.at('AGGRESSIVE');
		expect((await made.handle(message)).action).toBe('spill');
		await made.recover();
		expect(made.shedder.stats()).toMatchObject({ waiting: 0, deadLettered: 1 });
		expect(imbalance(made.shedder.stats())).toBe(0);
		await letters.open();
		const [letter] = await letters.read({ partition: 0, maxRecords: 10 });
		expect(JSON.parse(new TextDecoder().decode(letter?.payload))).toEqual(message);
		expect(letter?.headers).toEqual({ handler: 'default', tier: 'bronze', priority: 'normal' });
		await made.stop();
	});

	it('M3: whatever is thrown, the record goes to the dead letters with a text', async () => {
		const mute = {
			toString() {
				throw new Error('mute');
			},
		};
		const thrown = [
			{ code: 'E1', message: 'not found' },
			Object.create(null),
			mute,
			undefined,
			Symbol('odd'),
			{ code: 2 },
		];
		const letters = memorySpill();
		const made = replaying({ deadLetters: letters }, { attempts: 1 }, ({ n = 0 }) => {
			throw thrown[n];
		});
		await made.at('AGGRESSIVE');
		for (const n of thrown.keys()) await made.handle({ key: 'a', n });
		await made.recover(20_000);
		expect(made.shedder.stats()).toMatchObject({ waiting: 0, deadLettered: thrown.length });
		await letters.open();
		const told = (await letters.read({ partition: 0, maxRecords: 10 })).map(({ headers }) => headers?.error);
		expect(told).toEqual([
			'not found',
			'object that has no text: Cannot convert object to primitive value',
			'object that has no text: mute',
			'undefined',
			'Symbol(odd)',
			'[object Object]',
		]);
		await made.stop();
	});

	it.each([
		['cannot be opened', 'open'],
		['is full', 'append'],
	] as const)(
		'M3: while the dead-letter store %s the partition waits and says so, and nothing is lost',
		async (_, operation) => {
			const { store, trouble } = unruly();
			trouble[operation] = fails('no room');
			const made = replaying({ deadLetters: store }, { attempts: 2 }, ({ n }) => {
				if (n === 0) throw new Error('poison');
			});
			await made.at('AGGRESSIVE');
			for (const n of [0, 1]) await made.handle({ key: 'a', n });
			await made.recover(20_000);
			expect(made.shedder.stats()).toMatchObject({ waiting: 2, replayed: 0, deadLettered: 0 });
			const [poison, again, told] = messages(made.failures);
			expect([poison, again]).toEqual(['poison', 'poison']);
			expect(told).toBe('a record of key "a" has failed 2 times and could not be put with the dead letters');
			delete trouble[operation];
			await made.clock.advance(120_000);
			expect(made.shedder.stats()).toMatchObject({ waiting: 0, replayed: 1, deadLettered: 1 });
			await made.stop();
		},
	);

	it('M3: several shedders may share a dead-letter store, and the last one closes it', async () => {
		const { store: letters, inner } = unruly();
		let closed = 0;
		const counting: SpillStore = {
			...letters,
			async close() {
				closed++;
				await inner.close();
			},
		};
		const clock = manualClock(1_000);
		const poison = () => Promise.reject(new Error('poison'));
		const [first, second] = [1, 2].map(() => replaying({ deadLetters: counting }, { attempts: 1 }, poison, clock)) as [
			ReturnType<typeof replaying>,
			ReturnType<typeof replaying>,
		];
		for (const { at, handle, recover } of [first, second]) {
			await at('AGGRESSIVE');
			await handle({ key: 'a', n: 0 });
			await recover();
		}
		await first.stop();
		expect(closed).toBe(0);
		await second.at('AGGRESSIVE');
		await second.handle({ key: 'a', n: 1 });
		second.setLoad(0);
		await clock.advance(20_000);
		expect(second.shedder.stats()).toMatchObject({ waiting: 0, deadLettered: 2 });
		// Whoever else has closed it, the next letter opens it again.
		await inner.close();
		await second.at('AGGRESSIVE');
		await second.handle({ key: 'a', n: 2 });
		second.setLoad(0);
		await clock.advance(20_000);
		expect(second.shedder.stats()).toMatchObject({ waiting: 0, deadLettered: 3 });
		expect((await inner.stats()).records).toBe(4);
		await second.stop();
		expect(closed).toBe(1);
	});

	it('M3: dead letters do not go where another shedder would replay them: the record stays, and that is told', async () => {
		const store = memorySpill();
		const clock = manualClock(1_000);
		const other = replaying({ store }, {}, () => {}, clock);
		await other.at('AGGRESSIVE');
		await other.handle({ key: 'a', n: 0 });
		const made = replaying({ deadLetters: store }, { attempts: 1 }, () => Promise.reject(new Error('poison')), clock);
		await made.at('AGGRESSIVE');
		await made.handle({ key: 'b', n: 0 });
		await made.recover(20_000);
		expect(made.shedder.stats()).toMatchObject({ waiting: 1, deadLettered: 0 });
		const told = made.failures.map(({ error }) => (error as Error).cause).filter((cause) => cause !== undefined);
		expect(new Set(told.map(String))).toEqual(new Set(['SpillError: the dead-letter store serves another shedder']));
		await made.stop();
		expect((await store.stats()).records).toBe(1);
		expect(await other.handle({ key: 'a', n: 1 })).toEqual({ action: 'spill' });
		await other.stop();
	});

	it('M3: without a dead-letter store the partition waits for its failing record, and that is told once', async () => {
		const made = replaying({}, { attempts: 2 }, () => Promise.reject(new Error('poison')));
		await made.at('AGGRESSIVE');
		await made.handle({ key: 'a', n: 0 });
		await made.recover(60_000);
		const told = messages(made.failures).filter((message) => message !== 'poison');
		expect(told).toEqual([
			'a record of key "a" has failed 2 times and there is no dead-letter store: the replay of its partition waits for it',
		]);
		expect(made.shedder.stats()).toMatchObject({ waiting: 1, replayed: 0, deadLettered: 0 });
		await made.stop();
	});

	it('M3: a payload that cannot be decoded is the fault of the record, a missing handler is not', async () => {
		const letters = memorySpill();
		const store = memorySpill();
		const record = (id: string, text: string, handler: string): SpillRecord => ({
			id,
			key: id,
			payload: new TextEncoder().encode(text),
			enqueuedAtMs: 0,
			headers: { handler, tier: 'bronze', priority: 'normal' },
		});
		await store.append([record('broken', '{', 'default'), record('fine', '{"key":"x"}', 'nobody')]);
		const made = replaying({ store, deadLetters: letters }, { attempts: 2 });
		await made.shedder.check();
		await made.recover(60_000);
		expect(made.shedder.stats()).toMatchObject({ recovered: 2, deadLettered: 1, waiting: 1 });
		expect(messages(made.failures)).toContain(
			'a spilled message waits for a handler named "nobody", but none was wrapped under it',
		);
		await made.stop();
	});
});

describe('order (M3)', () => {
	it('M3: with concurrency, records of different keys are handled together, those of one key one after the other', async () => {
		const given = fc.record({
			keys: fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 30 }),
			concurrency: fc.integer({ min: 1, max: 5 }),
			failing: fc.nat(40),
			answers: fc.array(fc.nat(4), { minLength: 60, maxLength: 60 }),
		});
		let together = 0;
		await fc.assert(
			fc.asyncProperty(given, async ({ keys, concurrency, failing, answers }) => {
				const running: { readonly message: Message; readonly answer: ReturnType<typeof deferred<void>> }[] = [];
				const done: Message[] = [];
				let failed = false;
				const made = replaying({}, { concurrency }, async (message) => {
					expect(
						running.some((other) => other.message.key === message.key),
						'one of a key at a time',
					).toBe(false);
					const answer = deferred();
					const call = { message, answer };
					running.push(call);
					expect(running.length).toBeLessThanOrEqual(concurrency);
					together = Math.max(together, running.length);
					try {
						await answer.promise;
						done.push(message);
					} finally {
						running.splice(running.indexOf(call), 1);
					}
				});
				await made.at('AGGRESSIVE');
				for (const [n, key] of keys.entries()) await made.handle({ key, n });
				made.setLoad(0);
				made.shedder.start();
				for (let turn = 0; turn < 600 && made.shedder.stats().waiting > 0; turn++) {
					await made.clock.advance(500);
					const call = running[(answers[turn % answers.length] as number) % Math.max(1, running.length)];
					if (call === undefined) continue;
					if (!failed && call.message.n === failing) {
						failed = true;
						call.answer.reject(new Error('once'));
					} else call.answer.resolve();
					await settled();
				}
				expect(made.shedder.stats()).toMatchObject({ waiting: 0, replayed: keys.length });
				for (const key of ['a', 'b', 'c', 'd']) {
					const ns = done.filter((message) => message.key === key).map(({ n }) => n as number);
					expect(ns).toEqual(ns.toSorted((a, b) => a - b));
				}
				await made.stop();
			}),
			slow,
		);
		expect(together).toBeGreaterThan(1);
	});

	it('M3: latest-per-key handles the last record of each key and counts the others as superseded', async () => {
		const made = replaying({}, { order: 'latest-per-key' });
		await made.at('AGGRESSIVE');
		for (let n = 0; n < 300; n++) await made.handle({ key: `k${n % 3}`, n });
		await made.recover();
		expect(made.order).toEqual(['replayed k0297', 'replayed k1298', 'replayed k2299']);
		expect(made.shedder.stats()).toMatchObject({ waiting: 0, replayed: 3, expired: 297, superseded: 297 });
		expect(imbalance(made.shedder.stats())).toBe(0);
		await made.stop();
	});

	it('M3: latest-per-key keeps what another priority or handler of the key is waiting for', async () => {
		const made = replaying({}, { order: 'latest-per-key' });
		const seen: string[] = [];
		const other = made.shedder.wrap((message: Message) => void seen.push(`${message.key}${message.n}`), {
			name: 'other',
		});
		await made.at('AGGRESSIVE');
		await made.handle({ key: 'a', n: 0, priority: 'high' });
		await made.handle({ key: 'a', n: 1, priority: 'normal' });
		await other({ key: 'a', n: 2, priority: 'high' });
		await made.handle({ key: 'a', n: 3, priority: 'high' });
		await made.recover();
		expect(made.order).toEqual(['replayed a1', 'replayed a3']);
		expect(seen).toEqual(['a2']);
		expect(made.shedder.stats()).toMatchObject({ replayed: 3, superseded: 1 });
		await made.stop();
	});

	it('M3: a message that was spilled twice under its own id is handled once', async () => {
		const made = replaying({ idOf: ({ key, n }) => `${key}-${n}` });
		await made.at('AGGRESSIVE');
		for (const n of [0, 1, 0, 2, 1]) await made.handle({ key: 'a', n });
		await made.recover();
		expect(made.order).toEqual(['replayed a0', 'replayed a1', 'replayed a2']);
		expect(made.shedder.stats()).toMatchObject({ waiting: 0, replayed: 3, expired: 2, duplicates: 2 });
		await made.stop();
	});

	it('M3: a message that two handlers are given under one id is handled by both', async () => {
		const made = replaying({ idOf: ({ key, n }) => `${key}-${n}` });
		const seen: string[] = [];
		const other = made.shedder.wrap(({ key, n }: Message) => void seen.push(`${key}${n}`), { name: 'other' });
		await made.at('AGGRESSIVE');
		for (const n of [0, 1, 1]) {
			await made.handle({ key: 'a', n });
			await other({ key: 'a', n });
		}
		await made.recover();
		expect(made.order).toEqual(['replayed a0', 'replayed a1']);
		expect(seen).toEqual(['a0', 'a1']);
		expect(made.shedder.stats()).toMatchObject({ waiting: 0, replayed: 4, duplicates: 2 });
		await made.stop();
	});

	it('M3: what is read ahead is bounded, though a handler never ends', async () => {
		let reads = 0;
		const { store, inner } = unruly();
		const counting: SpillStore = {
			...store,
			async read(options) {
				const records = await inner.read(options);
				reads += records.length;
				return records;
			},
		};
		const made = replaying({ store: counting }, { concurrency: 2 }, ({ n }) => (n === 0 ? never() : undefined));
		await made.at('AGGRESSIVE');
		for (let n = 0; n < 3_000; n++) await made.handle({ key: `k${n}`, n });
		await made.recover(300_000);
		expect(made.shedder.stats()).toMatchObject({ waiting: 3_000, replayed: 0 });
		expect(reads).toBe(1_024);
		await made.stop();
	});
});

describe('what the store says (M5)', () => {
	it('M5: what the store has lost is told and counted', async () => {
		const { store, inner } = unruly();
		const made = replaying({ store });
		await made.at('AGGRESSIVE');
		for (let n = 0; n < 5; n++) await made.handle({ key: 'a', n });
		await inner.ack(0, '2');
		await made.shedder.check();
		expect(made.shedder.stats()).toMatchObject({ waiting: 2, lost: 3, spilled: 5 });
		expect(imbalance(made.shedder.stats())).toBe(0);
		expect(messages(made.failures)).toEqual(['3 spilled messages are lost']);
		await made.shedder.check();
		expect(made.shedder.stats().lost, 'told once').toBe(3);
		await made.stop();
	});

	it('M5: an acknowledgement that was carried out but never confirmed is no loss', async () => {
		const { store, inner } = unruly();
		let confirm = false;
		const quiet: SpillStore = {
			...store,
			async ack(partition, upTo) {
				await inner.ack(partition, upTo);
				if (!confirm) await never();
			},
		};
		const made = replaying({ store: quiet });
		await made.at('AGGRESSIVE');
		for (let n = 0; n < 5; n++) await made.handle({ key: 'a', n });
		await made.recover(30_000);
		made.setLoad(LOAD.AGGRESSIVE);
		await made.clock.advance(5_000);
		expect(made.shedder.stats()).toMatchObject({ level: 'AGGRESSIVE', lost: 0, waiting: 5 });
		confirm = true;
		await made.recover();
		expect(made.shedder.stats()).toMatchObject({ lost: 0, waiting: 0, replayed: 5 });
		await made.stop();
	});

	it('M5: a store that keeps one of each id has lost nothing when it keeps fewer', async () => {
		const inner = memorySpill();
		const ids = new Set<string>();
		const store: SpillStore = {
			...inner,
			capabilities: { ...inner.capabilities, dedupesById: true },
			append: (batch) => inner.append(batch.filter(({ id }) => ids.size < ids.add(id).size)),
		};
		const made = replaying({ store, idOf: ({ n }) => String(n) });
		await made.at('AGGRESSIVE');
		for (const n of [0, 1, 1, 1]) await made.handle({ key: 'a', n });
		await made.shedder.check();
		expect(made.shedder.stats()).toMatchObject({ waiting: 2, lost: 0, expired: 2, duplicates: 2 });
		expect(imbalance(made.shedder.stats())).toBe(0);
		await made.stop();
	});
});
