import { createHook } from 'node:async_hooks';
import { describe, expect, it, vi } from 'vitest';
import {
	ConfigError,
	createController,
	createLoadShedder,
	defineTiers,
	memorySpill,
	messageAge,
	SpillError,
	type SpillStore,
} from '../../src/index.js';
import { manualClock } from '../../src/testing/index.js';
import {
	driver,
	expectNoLeaks,
	imbalance,
	type Level,
	LOAD,
	ladder,
	type Message,
	type Priority,
	settled,
	slow,
	tiers,
	unruly,
} from '../control/driver.js';
import { fc } from '../support/property.js';

expectNoLeaks();

const levels = fc.constantFrom<Level>('NORMAL', 'SOFT', 'GRACEFUL', 'AGGRESSIVE', 'CIRCUIT_BREAK');
const keys = fc.constantFrom('G1', 'S1', 'x');
const priorities = fc.constantFrom<Priority | undefined>('critical', 'high', 'normal', 'low', undefined);

/** The treatment that the ladder of these tests promises. */
function promised(level: Level, priority: Priority): 'process' | 'drop' | 'spill' {
	if (priority === 'low') return LOAD[level] >= LOAD.GRACEFUL ? 'drop' : 'process';
	if (priority === 'critical') return 'process';
	return LOAD[level] >= LOAD.AGGRESSIVE ? 'spill' : 'process';
}

function tierPriority(key: string): Priority {
	return key.startsWith('G') ? 'critical' : key.startsWith('S') ? 'high' : 'normal';
}

describe('one message (M1, D4)', () => {
	it('M1: one decision and one counter a message, D4: its own priority goes before its tier', async () => {
		await fc.assert(
			fc.asyncProperty(
				levels,
				fc.array(fc.record({ key: keys, priority: priorities }), { maxLength: 20 }),
				async (level, messages) => {
					const { shedder, at } = driver({ spill: memorySpill() });
					await at(level);
					const handler = vi.fn((message: Message) => message.key);
					const handle = shedder.wrap(handler);
					const counted = () => shedder.stats().decisions.reduce((sum, { n }) => sum + n, 0);
					for (const [i, message] of messages.entries()) {
						const outcome = await handle(message);
						const priority = message.priority ?? tierPriority(message.key);
						const action = promised(level, priority);
						expect(outcome.action).toBe(action);
						expect(counted()).toBe(i + 1);
						expect(shedder.decide(message)).toMatchObject({ action, priority, level });
						expect(counted(), 'deciding alone counts nothing').toBe(i + 1);
					}
					const processed = messages.filter(
						({ key, priority }) => promised(level, priority ?? tierPriority(key)) === 'process',
					);
					expect(handler).toHaveBeenCalledTimes(processed.length);
					expect(shedder.stats()).toMatchObject({ offered: messages.length, processed: processed.length, inFlight: 0 });
					expect(imbalance(shedder.stats())).toBe(0);
				},
			),
			slow,
		);
	});

	it('M1: a message on the processing path reads no system clock and tells nobody', async () => {
		const { shedder } = driver({ signals: { load: messageAge() }, timeOf: (message) => message.atMs ?? 0 });
		const handle = shedder.wrap((message: Message) => message.key);
		await handle({ key: 'G1' });
		const heard = vi.fn();
		for (const event of ['transitioned', 'intakeChanged', 'overridden', 'failed', 'dropped', 'replayed'] as const)
			shedder.on(event, heard);
		const clocks = [vi.spyOn(performance, 'now'), vi.spyOn(Date, 'now')];
		for (let i = 0; i < 10; i++) await handle({ key: 'G1' });
		for (const clock of clocks) expect(clock).not.toHaveBeenCalled();
		expect(heard).not.toHaveBeenCalled();
	});

	it('M1: a sync handler costs the one promise that carries the outcome, an async one none but its own and that', async () => {
		const { shedder } = driver();
		const sync = shedder.wrap(() => 1, { name: 'sync' });
		const ready = Promise.resolve(1);
		const later = shedder.wrap(() => ready, { name: 'later' });
		const message = { key: 'G1' };
		await sync(message);
		await later(message);
		expect(promisesOf(() => void sync(message))).toBe(1);
		expect(promisesOf(() => void later(message))).toBe(1);
	});

	it('M1: drops and rejections cost one promise too', async () => {
		const { shedder, at } = driver();
		const handle = shedder.wrap(() => 1);
		await at('GRACEFUL');
		const message: Message = { key: 'x', priority: 'low' };
		await handle(message);
		expect(promisesOf(() => void handle(message))).toBe(1);
	});

	it('M1: the handler is called before wrap returns, so that order is the order of the calls', () => {
		const { shedder } = driver();
		const order: number[] = [];
		const handle = shedder.wrap((message: Message) => order.push(message.n ?? 0));
		for (const n of [1, 2, 3]) void handle({ key: 'x', n });
		expect(order).toEqual([1, 2, 3]);
	});

	it('M1: the context says what the message is treated by, is frozen and shared', async () => {
		const { shedder, at } = driver();
		const contexts: unknown[] = [];
		const handle = shedder.wrap((_: Message, context) => contexts.push(context));
		await at('SOFT');
		await handle({ key: 'G1' });
		await handle({ key: 'G2' });
		expect(contexts[0]).toEqual({
			level: 'SOFT',
			priority: 'critical',
			features: { enrichment: false },
			replayed: false,
		});
		expect(contexts[1]).toBe(contexts[0]);
		expect(Object.isFrozen(contexts[0])).toBe(true);
	});

	it('D4: without tiers a total priorityOf decides, and everything is of the tier "all"', async () => {
		const shedder = createLoadShedder({
			ladder,
			signals: { load: () => LOAD.AGGRESSIVE },
			priorityOf: (message: Message): Priority => message.priority ?? 'normal',
			clock: manualClock(),
		});
		await shedder.check();
		expect(shedder.explain({ key: 'x', priority: 'low' })).toMatchObject({
			decision: { action: 'drop' },
			tier: 'all',
		});
		expect(shedder.decide({ key: 'x', priority: 'critical' }).action).toBe('process');
	});

	it('D4: without tiers, a message that priorityOf leaves out is protected, and that is told', async () => {
		const shedder = createLoadShedder({
			ladder,
			signals: { load: () => LOAD.AGGRESSIVE },
			keyOf: (message: Message) => message.key,
			priorityOf: (message: Message): Priority | undefined => message.priority,
			clock: manualClock(),
		});
		const failed = vi.fn();
		shedder.on('failed', failed);
		await shedder.check();
		expect(shedder.decide({ key: 'x' })).toMatchObject({ action: 'process', priority: 'critical' });
		expect(failed).toHaveBeenCalledWith({
			during: 'tiers',
			name: 'classify',
			error: new TypeError('priorityOf returned undefined, and there are no tiers to ask'),
		});
	});

	it('D4: whatever keyOf, priorityOf and timeOf throw or return, no message is lost and protected ones are processed', async () => {
		const garbage = fc.oneof(
			fc.constant('throws'),
			fc.constantFrom<unknown>(
				undefined,
				null,
				0,
				7,
				Number.NaN,
				Number.POSITIVE_INFINITY,
				'',
				'__proto__',
				{},
				[],
				Symbol.iterator,
				5n,
			),
		);
		const given = fc.record({
			keyOf: garbage,
			priorityOf: garbage,
			timeOf: garbage,
			level: levels,
			batch: fc.boolean(),
		});
		const answer = (kind: unknown) => () => {
			if (kind === 'throws') throw new Error('no idea');
			return kind as never;
		};
		await fc.assert(
			fc.asyncProperty(given, async ({ keyOf, priorityOf, timeOf, level, batch }) => {
				const { store } = unruly();
				const age = messageAge();
				const { shedder, clock, failures } = driver({
					keyOf: answer(keyOf),
					priorityOf: (message) => (message.priority === 'critical' ? 'critical' : answer(priorityOf)()),
					timeOf: answer(timeOf),
					spill: store,
					signals: { load: age },
				});
				shedder.override({ level, ttlMs: 60_000, reason: 'test' });
				await shedder.check();
				const handled: Message[] = [];
				const handler = (message: Message) => handled.push(message);
				const one = shedder.wrap(handler, { name: 'one' });
				const many = shedder.wrapBatch((message: Message) => handler(message), { name: 'many' });
				const messages: Message[] = [
					{ key: 'a', priority: 'critical' },
					{ key: 'b' },
					{ key: 'c', priority: 'critical' },
				];
				const outcomes = batch ? await many(messages) : await Promise.all(messages.map(one));
				for (const [i, { action }] of outcomes.entries()) {
					expect(['process', 'spill']).toContain(action);
					if (messages[i]?.priority === 'critical' && keyOf !== 'throws') expect(action).toBe('process');
				}
				const spilled = outcomes.filter(({ action }) => action === 'spill').length;
				expect(handled.length).toBe(3 - spilled);
				const stats = await store.stats();
				expect(stats.records).toBe(spilled);
				expect(stats.bytes, 'the store knows how full it is').not.toBeNaN();
				expect(imbalance(shedder.stats())).toBe(0);
				if (keyOf === 'throws') expect(failures.map(({ during }) => during)).toContain('tiers');
				await clock.advance(100);
			}),
			slow,
		);
	});

	it('D4: deciding and explaining do not throw where handling does not', async () => {
		const { shedder } = driver({
			keyOf: () => {
				throw new Error('no key');
			},
		});
		expect(shedder.admit({ key: 'x' }).priority).toBe('critical');
		expect(shedder.decide({ key: 'x' }).priority).toBe('critical');
		expect(shedder.explain({ key: 'x' }).decision.action).toBe('process');
	});

	it('M1: a handler that answers with a thenable of its own is waited for', async () => {
		const { shedder } = driver();
		// biome-ignore lint/suspicious/noThenProperty: this is what query builders look like.
		const query = { then: (yes: (value: number) => void) => yes(7) } as unknown as Promise<number>;
		const handle = shedder.wrap(() => query);
		expect(await handle({ key: 'x' })).toEqual({ action: 'process', value: 7 });
		expect(shedder.stats()).toMatchObject({ processed: 1, inFlight: 0 });
	});

	it('M2: a handler that throws or rejects rejects with its own error, is counted as failed, and is not told as a failure of ours', async () => {
		const { shedder, failures } = driver();
		const error = new Error('of the handler');
		const sync = shedder.wrap(
			() => {
				throw error;
			},
			{ name: 'sync' },
		);
		const later = shedder.wrap(() => Promise.reject(error), { name: 'later' });
		await expect(sync({ key: 'x' })).rejects.toBe(error);
		await expect(later({ key: 'x' })).rejects.toBe(error);
		expect(shedder.stats()).toMatchObject({ offered: 2, failed: 2, processed: 0, inFlight: 0 });
		expect(failures).toEqual([]);
	});

	it('M2: a name may be wrapped twice with one handler, and is refused for another', () => {
		const { shedder } = driver({ spill: memorySpill() });
		const handler = () => 1;
		shedder.wrap(handler, { name: 'a' });
		shedder.wrapBatch(handler, { name: 'a' });
		expect(() => shedder.wrap(() => 2, { name: 'a' })).toThrow(
			'invalid handler (1 problem):\nname: "a" must be unique: another handler has it, and spilled messages find theirs by name, so give each one its own',
		);
	});

	it('M2: where nothing is spilled names do not matter', async () => {
		const { shedder } = driver();
		const handlers = [shedder.wrap(() => 1), shedder.wrap(() => 2)];
		expect(await Promise.all(handlers.map((handle) => handle({ key: 'x' })))).toEqual([
			{ action: 'process', value: 1 },
			{ action: 'process', value: 2 },
		]);
	});

	it('D4: a promise is no priority and no key: the message is processed, told, and nobody else hears of a rejection', async () => {
		const later = async () => Promise.reject(new Error('too late'));
		const unhandled = vi.fn();
		process.on('unhandledRejection', unhandled);
		const signals = { load: () => 0 };
		const made = [
			createLoadShedder({ ladder, signals, priorityOf: later as unknown as () => 'low' }),
			createLoadShedder({ ladder, signals, tiers, keyOf: later as unknown as () => string }),
		];
		const told: string[] = [];
		for (const shedder of made) {
			shedder.on('failed', ({ error }) => void told.push(String(error)));
			expect((await shedder.wrap(() => 1)({ key: 'x' })).action).toBe('process');
		}
		await new Promise(setImmediate);
		process.off('unhandledRejection', unhandled);
		expect(unhandled).not.toHaveBeenCalled();
		expect(told).toEqual([
			'TypeError: priorityOf returned a promise: it has to be synchronous (rule D4)',
			'TypeError: keyOf returned a promise: it has to be synchronous (rule D4)',
		]);
	});

	it('M2: a value whose `then` throws is a handler that failed', async () => {
		const { shedder } = driver();
		const error = new Error('of then');
		const then = () => {
			throw error;
		};
		const odd = Object.fromEntries([['then', then]]);
		await expect(shedder.wrap(() => odd as unknown as Promise<number>)({ key: 'x' })).rejects.toBe(error);
		expect(shedder.stats()).toMatchObject({ failed: 1, inFlight: 0 });
	});

	it('options that are changed afterwards change nothing', async () => {
		const options = {
			ladder,
			signals: { load: () => LOAD.AGGRESSIVE },
			priorityOf: (): Priority => 'normal',
			mode: 'enforce',
		};
		const shedder = createLoadShedder(options as typeof options & { mode: 'enforce' });
		Object.assign(options, { priorityOf: () => 'critical', mode: 'observe' });
		Object.assign(options.signals, { load: () => 0 });
		while ((await shedder.check()) !== null);
		expect(shedder.stats()).toMatchObject({ mode: 'enforce', level: 'AGGRESSIVE' });
		expect(shedder.decide({})).toMatchObject({ priority: 'normal', action: 'spill' });
	});

	it('refuses options that do not fit together with one message', () => {
		const clock = manualClock();
		const signals = { load: () => 0 };
		expect(() => createLoadShedder({ ladder, signals, clock, tiers })).toThrow(
			'invalid shedder (1 problem):\nkeyOf: undefined must be given together with tiers',
		);
		expect(() => createLoadShedder({ ladder, signals, clock })).toThrow(
			'invalid shedder (1 problem):\ntiers: undefined must be given together with keyOf, unless a total priorityOf is',
		);
		const wrong = { mode: 'dry', replay: { upTo: 'MILD', maxPerS: 0 } } as unknown as { readonly mode: 'off' };
		expect(() => createLoadShedder({ ladder, signals, clock, priorityOf: () => 'low', ...wrong })).toThrow(
			[
				'invalid shedder (3 problems):',
				'mode: "dry" must be one of "enforce", "observe", "off"',
				'replay.upTo: "MILD" must be a level (NORMAL, SOFT, GRACEFUL, AGGRESSIVE, CIRCUIT_BREAK)',
				'replay.maxPerS: 0 must be above 0',
			].join('\n'),
		);
		const nan = { replay: { maxPerS: Number.NaN } };
		expect(() => createLoadShedder({ ladder, signals, clock, priorityOf: () => 'low', ...nan })).toThrow(
			'invalid shedder (1 problem):\nreplay.maxPerS: NaN must be above 0',
		);
	});
});

describe('options that say nothing', () => {
	const given = { ladder, signals: { load: () => 0 }, priorityOf: () => 'low' as const };
	const refused = (options: object) => {
		try {
			createLoadShedder(options as typeof given);
			return [];
		} catch (error) {
			expect(error).toBeInstanceOf(ConfigError);
			return (error as ConfigError).problems.map(({ message }) => message);
		}
	};

	it('refuses names that it does not know, with what else is wrong', () => {
		const spill = { store: memorySpill(), deadletter: memorySpill() };
		const misspelt = { replay: { maxPerSecond: 1 }, spill, skipToLive: { after: 1 }, mode: 'dry', spil: 1 };
		expect(refused({ ...given, ...misspelt })).toEqual([
			'shedder.spil: 1 must be absent: shedder has tiers, keyOf, priorityOf, timeOf, spill, replay, skipToLive, mode, ladder, signals, intake, checkEveryMs, clock, capacityPerS',
			'mode: "dry" must be one of "enforce", "observe", "off"',
			'replay.maxPerSecond: 1 must be absent: replay has upTo, maxPerS, attempts, concurrency, order',
			'skipToLive.after: 1 must be absent: skipToLive has afterMs',
			'skipToLive.afterMs: undefined must be above 0',
			'timeOf: undefined must be given together with skipToLive',
			'spill.deadletter: an object must be absent: spill has store, codec, idOf, expiresAfterMs, deadLetters, keyFence, whenSpillFails',
		]);
	});

	it('refuses options of a controller beside a controller', () => {
		const controller = createController({ ladder, signals: given.signals });
		expect(refused({ controller, priorityOf: given.priorityOf, checkEveryMs: 100 })).toEqual([
			'shedder.checkEveryMs: 100 must be absent: shedder has tiers, keyOf, priorityOf, timeOf, spill, replay, skipToLive, mode, controller',
		]);
	});

	it('refuses what is no object where one belongs', () => {
		const bare = createLoadShedder as unknown as () => void;
		expect(bare).toThrow('invalid shedder (1 problem):\nshedder: undefined must be an object');
		for (const value of [null, 7, 'x']) {
			const shown = JSON.stringify(value);
			expect(refused({ ...given, replay: value })).toEqual([`replay: ${shown} must be an object`]);
			expect(refused({ ...given, skipToLive: value })).toContain(`skipToLive: ${shown} must be an object`);
			expect(refused({ ...given, spill: value })).toEqual([
				`spill: ${shown} must be a spill store, or options with a store`,
			]);
		}
		expect(refused({ ...given, spill: { stor: memorySpill() } })).toEqual([
			'spill: an object must be a spill store, or options with a store',
			'spill.stor: an object must be absent: spill has store, codec, idOf, expiresAfterMs, deadLetters, keyFence, whenSpillFails',
		]);
	});

	it('takes a store that has a property named store for the store that it is', async () => {
		const inner = memorySpill();
		const { shedder, at } = driver({ spill: { ...inner, store: 'of eggs' } as SpillStore });
		await at('AGGRESSIVE');
		expect(await shedder.wrap(() => 1)({ key: 'x' })).toEqual({ action: 'spill' });
		expect((await inner.stats()).records).toBe(1);
	});

	it('refuses a controller that has been stopped', async () => {
		const controller = createController({ ladder, signals: given.signals });
		await controller.stop();
		expect(refused({ controller, priorityOf: given.priorityOf })).toEqual([
			'controller: an object must be one that has not been stopped: create a new one',
		]);
	});

	it('leaves no listener with an intake or a registry when it refuses', () => {
		let listeners = 0;
		const listen = () => {
			listeners++;
			return () => void listeners--;
		};
		const intake = { pause() {}, resume() {}, onAssignmentChange: listen };
		const wrongs = [
			{ mode: 'dry' },
			{ spil: 1 },
			{ tiers: {} },
			{ priorityOf: undefined },
			{ tiers: defineTiers({ tiers: [], fallback: { name: 'all', priority: 'unheard of' } }), keyOf: () => 'x' },
		];
		for (const wrong of wrongs) expect(refused({ ...given, intake, ...wrong })).not.toEqual([]);
		expect(listeners).toBe(0);
		expect(refused({ ...given, intake })).toEqual([]);
		expect(listeners).toBeGreaterThan(0);
	});
});

describe('a source that is read', () => {
	it('M7: may have properties of any name, and is not fed', async () => {
		class Gauge {
			offered = 0;
			left = 0;
			appending = true;
			filled = 0;
			read() {
				return LOAD.AGGRESSIVE;
			}
		}
		const { shedder, failures, at } = driver({ signals: { load: new Gauge() }, spill: memorySpill() });
		const handle = shedder.wrap(() => 1);
		expect(await handle({ key: 'G1' })).toEqual({ action: 'process', value: 1 });
		await at('AGGRESSIVE');
		expect(await handle({ key: 'x' })).toEqual({ action: 'spill' });
		await shedder.check();
		expect(failures).toEqual([]);
		expect(shedder.stats()).toMatchObject({ processed: 1, waiting: 1 });
	});

	it('M7: may throw when it is fed, and no message notices', async () => {
		const throws = (what: string) => () => {
			throw new Error(what);
		};
		const load = { read: () => 0, offered: throws('offered'), left: throws('left') };
		const { shedder, failures } = driver({ signals: { load } });
		expect(await shedder.wrap(() => 1)({ key: 'G1' })).toEqual({ action: 'process', value: 1 });
		expect(failures.map(({ during, name }) => `${during} ${name}`)).toEqual(['signal offered', 'signal left']);
		expect(shedder.stats().processed).toBe(1);
	});
});

describe('observing (D5)', () => {
	it.each(['observe', 'off'] as const)(
		'D5: in mode %s everything is processed with all features on, in any level',
		async (mode) => {
			await fc.assert(
				fc.asyncProperty(
					levels,
					fc.array(fc.record({ key: keys, priority: priorities })),
					fc.boolean(),
					async (level, messages, batch) => {
						const { store, appends } = unruly();
						const intake = { pause: vi.fn(), resume: vi.fn() };
						const { shedder, at } = driver({ mode, spill: store, intake });
						await at(level);
						expect(shedder.accepting).toBe(true);
						expect(shedder.isEnabled('enrichment')).toBe(true);
						const features: unknown[] = [];
						const handler = (_: Message, context: { readonly features: object }) => features.push(context.features);
						const outcomes = batch
							? await shedder.wrapBatch(handler)(messages)
							: await Promise.all(messages.map(shedder.wrap(handler)));
						expect(outcomes.every(({ action }) => action === 'process')).toBe(true);
						expect(features).toEqual(messages.map(() => ({ enrichment: true })));
						expect(appends).toEqual([]);
						expect(intake.pause).not.toHaveBeenCalled();
						const stats = shedder.stats();
						expect(stats).toMatchObject({
							offered: messages.length,
							processed: messages.length,
							dropped: 0,
							rejected: 0,
							accepting: true,
						});
						const wouldShed = messages.filter(
							({ key, priority }) => promised(level, priority ?? tierPriority(key)) !== 'process',
						).length;
						const counted = stats.decisions
							.filter(({ action }) => action !== 'process')
							.reduce((sum, { n }) => sum + n, 0);
						if (mode === 'observe') expect(counted).toBe(wouldShed);
						await shedder.stop();
					},
				),
				slow,
			);
		},
	);

	it('D5: where nothing is enforced admit lets everything in, for a caller that acts on it', async () => {
		for (const mode of ['observe', 'off'] as const) {
			const { shedder, at } = driver({ mode });
			await at('AGGRESSIVE');
			expect(shedder.admit({ key: 'x', priority: 'low' })).toMatchObject({
				action: 'process',
				features: { enrichment: true },
			});
			expect(shedder.stats()).toMatchObject({ offered: 1, processed: 1, dropped: 0, rejected: 0 });
		}
	});

	it('D5: intake stays open while all who share a controller observe, and closes once one enforces', async () => {
		const intake = { pause: vi.fn(), resume: vi.fn() };
		const controller = createController({ ladder, signals: { load: () => LOAD.CIRCUIT_BREAK }, intake });
		const options = { controller, keyOf: (m: Message) => m.key, tiers };
		const observing = createLoadShedder({ ...options, mode: 'observe' });
		const changed = vi.fn();
		controller.on('intakeChanged', changed);
		while ((await controller.check()) !== null);
		expect(controller.level).toBe('CIRCUIT_BREAK');
		expect([controller.accepting, observing.accepting, intake.pause.mock.calls.length]).toEqual([true, true, 0]);
		const enforcing = createLoadShedder(options);
		await controller.check();
		expect([enforcing.accepting, intake.pause.mock.calls.length]).toEqual([false, 1]);
		expect(changed.mock.calls).toEqual([[{ paused: true, probing: false }]]);
		await controller.stop();
		expect([enforcing.accepting, intake.resume.mock.calls.length]).toEqual([true, 1]);
		expect(changed.mock.calls.at(-1)).toEqual([{ paused: false, probing: false }]);
	});

	it('D5: who is off decides nothing, and says so', async () => {
		const { shedder, at } = driver({ mode: 'off', spill: memorySpill() });
		await at('AGGRESSIVE');
		const message = { key: 'x', priority: 'low' } as const;
		expect(shedder.decide(message)).toMatchObject({ action: 'process', features: { enrichment: true } });
		expect(shedder.explain(message).decision.action).toBe('process');
		expect(shedder.explain(message).text).not.toContain('dropped');
	});

	it('D5: a shedder that observes beside one that enforces changes nothing for it', async () => {
		const { shedder, at } = driver();
		const watching = createLoadShedder({
			controller: shedder.controller,
			keyOf: (m: Message) => m.key,
			tiers,
			mode: 'observe',
		});
		await at('CIRCUIT_BREAK');
		expect([shedder.accepting, watching.accepting]).toEqual([false, true]);
		expect((await watching.wrap(() => 1)({ key: 'x' })).action).toBe('process');
	});
});

describe('admitting (M1)', () => {
	it('M5: admit counts what the caller is told to do', async () => {
		const { shedder, at } = driver({ spill: memorySpill() });
		await at('AGGRESSIVE');
		const actions = (['critical', 'low', 'normal'] as const).map(
			(priority) => shedder.admit({ key: 'x', priority }).action,
		);
		expect(actions).toEqual(['process', 'drop', 'spill']);
		expect(shedder.stats()).toMatchObject({ offered: 3, processed: 1, dropped: 1, rejected: 1, waiting: 0 });
		expect(imbalance(shedder.stats())).toBe(0);
	});

	it('dropped: what admit dropped is told as something to backfill', async () => {
		const { shedder, at } = driver();
		const episodes = vi.fn();
		shedder.on('dropped', episodes);
		await at('GRACEFUL');
		shedder.admit({ key: 'x', priority: 'low' });
		await shedder.stop();
		expect(episodes).toHaveBeenCalledTimes(1);
		expect(episodes.mock.calls[0]?.[0]).toMatchObject({ priority: 'low', tier: 'bronze', count: 1 });
	});
});

describe('a missing store (M2, M8)', () => {
	it('M2: a level that spills without a store processes lean, tells it and counts it', async () => {
		const { shedder, failures, at } = driver();
		await at('AGGRESSIVE');
		const contexts: unknown[] = [];
		const handle = shedder.wrap((_: Message, context) => contexts.push(context.features.enrichment));
		expect((await handle({ key: 'x' })).action).toBe('process');
		expect(contexts).toEqual([false]);
		expect(failures.map(({ during }) => during)).toEqual(['spill']);
		expect(failures[0]?.error).toBeInstanceOf(SpillError);
		expect(failures[0]?.error).toMatchObject({
			code: 'SPILL_MISSING',
			message: 'the level spills, but the shedder has no spill store',
		});
		expect(shedder.stats().errors.spill).toBe(1);
		await settled();
	});

	it('M8: without a store it is told once, not for every message of an overload', async () => {
		const { shedder, failures, at } = driver();
		await at('AGGRESSIVE');
		const handle = shedder.wrap(() => 1);
		for (let i = 0; i < 5; i++) await handle({ key: 'x' });
		expect(failures.length).toBe(1);
	});
});

/** How many promises a call makes. */
function promisesOf(call: () => void): number {
	let made = 0;
	const hook = createHook({
		init(_id, type) {
			if (type === 'PROMISE') made++;
		},
	});
	hook.enable();
	call();
	hook.disable();
	return made;
}
