import { describe, expect, it } from 'vitest';
import {
	createController,
	createLoadShedder,
	defineLadder,
	memorySpill,
	type Spilled,
	type SpillRecord,
	type SpillStore,
} from '../../src/index.js';
import { type ManualClock, manualClock } from '../../src/testing/index.js';
import {
	deferred,
	driver,
	expectNoLeaks,
	fails,
	imbalance,
	type Level,
	LOAD,
	ladder,
	type Message,
	settled,
	slow,
	spec,
	tiers,
	UNDAMAGED,
	unruly,
} from '../control/driver.js';
import { fc } from '../support/property.js';

expectNoLeaks();

/** A store with several partitions, by key. */
function partitioned(partitions: number): SpillStore & { readonly left: () => number } {
	const logs = Array.from({ length: partitions }, () => [] as Spilled[]);
	let next = 0;
	const left = () => logs.reduce((sum, log) => sum + log.length, 0);
	const of = (key: string) => [...key].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % partitions;
	return {
		left,
		capabilities: { durability: 'process', partitions, maxRecordBytes: 1e6, dedupesById: false },
		open: async () => UNDAMAGED,
		async append(batch: readonly SpillRecord[]) {
			for (const record of batch) {
				const partition = of(record.key);
				logs[partition]?.push({ ...record, partition, cursor: String(next++).padStart(9, '0') });
			}
		},
		read: async ({ partition, after = '', maxRecords }) =>
			(logs[partition] as Spilled[]).filter(({ cursor }) => cursor > after).slice(0, maxRecords),
		async ack(partition, upTo) {
			logs[partition] = (logs[partition] as Spilled[]).filter(({ cursor }) => cursor > upTo);
		},
		stats: async () => ({
			records: left(),
			bytes: left(),
			capacityBytes: 1e6,
			oldestEnqueuedAtMs: null,
			damage: UNDAMAGED,
		}),
		close: async () => {},
	};
}

/** Spills messages and goes back to where replay may run. */
async function backlog(
	records: number,
	options: NonNullable<Parameters<typeof driver>[0]> = {},
	handler: (message: Message) => void | Promise<void> = () => {},
) {
	const made = driver({ spill: memorySpill(), ...options });
	const { shedder, clock } = made;
	const replayed: { readonly n: number; readonly atMs: number; readonly level: string }[] = [];
	const handle = shedder.wrap(async (message: Message, context) => {
		if (context.replayed) {
			replayed.push({ n: message.n ?? -1, atMs: clock.nowMs(), level: shedder.level });
		}
		await handler(message);
	});
	await made.at('AGGRESSIVE');
	for (let n = 0; n < records; n++) expect((await handle({ key: `k${n}`, n })).action).toBe('spill');
	return { ...made, replayed, handle };
}

/** Recovers, and runs until nothing waits or the time is over. */
async function drain({ shedder, clock, setLoad }: Awaited<ReturnType<typeof backlog>>, ms = 300_000) {
	setLoad(0);
	shedder.start();
	for (let passed = 0; passed < ms && shedder.stats().waiting > 0; passed += 500) await clock.advance(500);
}

describe('replay (M3)', () => {
	it('M3: brings every record back to its handler in order, once, and tells of it', async () => {
		const made = await backlog(40);
		const told: number[] = [];
		made.shedder.on('replayed', ({ records }) => told.push(records));
		await drain(made);
		await made.clock.advance(500);
		expect(made.replayed.map(({ n }) => n)).toEqual(Array.from({ length: 40 }, (_, n) => n));
		expect(told.reduce((sum, records) => sum + records, 0)).toBe(40);
		expect(made.shedder.stats()).toMatchObject({ waiting: 0, replayed: 40, spilled: 40 });
		expect(imbalance(made.shedder.stats())).toBe(0);
		await made.shedder.stop();
	});

	it('M3: order per key, at most upTo, never before it is permitted and never faster than maxPerS, on any store', async () => {
		const given = fc.record({
			records: fc.integer({ min: 1, max: 60 }),
			maxPerS: fc.constantFrom(1, 2, 5, 20, 100),
			partitions: fc.constantFrom(1, 2, 8),
			upTo: fc.constantFrom<Level | undefined>(undefined, 'NORMAL', 'SOFT', 'GRACEFUL'),
			loads: fc.array(fc.constantFrom<Level>('NORMAL', 'SOFT', 'GRACEFUL', 'AGGRESSIVE'), { maxLength: 6 }),
			handlerMs: fc.constantFrom(0, 30, 400),
		});
		await fc.assert(
			fc.asyncProperty(given, async ({ records, maxPerS, partitions, upTo, loads, handlerMs }) => {
				const clock = manualClock();
				const store = partitioned(partitions);
				const made = await backlog(records, { clock, spill: store, replay: { upTo, maxPerS } }, () =>
					later(clock, handlerMs),
				);
				const { shedder, replayed, setLoad } = made;
				shedder.start();
				for (const level of loads) {
					setLoad(LOAD[level]);
					await clock.advance(1_500);
					expect(imbalance(shedder.stats())).toBe(0);
				}
				setLoad(0);
				await clock.advance(((records * 1000) / maxPerS) * 3 + records * handlerMs + 30_000);
				expect(store.left()).toBe(0);
				expect(replayed.map(({ n }) => n).sort((a, b) => a - b)).toEqual(Array.from({ length: records }, (_, n) => n));
				const last = ladder.levels.indexOf(upTo ?? 'GRACEFUL');
				for (const { level } of replayed) expect(ladder.levels.indexOf(level as Level)).toBeLessThanOrEqual(last);
				// In any window: its length x the pace, and what may be saved up, 200 ms or one record.
				const burst = Math.max(1, maxPerS * 0.2) + 1;
				for (const [i, from] of replayed.entries()) {
					for (const [j, to] of replayed.slice(i).entries()) {
						expect(j + 1).toBeLessThanOrEqual(((to.atMs - from.atMs) * maxPerS) / 1000 + burst);
					}
				}
				const stopping = shedder.stop();
				await clock.advance(20_000);
				await stopping;
				expect(clock.timers).toBe(0);
			}),
			slow,
		);
	});

	it('M3: the time that a slow handler took is not made up for by a burst', async () => {
		const slow = deferred();
		const made = await backlog(60, { replay: { maxPerS: 20 } }, (message) =>
			message.n === 5 ? slow.promise : undefined,
		);
		await drain(made, 30_000);
		expect(made.replayed.length).toBe(6);
		slow.resolve();
		const fromMs = made.clock.nowMs();
		await made.clock.advance(1_000);
		const soon = made.replayed.filter(({ atMs }) => atMs > fromMs);
		expect(soon.length).toBeGreaterThan(10);
		expect(soon.length).toBeLessThanOrEqual(20 + 20 * 0.2 + 1);
		await made.shedder.stop();
	});

	it('M3: a record is acknowledged only after its handler has resolved', async () => {
		const { store, acks } = unruly();
		const answer = deferred();
		const made = await backlog(1, { spill: store }, () => answer.promise);
		await drain(made, 5_000);
		expect(made.replayed.length).toBe(1);
		expect(acks).toEqual([]);
		expect(made.shedder.stats()).toMatchObject({ waiting: 1, replayed: 0 });
		answer.resolve();
		await made.clock.advance(500);
		expect(acks.length).toBe(1);
		expect(made.shedder.stats()).toMatchObject({ waiting: 0, replayed: 1 });
		await made.shedder.stop();
	});

	it('M3: when the demand rises beyond the level, the record under way is finished and none follows', async () => {
		const answers: ReturnType<typeof deferred<void>>[] = [];
		const made = await backlog(50, { replay: { maxPerS: 50 } }, () => {
			const answer = deferred();
			answers.push(answer);
			return answer.promise;
		});
		const { setLoad, clock, shedder } = made;
		setLoad(0);
		shedder.start();
		for (let i = 0; i < 1_000 && answers.length < 20; i++) {
			await clock.advance(10);
			answers.at(-1)?.resolve();
		}
		expect(answers.length).toBe(20);
		setLoad(LOAD.AGGRESSIVE);
		await clock.advance(500);
		const during = answers.length;
		for (const answer of answers) answer.resolve();
		await clock.advance(3_000);
		expect(shedder.level).toBe('AGGRESSIVE');
		expect(answers.length).toBe(during);
		await shedder.stop();
	});

	it('M3: when the demand rises below a level that is still held, the record under way is finished and none follows', async () => {
		const slow = defineLadder({ ...spec, cooldownMs: 600_000 });
		const answers: ReturnType<typeof deferred<void>>[] = [];
		const made = await backlog(64, { ladder: slow, replay: { upTo: 'AGGRESSIVE', maxPerS: 300 } }, () => {
			const answer = deferred();
			answers.push(answer);
			return answer.promise;
		});
		const { setLoad, clock, shedder } = made;
		setLoad(0);
		const end = shedder.override({ level: 'NORMAL', ttlMs: 3_600_000, reason: 'let the pace grow' });
		shedder.start();
		// Every record is answered at once while the pace grows.
		const pump = clock.every(1, () => answers.at(-1)?.resolve());
		while (shedder.stats().replayPerS < 30) await clock.advance(500);
		pump();
		await clock.advance(400);
		end();
		await clock.advance(100);
		const before = answers.length;
		expect(before).toBeLessThan(60);
		setLoad(LOAD.GRACEFUL);
		await clock.advance(500);
		expect(shedder.stats().replayPerS).toBe(0);
		for (let i = 0; i < 20; i++) {
			answers.at(-1)?.resolve();
			await settled();
		}
		expect(answers.length).toBe(before);
		const stopping = shedder.stop();
		for (const answer of answers) answer.resolve();
		await clock.advance(20_000);
		await stopping;
	});

	it('M3: gathers pace however often the signals are checked', async () => {
		const seconds = await Promise.all(
			[500, 30, 20].map(async (checkEveryMs) => {
				const made = await backlog(8_000, { checkEveryMs });
				await drain(made);
				expect(made.shedder.stats().waiting).toBe(0);
				await made.shedder.stop();
				return (made.replayed.at(-1)?.atMs ?? Number.NaN) - (made.replayed[0]?.atMs ?? Number.NaN);
			}),
		);
		// At the first pace, 10 a second, it would be 800 s.
		for (const ms of seconds) expect(ms).toBeLessThan(28_000);
	});

	it('M3: replay runs while intake is paused, so that a full spill drains', async () => {
		const made = await backlog(5);
		const { shedder, clock, setLoad, replayed } = made;
		setLoad(LOAD.CIRCUIT_BREAK);
		shedder.start();
		await clock.advance(20_000);
		expect(shedder.level).toBe('CIRCUIT_BREAK');
		expect(replayed.length).toBe(5);
		await shedder.stop();
	});

	it('M3: whole-level ladders replay at or below the last level that spills nothing', async () => {
		const made = await backlog(5);
		const { shedder, clock, setLoad, replayed } = made;
		setLoad(LOAD.GRACEFUL);
		shedder.start();
		await clock.advance(300);
		expect([shedder.level, replayed.length]).toEqual(['AGGRESSIVE', 0]);
		const end = shedder.override({ level: 'GRACEFUL', ttlMs: 60_000, reason: 'test' });
		await clock.advance(20_000);
		expect(replayed.length).toBe(5);
		end();
		await shedder.stop();
	});

	it('M3: gradual ladders replay while nothing but features is given up, though a cooldown holds the level', async () => {
		const gradual = defineLadder({ ...spec, gradual: true, cooldownMs: 600_000 });
		const made = await backlog(0, { ladder: gradual });
		const { shedder, clock, setLoad, replayed, handle } = made;
		setLoad(LOAD.CIRCUIT_BREAK - 0.001);
		await shedder.check();
		for (let n = 0; n < 5; n++) expect((await handle({ key: 'x', n })).action).toBe('spill');
		shedder.start();
		setLoad(LOAD.GRACEFUL + 5);
		await clock.advance(5_000);
		expect(replayed.length).toBe(0);
		setLoad(LOAD.SOFT + 5);
		await clock.advance(20_000);
		expect(shedder.level).toBe('AGGRESSIVE');
		expect(replayed.length).toBe(5);
		await shedder.stop();
	});

	it('M3: a restored level that spills replays nothing before the first check', async () => {
		const store = memorySpill();
		await backlog(5, { spill: store });
		const { shedder, clock } = driver({ spill: store, signals: { load: () => LOAD.AGGRESSIVE } });
		const replayed: number[] = [];
		shedder.wrap((message: Message) => void replayed.push(message.n ?? -1));
		shedder.restore({ version: 1, level: 'AGGRESSIVE' });
		shedder.start();
		await clock.advance(5_000);
		expect(shedder.level).toBe('AGGRESSIVE');
		expect(replayed).toEqual([]);
		await shedder.stop();
	});

	it('M3: a reload at a level that spills starts no replay', async () => {
		const made = await backlog(20, { replay: { maxPerS: 100 } });
		const { shedder, clock, replayed } = made;
		shedder.start();
		await clock.advance(1_100);
		const again = defineLadder({ ...spec, cooldownMs: 2_000 });
		for (let i = 0; i < 10; i++) {
			shedder.reload(again);
			expect(shedder.stats().replayPerS).toBe(0);
			await clock.advance(400);
		}
		expect(replayed).toEqual([]);
		await shedder.stop();
	});

	it('M3: a reload that drops the level named by upTo does not stop replay for ever', async () => {
		const made = await backlog(5, { replay: { upTo: 'GRACEFUL' } });
		const { shedder, clock, setLoad, replayed } = made;
		const [normal, soft, , aggressive, circuit] = spec.levels;
		const stricter = { ...aggressive, shed: { ...aggressive.shed, low: 'drop' } } as const;
		const shorter = defineLadder({ ...spec, levels: [normal, soft, stricter, circuit] });
		try {
			shedder.reload(shorter);
		} catch (error) {
			// Refusing it is fine too, as long as it says which option is in the way.
			expect(String(error)).toContain('upTo');
		}
		setLoad(0);
		shedder.start();
		await clock.advance(60_000);
		expect(replayed.length).toBe(5);
		await shedder.stop();
	});
});

describe('replay after a restart (M3)', () => {
	async function restart(open: 'the shedder' | 'the controller', store: SpillStore, clock: ManualClock) {
		const controller = createController({ ladder, signals: { load: () => 0 }, clock });
		const shedder = createLoadShedder({ controller, keyOf: (m: Message) => m.key, tiers, spill: store });
		const failures: string[] = [];
		shedder.on('failed', ({ during, error }) => failures.push(`${during}: ${(error as Error).message}`));
		return {
			shedder,
			failures,
			start: () => (open === 'the shedder' ? shedder : controller).start(),
			stop: async () => {
				await shedder.stop();
				await controller.stop();
			},
		};
	}

	it.each(['the shedder', 'the controller'] as const)(
		'M3: records kept by the store find their handlers by name when %s is started',
		async (open) => {
			const store = memorySpill();
			const first = driver({ spill: store });
			await first.at('AGGRESSIVE');
			const names = ['trades', 'quotes'] as const;
			const handles = names.map((name) => first.shedder.wrap(() => {}, { name }));
			for (let n = 0; n < 6; n++) await handles[n % 2]?.({ key: 'x', n });
			await first.shedder.stop();

			const clock = manualClock();
			const second = await restart(open, store, clock);
			const got: string[] = [];
			for (const name of names) {
				second.shedder.wrap(
					(message: Message, { replayed, priority }) => {
						got.push(`${name} ${message.n} ${priority} ${replayed}`);
					},
					{ name },
				);
			}
			second.start();
			await clock.advance(30_000);
			expect(got).toEqual([0, 1, 2, 3, 4, 5].map((n) => `${names[n % 2]} ${n} normal true`));
			expect(second.shedder.stats()).toMatchObject({ recovered: 6, replayed: 6, waiting: 0, offered: 0 });
			expect(imbalance(second.shedder.stats())).toBe(0);
			await second.stop();
			expect(clock.timers).toBe(0);
		},
	);

	it('M3: records of a name that nobody wrapped wait, and that is told', async () => {
		const store = memorySpill();
		const first = driver({ spill: store });
		await first.at('AGGRESSIVE');
		await first.shedder.wrap(() => {}, { name: 'gone' })({ key: 'x' });
		await first.shedder.stop();
		const clock = manualClock();
		const second = await restart('the shedder', store, clock);
		second.start();
		await clock.advance(5_000);
		expect(second.failures[0]).toBe(
			'replay: a spilled message waits for a handler named "gone", but none was wrapped under it',
		);
		expect(second.shedder.stats().waiting).toBe(1);
		const got: unknown[] = [];
		second.shedder.wrap((message) => void got.push(message), { name: 'gone' });
		await clock.advance(60_000);
		expect(got).toEqual([{ key: 'x' }]);
		expect(second.shedder.stats().waiting).toBe(0);
		await second.stop();
	});

	it('M3: a store that cannot be opened at the start is tried again', async () => {
		const inner = memorySpill();
		const first = driver({ spill: inner });
		await first.at('AGGRESSIVE');
		await first.shedder.wrap(() => {})({ key: 'x', n: 1 });
		await first.shedder.stop();
		const { store, trouble } = unruly(inner);
		trouble.open = fails('not mounted yet');
		const clock = manualClock();
		const second = await restart('the shedder', store, clock);
		const got: unknown[] = [];
		second.shedder.wrap((message: Message) => void got.push(message.n));
		second.start();
		await clock.advance(1_000);
		expect(second.failures).toContain('spill: not mounted yet');
		delete trouble.open;
		await clock.advance(120_000);
		expect(got).toEqual([1]);
		await second.stop();
	});

	it('M3: a store that cannot tell how many records it holds is replayed all the same', async () => {
		const inner = memorySpill();
		const first = driver({ spill: inner });
		await first.at('AGGRESSIVE');
		for (let n = 0; n < 3; n++) await first.shedder.wrap(() => {}, { name: `h${n}` })({ key: 'x', n });
		await first.shedder.stop();
		const silent: SpillStore = {
			...inner,
			stats: async () => ({ ...(await inner.stats()), records: null, bytes: null, oldestEnqueuedAtMs: null }),
		};
		const clock = manualClock();
		const second = await restart('the shedder', silent, clock);
		const got: unknown[] = [];
		for (let n = 0; n < 3; n++) second.shedder.wrap((message: Message) => void got.push(message.n), { name: `h${n}` });
		second.start();
		await clock.advance(60_000);
		expect(got).toEqual([0, 1, 2]);
		expect(second.shedder.stats().waiting).toBeGreaterThanOrEqual(0);
		expect(imbalance(second.shedder.stats())).toBe(0);
		await second.stop();
	});
});

describe('failing replays (M3)', () => {
	it('M3: a failing record is tried again in place with back-off, and nothing of its partition overtakes it', async () => {
		let broken = true;
		const tries: number[] = [];
		const clock = manualClock();
		const made = await backlog(3, { clock }, async (message) => {
			if (message.n !== 1) return;
			tries.push(clock.nowMs());
			if (broken) throw new Error('poison');
		});
		const { shedder, failures, replayed } = made;
		await drain(made, 40_000);
		expect(replayed.filter(({ n }) => n !== 1).map(({ n }) => n)).toEqual([0]);
		expect(shedder.stats()).toMatchObject({ waiting: 2, replayed: 1 });
		const gaps = tries.slice(1).map((atMs, i) => atMs - (tries[i] as number));
		expect(gaps.length).toBeGreaterThan(2);
		// At a tick, 50 ms, after 0.1, 2, 4 and 8 s: an outage of 14 s costs no record.
		expect(gaps.slice(0, 4)).toEqual([100, 2_000, 4_000, 8_000]);
		// Each try is told, and once that there is no dead-letter store.
		expect(failures.filter(({ during }) => during === 'replay').length).toBe(tries.length + 1);
		broken = false;
		await clock.advance(60_000);
		expect(shedder.stats()).toMatchObject({ waiting: 0, replayed: 3 });
		expect(replayed.at(-1)?.n).toBe(2);
		await shedder.stop();
	});

	it('M3: failures that are over at the next try hardly slow the replay down', async () => {
		const failed = new Set<number>();
		const made = await backlog(3_000, {}, async ({ n = 0 }) => {
			if (n % 100 !== 50 || failed.has(n)) return;
			failed.add(n);
			throw new Error('flaky');
		});
		await drain(made);
		const ms = (made.replayed.at(-1)?.atMs ?? Number.NaN) - (made.replayed[0]?.atMs ?? Number.NaN);
		expect(failed.size).toBe(30);
		// Without failures it takes 12 s; with 30 pauses of a second, in which the pace falls back each time, 250 s.
		expect(ms).toBeLessThan(20_000);
		await made.shedder.stop();
	});

	it('M3: a record that fails for the first time does not bring the retry of another one forward', async () => {
		const slow = deferred();
		const tries: number[] = [];
		const clock = manualClock();
		const made = await backlog(2, { clock, replay: { concurrency: 2 } }, async ({ n }) => {
			if (n === 0 && tries.push(clock.nowMs()) === 2) slow.resolve();
			if (n === 1) await slow.promise;
			throw new Error('poison');
		});
		await drain(made, 20_000);
		const gaps = tries.slice(1).map((atMs, i) => atMs - (tries[i] as number));
		expect(gaps.slice(0, 3)).toEqual([100, 2_000, 4_000]);
		await made.shedder.stop();
	});

	it('M3: only the partition of a failing record waits', async () => {
		const store = partitioned(2);
		const made = await backlog(10, { spill: store }, async (message) => {
			if ((message.n ?? 0) % 2 === 0) throw new Error('poison');
		});
		await drain(made, 30_000);
		expect(made.shedder.stats()).toMatchObject({ waiting: 5, replayed: 5 });
		const stopping = made.shedder.stop();
		await made.clock.advance(20_000);
		await stopping;
	});

	it('M3: only the partition of a record whose handler hangs waits', async () => {
		const store = partitioned(2);
		const hanging = deferred();
		const made = await backlog(10, { spill: store }, (message) =>
			(message.n ?? 0) % 2 === 0 ? hanging.promise : Promise.resolve(),
		);
		await drain(made, 60_000);
		expect(made.shedder.stats()).toMatchObject({ waiting: 5, replayed: 5 });
		const stopping = made.shedder.stop();
		await made.clock.advance(20_000);
		await stopping;
		hanging.resolve();
		await settled();
	});

	it('M3: a lost acknowledgement is tried again, and nothing is handled twice for it', async () => {
		const { store, trouble } = unruly();
		const made = await backlog(5, { spill: store });
		trouble.ack = fails('no connection');
		await drain(made, 10_000);
		expect(made.shedder.stats()).toMatchObject({ replayed: 0, waiting: 5 });
		delete trouble.ack;
		await made.clock.advance(120_000);
		expect(made.shedder.stats()).toMatchObject({ replayed: 5, waiting: 0 });
		expect(made.replayed.map(({ n }) => n)).toEqual([0, 1, 2, 3, 4]);
		await made.shedder.stop();
	});

	it('M3: a read that hangs is given up after 10 s and tried again', async () => {
		const { store, trouble } = unruly();
		const made = await backlog(2, { spill: store });
		trouble.read = () => new Promise(() => {});
		await drain(made, 15_000);
		expect(made.failures.map(({ error }) => (error as Error).message)).toEqual([
			'spill.read took longer than 10000 ms',
		]);
		delete trouble.read;
		await made.clock.advance(60_000);
		expect(made.shedder.stats()).toMatchObject({ replayed: 2, waiting: 0 });
		await made.shedder.stop();
	});

	it('M3: what has expired is acknowledged and counted, and not handled', async () => {
		const store = memorySpill();
		const made = await backlog(4, { spill: { store, expiresAfterMs: 60_000 } });
		await made.clock.advance(60_000);
		await drain(made);
		expect(made.replayed).toEqual([]);
		expect(made.shedder.stats()).toMatchObject({ expired: 4, replayed: 0, waiting: 0 });
		expect(imbalance(made.shedder.stats())).toBe(0);
		await made.shedder.stop();
	});

	it.each(['oldest-first', 'latest-per-key'] as const)(
		'M3: records that are not worth handling take little of each turn, by all partitions together, %s',
		async (order) => {
			const store = partitioned(4);
			let read = 0;
			const counting: SpillStore = {
				...store,
				async read(options) {
					const records = await store.read(options);
					read += records.length;
					return records;
				},
			};
			await store.append(
				Array.from({ length: 8_000 }, (_, n) => ({
					id: String(n),
					key: `k${n % 8}`,
					payload: new TextEncoder().encode('{}'),
					enqueuedAtMs: 0,
					expiresAtMs: order === 'oldest-first' ? 1 : undefined,
					headers: { handler: 'default', tier: 'bronze', priority: 'normal' },
				})),
			);
			const { shedder, clock } = driver({ spill: counting, replay: { order } });
			shedder.wrap(() => {});
			shedder.start();
			let most = 0;
			for (let passed = 0; passed < 10_000 && (passed < 1_000 || shedder.stats().waiting > 0); passed += 50) {
				const before = read;
				await clock.advance(50);
				await settled(2_000);
				most = Math.max(most, read - before);
			}
			const { waiting, expired, replayed } = shedder.stats();
			expect({ waiting, ended: expired + replayed }).toEqual({ waiting: 0, ended: 8_000 });
			expect(expired).toBeGreaterThan(7_000);
			// Those that all partitions began to read before the quota was used up come on top.
			expect(most).toBeGreaterThan(1_000);
			expect(most).toBeLessThan(1_024 + 4 * 256);
			await shedder.stop();
		},
	);

	it('M3: stop acknowledges all that was handled, also while an earlier acknowledgement is under way', async () => {
		const { store, trouble, inner } = unruly();
		const [second, confirmed] = [deferred(), deferred()];
		const made = await backlog(5, { spill: store }, ({ n }) => (n === 1 ? second.promise : undefined));
		trouble.ack = () => confirmed.promise;
		await drain(made, 5_000);
		expect(made.replayed.map(({ n }) => n)).toEqual([0, 1]);
		const stopping = made.shedder.stop();
		second.resolve();
		await settled();
		confirmed.resolve();
		await stopping;
		expect(made.shedder.stats()).toMatchObject({ waiting: 3, replayed: 2 });
		expect((await inner.stats()).records).toBe(3);
		expect(made.clock.timers).toBe(0);
	});

	it('M3: stop tries once more to acknowledge what the store has just refused to, and no more', async () => {
		for (const works of [true, false]) {
			const { store, trouble, inner } = unruly();
			const answer = deferred();
			const made = await backlog(2, { spill: store }, ({ n }) => (n === 1 ? answer.promise : undefined));
			let tries = 0;
			let broken = true;
			trouble.ack = async () => {
				tries++;
				if (broken) throw new Error('no connection');
			};
			await drain(made, 5_000);
			answer.resolve();
			await settled();
			broken = !works;
			const before = tries;
			expect(before).toBeGreaterThan(0);
			await made.shedder.stop();
			expect(tries).toBe(before + 1);
			expect(made.shedder.stats()).toMatchObject(works ? { waiting: 0, replayed: 2 } : { waiting: 2, replayed: 0 });
			expect((await inner.stats()).records).toBe(works ? 0 : 2);
		}
	});

	it('M3: stop finishes the record under way, within its bound, and begins no other', async () => {
		const answers: ReturnType<typeof deferred<void>>[] = [];
		const made = await backlog(5, {}, () => {
			const answer = deferred();
			answers.push(answer);
			return answer.promise;
		});
		await drain(made, 5_000);
		expect(answers.length).toBe(1);
		const stopping = made.shedder.stop();
		await settled();
		answers[0]?.resolve();
		await stopping;
		expect(answers.length).toBe(1);
		expect(made.shedder.stats()).toMatchObject({ waiting: 4, replayed: 1 });
		expect(made.clock.timers).toBe(0);
	});
});

function later(clock: ManualClock, ms: number): Promise<void> {
	if (ms === 0) return Promise.resolve();
	return new Promise((resolve) => {
		const cancel = clock.every(ms, () => {
			cancel();
			resolve();
		});
	});
}
