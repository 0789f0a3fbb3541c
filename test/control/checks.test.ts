import { describe, expect, it, vi } from 'vitest';
import { createController, defineLadder, memorySpill, type SignalSource } from '../../src/index.js';
import { manualClock } from '../../src/testing/index.js';
import { fc } from '../support/property.js';
import {
	type Deferred,
	deferred,
	driver,
	expectNoLeaks,
	fails,
	LOAD,
	ladder,
	memoryOf,
	never,
	settled,
	slow,
	spec,
	unruly,
} from './driver.js';

expectNoLeaks();

const two = defineLadder({
	priorities: { protected: 'critical', sheddable: ['normal'] },
	signals: { lag: { recoverBelow: 0.5 }, heap: { recoverBelow: 0.9 } },
	levels: [{ name: 'NORMAL' }, { name: 'SOFT', enterAt: { lag: 1_000, heap: 0.8 } }],
	cooldownMs: 1_000,
});

describe('checks (M6)', () => {
	it('M6: are serialised, and each reads every signal once and concurrently', async () => {
		const reads: Deferred<number>[] = [];
		let running = 0;
		let most = 0;
		const read = () => {
			running++;
			most = Math.max(most, running);
			const answer = deferred<number>();
			reads.push(answer);
			return answer.promise.finally(() => running--);
		};
		const controller = createController({ ladder: two, signals: { lag: read, heap: read }, clock: manualClock() });
		const checks = [controller.check(), controller.check()];
		await settled();
		expect([reads.length, most]).toEqual([2, 2]);
		for (const answer of reads.splice(0)) answer.resolve(0);
		await checks[0];
		await settled();
		expect([reads.length, most]).toEqual([2, 2]);
		for (const answer of reads.splice(0)) answer.resolve(2_000);
		expect((await checks[1])?.to).toBe('SOFT');
		await controller.stop();
	});

	it('M6: a signal that hangs is given up after 2 s, and what it says later is ignored', async () => {
		const clock = manualClock();
		const answers: Deferred<number>[] = [];
		const controller = createController({
			ladder: two,
			signals: {
				lag: () => {
					const answer = deferred<number>();
					answers.push(answer);
					return answer.promise;
				},
				heap: () => 0,
			},
			clock,
		});
		const failures: unknown[] = [];
		controller.on('failed', ({ name, error }) => failures.push([name, (error as Error).message]));
		const first = controller.check();
		await clock.advance(2_000);
		expect(await first).toBeNull();
		expect(failures).toEqual([['lag', 'signal "lag" took longer than 2000 ms']]);
		// It is not asked again while it is silent, so nothing piles up.
		expect(await controller.check()).toBeNull();
		expect(answers.length).toBe(1);
		answers[0]?.resolve(5_000);
		await settled();
		expect(controller.level).toBe('NORMAL');
		// Once it has spoken it is asked again.
		const next = controller.check();
		await settled();
		expect(answers.length).toBe(2);
		answers[1]?.resolve(5_000);
		expect((await next)?.to).toBe('SOFT');
		await controller.stop();
		expect(clock.timers).toBe(0);
	});

	it('M6: a reading that is no number, given at once or later, is unknown for that check only', async () => {
		for (const bad of [undefined, null, '5000', {}, true]) {
			for (const late of [false, true]) {
				let answer: unknown = bad;
				const lag = (() => (late ? Promise.resolve(answer) : answer)) as () => number;
				const controller = createController({ ladder: two, signals: { lag, heap: () => 0 }, clock: manualClock() });
				const failures: unknown[] = [];
				controller.on('failed', ({ during, name }) => failures.push(`${during} ${name}`));
				await controller.check();
				expect(controller.level).toBe('NORMAL');
				expect(failures).toEqual(['signal lag']);
				answer = 5_000;
				await controller.check();
				expect(controller.level, `after ${String(bad)}, ${late ? 'late' : 'at once'}`).toBe('SOFT');
				await controller.stop();
			}
		}
	});

	it('M6: start checks at once and then every checkEveryMs; starting twice is starting once', async () => {
		for (const checkEveryMs of [undefined, 70]) {
			const clock = manualClock();
			const read = vi.fn(() => 0);
			const controller = createController({ ladder, signals: { load: read }, clock, checkEveryMs });
			expect(clock.timers).toBe(0);
			controller.start();
			controller.start();
			await settled();
			expect(read).toHaveBeenCalledTimes(1);
			await clock.advance((checkEveryMs ?? 500) - 1);
			expect(read).toHaveBeenCalledTimes(1);
			await clock.advance(1);
			expect(read).toHaveBeenCalledTimes(2);
			await clock.advance((checkEveryMs ?? 500) * 10);
			expect(read).toHaveBeenCalledTimes(12);
			await controller.stop();
			await clock.advance(10_000);
			expect(read).toHaveBeenCalledTimes(12);
			expect(clock.timers).toBe(0);
		}
	});

	it('M6: a check that is still under way is not joined by a second one of the timer', async () => {
		const clock = manualClock();
		const answer = deferred<number>();
		const read = vi.fn(() => answer.promise);
		const controller = createController({ ladder, signals: { load: read }, clock });
		controller.start();
		await clock.advance(1_900);
		expect(read).toHaveBeenCalledTimes(1);
		answer.resolve(0);
		await clock.advance(100);
		expect(read).toHaveBeenCalledTimes(2);
		await controller.stop();
	});

	it('M6: start after stop throws, and says what to do instead', async () => {
		const { shedder } = driver();
		await shedder.stop();
		expect(() => shedder.start()).toThrow('a stopped shedder cannot be started again: create a new one');
		expect(() => shedder.controller.start()).toThrow('a stopped controller cannot be started again: create a new one');
	});

	it('M6: a check that is asked for after stop changes nothing', async () => {
		const { shedder, setLoad } = driver();
		await shedder.stop();
		setLoad(LOAD.AGGRESSIVE);
		expect(await shedder.check()).toBeNull();
		expect(shedder.level).toBe('NORMAL');
	});

	it('M6: stop closes every signal, though one throws and one hangs', async () => {
		const clock = manualClock();
		const closed: string[] = [];
		const source = (name: string, close: () => void | Promise<void>): SignalSource => ({
			read: () => 0,
			close() {
				closed.push(name);
				return close();
			},
		});
		const controller = createController({
			ladder: two,
			signals: {
				lag: source('lag', () => {
					throw new Error('already closed');
				}),
				heap: source('heap', never),
			},
			clock,
		});
		const failures: string[] = [];
		controller.on('failed', ({ during, name, error }) =>
			failures.push(`${during} ${name}: ${(error as Error).message}`),
		);
		controller.start();
		const stopping = controller.stop();
		await clock.advance(2_000);
		await stopping;
		expect(closed).toEqual(['lag', 'heap']);
		expect(failures).toEqual([
			'signal lag: already closed',
			'signal heap: closing signal "heap" took longer than 2000 ms',
		]);
		expect(clock.timers).toBe(0);
	});

	it('M6: what fails while stopping is told to those who listen to the shedder', async () => {
		const { shedder, failures } = driver({
			signals: {
				load: {
					read: () => 0,
					close() {
						throw new Error('already closed');
					},
				},
			},
		});
		await shedder.stop();
		expect(failures.map(({ during, name }) => `${during} ${name}`)).toEqual(['signal load']);
	});

	it('M6: stop settles everything, however the outside behaves, and stopping twice is stopping once', async () => {
		const kinds = fc.constantFrom<'works' | 'hangs' | 'fails'>('works', 'hangs', 'fails');
		const given = fc.record({
			signal: kinds,
			open: kinds,
			append: kinds,
			read: kinds,
			stats: kinds,
			close: kinds,
			level: fc.constantFrom<keyof typeof LOAD>('NORMAL', 'AGGRESSIVE', 'CIRCUIT_BREAK'),
			runForMs: fc.constantFrom(0, 1, 49, 500, 3_000),
		});
		await fc.assert(
			fc.asyncProperty(given, async ({ signal, level, runForMs, ...store }) => {
				const clock = manualClock();
				const { store: spill, trouble } = unruly();
				for (const [operation, kind] of Object.entries(store)) {
					if (kind === 'hangs') trouble[operation as keyof typeof trouble] = never;
					if (kind === 'fails') trouble[operation as keyof typeof trouble] = fails(`${operation} failed`);
				}
				const read = {
					works: () => LOAD[level],
					hangs: () => never(),
					fails: fails('no reading'),
				}[signal];
				const { shedder } = driver({ clock, spill, signals: { load: read } });
				const handle = shedder.wrap(() => {});
				shedder.start();
				const outcomes = [handle({ key: 'x' }), handle({ key: 'S1' })];
				await clock.advance(runForMs);
				outcomes.push(handle({ key: 'x' }), handle({ key: 'G1' }));
				const stopping = shedder.stop();
				expect(shedder.stop()).toBe(stopping);
				// Every wait has a bound; these are the longest ones in a row.
				await clock.advance(60_000);
				await stopping;
				await Promise.all(outcomes);
				expect(clock.timers).toBe(0);
				expect(shedder.stats().inFlight).toBe(0);
			}),
			slow,
		);
	});

	it('M6: no timer is left when stop has resolved, though the store never opened', async () => {
		const { store, trouble } = unruly();
		trouble.open = never;
		const { shedder, clock } = driver({ spill: store });
		shedder.start();
		await clock.advance(100);
		const stopping = shedder.stop();
		for (let passed = 0; passed < 30_000 && !(await done(stopping)); passed += 100) await clock.advance(100);
		expect(clock.timers).toBe(0);
	});

	it('M6: a store that hangs slows no check down for longer than its bound', async () => {
		const { store, trouble } = unruly(memorySpill());
		const { shedder, clock, at, setLoad, failures } = driver({ spill: store });
		await at('AGGRESSIVE');
		await shedder.wrap(() => {})({ key: 'x' });
		trouble.stats = never;
		setLoad(LOAD.CIRCUIT_BREAK);
		const told = () => failures.filter(({ during }) => during === 'spill').map(({ error }) => String(error));
		const check = shedder.check();
		await clock.advance(250);
		expect((await check)?.to).toBe('CIRCUIT_BREAK');
		expect(told()).toEqual([]);
		// Later checks do not wait at all; once it has taken too long, it is told once.
		await clock.advance(1_749);
		await shedder.check();
		expect(told()).toEqual([]);
		await clock.advance(1);
		for (let i = 0; i < 3; i++) await shedder.check();
		expect(told()).toEqual(['TimeoutError: spill.stats took longer than 2000 ms']);
	});

	it('M6: while the figures of a store are late or fail, its last ones count', async () => {
		for (const trouble of [never, fails('disk gone')]) {
			const { store, trouble: operations } = unruly(memoryOf({ full: 0.9 }));
			const { shedder, clock, at } = driver({ spill: store });
			await at('AGGRESSIVE');
			await shedder.wrap(() => {})({ key: 'x' });
			const fullness = () => (shedder.controller as unknown as { readonly spillFull: number }).spillFull;
			await shedder.check();
			expect(fullness()).toBe(0.9);
			operations.stats = trouble;
			for (let i = 0; i < 3; i++) {
				const check = shedder.check();
				await clock.advance(250);
				await check;
				expect(fullness()).toBe(0.9);
			}
		}
	});

	it('M6: the effects of a transition are carried out before it is told', async () => {
		const calls: string[] = [];
		const { shedder, setLoad } = driver({
			intake: { pause: () => void calls.push('pause'), resume: () => void calls.push('resume') },
		});
		shedder.on('transitioned', ({ to }) => calls.push(to));
		setLoad(LOAD.CIRCUIT_BREAK);
		await shedder.check();
		expect(calls).toEqual(['pause', 'CIRCUIT_BREAK']);
	});

	it('M6: transitions are told in the order in which they happened, though a listener overrides in between', async () => {
		const { shedder, setLoad } = driver();
		const told: string[] = [];
		shedder.on('intakeChanged', ({ paused }) => {
			if (paused) shedder.override({ level: 'SOFT', ttlMs: 1_000, reason: 'not now' });
		});
		shedder.on('transitioned', ({ from, to }) => told.push(`${from} > ${to}`));
		setLoad(LOAD.CIRCUIT_BREAK);
		await shedder.check();
		expect(told).toEqual(['NORMAL > CIRCUIT_BREAK', 'CIRCUIT_BREAK > SOFT']);
	});

	it('M6: options are checked together and refused with one message', () => {
		const wrong = {
			ladder,
			signals: { laod: () => 0 },
			intakes: {},
			checkEveryMs: 0,
			capacityPerS: Number.NaN,
		} as unknown as Parameters<typeof createController<string, string, string, string, string>>[0];
		expect(() => createController(wrong)).toThrow(
			[
				'invalid controller (5 problems):',
				'controller.intakes: an object must be absent: controller has ladder, signals, intake, checkEveryMs, clock, capacityPerS',
				'signals.load: undefined must be a source: a function, or an object with read()',
				'signals.laod: "laod" must be a signal of the ladder (load)',
				'checkEveryMs: 0 must be a number above 0 and below 2 ** 31',
				'capacityPerS: NaN must be a finite number above 0',
			].join('\n'),
		);
	});

	it('M6: an interval that a timer takes for 1 ms is refused', () => {
		for (const checkEveryMs of [2 ** 31, Number.POSITIVE_INFINITY, '500' as unknown as number]) {
			expect(() => createController({ ladder, signals: { load: () => 0 }, checkEveryMs })).toThrow(
				/checkEveryMs: .* must be a number above 0 and below 2 \*\* 31$/,
			);
		}
		createController({ ladder, signals: { load: () => 0 }, checkEveryMs: 2 ** 31 - 1 });
	});

	it('R11: no options at all are refused like a missing ladder', () => {
		const bare = createController as unknown as () => void;
		expect(bare).toThrow('invalid ladder (1 problem):\nmust be made by defineLadder');
	});

	it('R8: a source that cannot fall while paused is refused where the ladder assumes that it can', () => {
		const { levels, ...rest } = spec;
		const same = defineLadder({ ...rest, levels });
		expect(() =>
			createController({ ladder: same, signals: { load: { read: () => 0, fallsWhilePaused: false } } }),
		).toThrow(
			[
				'invalid controller (1 problem):',
				'signals.load.fallsWhilePaused: undefined must be false in the ladder: its source does not fall while intake is paused (R8)',
			].join('\n'),
		);
	});
});

async function done(promise: Promise<unknown>): Promise<boolean> {
	let settledAlready = false;
	promise.finally(() => {
		settledAlready = true;
	});
	await settled();
	return settledAlready;
}
