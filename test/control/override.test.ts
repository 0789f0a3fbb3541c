import { describe, expect, it, vi } from 'vitest';
import { ConfigError, createController, createLoadShedder, type Override } from '../../src/index.js';
import { manualClock } from '../../src/testing/index.js';
import { fc } from '../support/property.js';
import {
	driver,
	expectNoLeaks,
	type Level,
	LOAD,
	ladder,
	type Message,
	type MessageShedder,
	memoryOf,
	recordedIntake,
	tiers,
} from './driver.js';

expectNoLeaks();

const LEVELS = 'NORMAL, SOFT, GRACEFUL, AGGRESSIVE, CIRCUIT_BREAK';

describe('overrides (R10)', () => {
	it.each<[unknown, readonly string[]]>([
		[{ ttlMs: 1_000, reason: 'test' }, ['override: an object must be one that names a level, a floor or a ceiling']],
		[{ level: 'MILD', ttlMs: 1_000, reason: 'test' }, [`level: "MILD" must be a level (${LEVELS})`]],
		[
			{ floor: 'AGGRESSIVE', ceiling: 'SOFT', ttlMs: 1_000, reason: 'test' },
			['floor: "AGGRESSIVE" must be at or below the ceiling "SOFT"'],
		],
		[
			{ floor: 'HIGH', ceiling: 'LOW', ttlMs: 0, reason: ' ' },
			[
				`floor: "HIGH" must be a level (${LEVELS})`,
				`ceiling: "LOW" must be a level (${LEVELS})`,
				'ttlMs: 0 must be a finite number above 0: an override ends by itself',
				'reason: " " must be a text that says why',
			],
		],
		[
			{ level: 'SOFT', ttlMs: Number.POSITIVE_INFINITY },
			[
				'ttlMs: Infinity must be a finite number above 0: an override ends by itself',
				'reason: undefined must be a text that says why',
			],
		],
	])('R10: %j is refused with every problem, and changes nothing', (override, problems) => {
		const { shedder } = driver();
		const told = vi.fn();
		shedder.on('overridden', told);
		const head = `invalid override (${problems.length} problem${problems.length > 1 ? 's' : ''}):`;
		expect(() => shedder.override(override as Override<Level>)).toThrow([head, ...problems].join('\n'));
		expect(told).not.toHaveBeenCalled();
		expect(shedder.stats().override).toBeNull();
	});

	it('R10: a level together with a bound is refused, because nobody knows which one is meant', () => {
		const { shedder } = driver();
		const override = { level: 'SOFT', floor: 'GRACEFUL', ttlMs: 1_000, reason: 'which one?' };
		expect(() => shedder.override(override as unknown as Override<Level>)).toThrow(ConfigError);
		expect(shedder.level).toBe('NORMAL');
	});

	it('R10: is in force at once, ends by itself at its time and not before, and both can be seen', async () => {
		const { shedder, clock } = driver();
		const told: unknown[] = [];
		shedder.on('overridden', (change) => told.push(change));
		shedder.override({ level: 'AGGRESSIVE', ttlMs: 60_000, reason: 'drill', actor: 'ada' });
		expect(shedder.level).toBe('AGGRESSIVE');
		expect(shedder.decide({ key: 'x' }).action).toBe('spill');
		expect(shedder.stats().override).toMatchObject({
			floor: 'AGGRESSIVE',
			ceiling: 'AGGRESSIVE',
			remainingMs: 60_000,
			reason: 'drill',
			actor: 'ada',
		});
		shedder.start();
		await clock.advance(59_999);
		expect(shedder.level).toBe('AGGRESSIVE');
		expect(shedder.stats().override?.remainingMs).toBe(1);
		expect(shedder.stats().holds).toContainEqual(expect.objectContaining({ reason: 'override' }));
		await clock.advance(1);
		expect(shedder.level).toBe('NORMAL');
		expect(shedder.stats().override).toBeNull();
		expect(told).toEqual([
			{ active: true, reason: 'drill', actor: 'ada' },
			{ active: false, reason: 'drill', actor: 'ada' },
		]);
		await shedder.stop();
	});

	it('R10: the automatic state goes on underneath, and a bound binds one side only', async () => {
		const given = fc.record({
			kind: fc.constantFrom('level' as const, 'floor' as const, 'ceiling' as const),
			bound: fc.constantFrom<Level>('NORMAL', 'SOFT', 'GRACEFUL', 'AGGRESSIVE', 'CIRCUIT_BREAK'),
			automatic: fc.constantFrom<Level>('NORMAL', 'SOFT', 'GRACEFUL', 'AGGRESSIVE', 'CIRCUIT_BREAK'),
		});
		await fc.assert(
			fc.asyncProperty(given, async ({ kind, bound, automatic }) => {
				const { shedder, clock, setLoad } = driver();
				setLoad(LOAD[automatic]);
				const override = { [kind]: bound, ttlMs: 100, reason: 'test' } as Override<Level>;
				shedder.override(override);
				await shedder.check();
				const index = (level: Level) => ladder.levels.indexOf(level);
				const expected =
					kind === 'level'
						? index(bound)
						: kind === 'floor'
							? Math.max(index(bound), index(automatic))
							: Math.min(index(bound), index(automatic));
				expect(index(shedder.level)).toBe(expected);
				expect(shedder.snapshot().level).toBe(automatic);
				await clock.advance(100);
				await shedder.check();
				expect(shedder.level).toBe(automatic);
			}),
		);
	});

	it('R10: may be ended early, once, and a later one is not ended by an earlier end', () => {
		const { shedder } = driver();
		const told: string[] = [];
		shedder.on('overridden', ({ active, reason }) => told.push(`${reason} ${active ? 'on' : 'off'}`));
		const endFirst = shedder.override({ level: 'SOFT', ttlMs: 1_000, reason: 'first' });
		const endSecond = shedder.override({ floor: 'GRACEFUL', ttlMs: 1_000, reason: 'second' });
		expect(shedder.level).toBe('GRACEFUL');
		endFirst();
		expect(shedder.level).toBe('GRACEFUL');
		endSecond();
		endSecond();
		expect(shedder.level).toBe('NORMAL');
		expect(told).toEqual(['first on', 'first off', 'second on', 'second off']);
	});

	it('R10: holds on through a reload and a restore, from the first moment', async () => {
		const { intake, calls } = recordedIntake();
		const { shedder, at } = driver({ intake });
		await at('NORMAL');
		shedder.override({ floor: 'CIRCUIT_BREAK', ttlMs: 60_000, reason: 'maintenance' });
		const told = vi.fn();
		shedder.on('transitioned', told);
		shedder.reload(ladder);
		expect(shedder.level).toBe('CIRCUIT_BREAK');
		shedder.restore(shedder.snapshot());
		expect(shedder.level).toBe('CIRCUIT_BREAK');
		await shedder.check();
		expect(told).not.toHaveBeenCalled();
		expect(calls).toEqual(['pause']);
	});

	it('R10: an override does not shorten or lengthen what the next check learns from', async () => {
		const rates = await Promise.all(
			[false, true].map(async (overridden) => {
				const { shedder, clock } = driver({ capacityPerS: 1_000 });
				const handle = shedder.wrap(() => {});
				await shedder.check();
				for (let i = 0; i < 100; i++) await handle({ key: 'G1' });
				await clock.advance(499);
				if (overridden) shedder.override({ floor: 'NORMAL', ttlMs: 60_000, reason: 'nothing changes' });
				await clock.advance(1);
				await shedder.check();
				return shedder.stats().utilisation[0];
			}),
		);
		expect(rates[0]).toBeCloseTo(0.2);
		expect(rates[1]).toBeCloseTo(0.2);
	});

	it('R10: an override does not make a large spill forget that it wants room', async () => {
		const { shedder, at, setLoad, clock } = driver({ spill: memoryOf({ full: 0.5 }) });
		await at('AGGRESSIVE');
		await shedder.wrap(() => {})({ key: 'x' });
		await shedder.check();
		setLoad(0);
		const holdsOn = () => shedder.stats().holds.map(({ reason }) => reason);
		await shedder.check();
		const before = holdsOn();
		shedder.override({ floor: 'NORMAL', ttlMs: 60_000, reason: 'nothing changes' });
		expect(holdsOn()).toEqual(before);
		await clock.advance(1);
	});

	it('R10: two shedders on one controller see one level, and an override on either is an override on both', async () => {
		const clock = manualClock();
		const load = { now: 0 };
		const controller = createController({ ladder, signals: { load: () => load.now }, clock });
		const shedderOn = (): MessageShedder =>
			createLoadShedder({
				controller,
				keyOf: (m: Message) => m.key,
				priorityOf: (m) => m.priority,
				tiers,
			});
		const [a, b] = [shedderOn(), shedderOn()];
		const heard: string[] = [];
		a.on('transitioned', ({ to }) => heard.push(`a ${to}`));
		b.on('transitioned', ({ to }) => heard.push(`b ${to}`));
		load.now = LOAD.GRACEFUL;
		await a.check();
		expect([a.level, b.level, controller.level]).toEqual(['GRACEFUL', 'GRACEFUL', 'GRACEFUL']);
		b.override({ level: 'AGGRESSIVE', ttlMs: 1_000, reason: 'test' });
		expect(heard).toEqual(['a GRACEFUL', 'b GRACEFUL', 'a AGGRESSIVE', 'b AGGRESSIVE']);
		const low: Message = { key: 'x', priority: 'low' };
		const handle = b.wrap(() => 1);
		await a.wrap(() => 1)(low);
		await handle({ key: 'G1' });
		expect([a.stats().dropped, b.stats().dropped, b.stats().processed]).toEqual([1, 0, 1]);
		// Stopping one shedder stops neither the other nor the controller.
		await a.stop();
		load.now = 0;
		expect((await handle(low)).action).toBe('drop');
		controller.start();
		await clock.advance(5_000);
		expect(b.level).toBe('NORMAL');
		await b.stop();
		await controller.stop();
		expect(clock.timers).toBe(0);
	});

	it('R10: a controller that stops settles the shedders on it', async () => {
		const clock = manualClock();
		const controller = createController({ ladder, signals: { load: () => 0 }, clock });
		const shedder = createLoadShedder({
			controller,
			keyOf: (m: Message) => m.key,
			tiers,
			spill: memoryOf({ full: 0 }),
		});
		shedder.start();
		await clock.advance(100);
		await controller.stop();
		expect(clock.timers).toBe(0);
		expect(() => shedder.start()).toThrow('a stopped shedder cannot be started again: create a new one');
		await shedder.stop();
	});
});
