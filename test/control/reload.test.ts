import { describe, expect, it, vi } from 'vitest';
import { createController, defineLadder, memorySpill } from '../../src/index.js';
import { manualClock } from '../../src/testing/index.js';
import { fc } from '../support/property.js';
import {
	deferred,
	driver,
	expectNoLeaks,
	type Level,
	LOAD,
	ladder,
	type Message,
	recordedIntake,
	settled,
	spec,
} from './driver.js';

expectNoLeaks();

const [normal, soft, graceful, aggressive, circuit] = spec.levels;
const all = [normal, soft, graceful, aggressive, circuit] as const;
/** Levels by name, each complete in itself, so that any of them may be missing. */
const complete = all.map((level, i) => ({
	...level,
	...(i >= 1 ? { disable: ['enrichment' as const] } : {}),
	...(i >= 3 ? { shed: { low: 'drop', normal: 'spill', high: 'spill' } as const } : {}),
}));

describe('reload (R10, T1)', () => {
	it('R10: levels are matched by name; a missing one becomes the next stricter that is left, or the strictest', async () => {
		const given = fc.record({
			at: fc.constantFrom<Level>('NORMAL', 'SOFT', 'GRACEFUL', 'AGGRESSIVE', 'CIRCUIT_BREAK'),
			left: fc.subarray([1, 2, 3, 4]),
		});
		await fc.assert(
			fc.asyncProperty(given, async ({ at, left }) => {
				const { shedder, at: goTo } = driver();
				await goTo(at);
				const next = defineLadder({
					...spec,
					levels: [0, ...left].map((i) => complete[i] as (typeof complete)[number]),
				});
				const told = vi.fn();
				shedder.on('transitioned', told);
				shedder.reload(next);
				const index = ladder.levels.indexOf(at);
				const expected = [0, ...left].find((i) => i >= index) ?? [0, ...left].at(-1);
				expect(shedder.level).toBe(ladder.levels[expected as number]);
				expect(shedder.ladder).toBe(next);
				expect(told).toHaveBeenCalledTimes(shedder.level === at ? 0 : 1);
				const direction = (expected as number) > index ? 'escalate' : 'recover';
				if (shedder.level !== at) expect(told.mock.calls[0]?.[0]).toMatchObject({ from: at, direction });
				expect(shedder.decide({ key: 'x' }).level).toBe(shedder.level);
				expect(shedder.stats().demandIndex).toBeGreaterThanOrEqual(0);
				expect(await shedder.check()).toBeNull();
			}),
		);
	});

	it('R10: a refused reload says everything that is wrong and leaves the old ladder in force', async () => {
		const { shedder, at } = driver();
		await at('GRACEFUL');
		const other = defineLadder({
			priorities: { protected: 'high', sheddable: ['critical', 'normal'] },
			signals: { load: { recoverBelow: 0.5 }, heap: { recoverBelow: 0.5 } },
			levels: [{ name: 'NORMAL' }, { name: 'SOFT', enterAt: { load: 1 } }],
			cooldownMs: 1,
		});
		expect(() => shedder.reload(other as unknown as typeof ladder)).toThrow(
			[
				'invalid reload (4 problems):',
				'signals: "heap, load" must be the same set as before (load)',
				'priorities: "critical, high, normal" must be the same set as before (critical, high, low, normal)',
				'features: "" must be the same set as before (enrichment)',
				'priorities.protected: "high" must be "critical" as before',
			].join('\n'),
		);
		expect(shedder.ladder).toBe(ladder);
		expect(shedder.level).toBe('GRACEFUL');
		expect(() => shedder.reload({ ...ladder })).toThrow('must be made by defineLadder');
		await shedder.check();
		expect(shedder.level).toBe('GRACEFUL');
	});

	it('R8: a reload is refused where a source cannot fall while paused and the new ladder assumes that it can', () => {
		const source = { read: () => 0, fallsWhilePaused: false };
		const probing = defineLadder({
			...spec,
			signals: { load: { recoverBelow: 0.5, fallsWhilePaused: false } },
			probe: { afterMs: 1_000, forMs: 100 },
		});
		const controller = createController({ ladder: probing, signals: { load: source }, clock: manualClock() });
		expect(() => controller.reload(ladder)).toThrow('signals.load.fallsWhilePaused');
		expect(controller.ladder).toBe(probing);
	});

	it('R10: a reload that happens while a check is under way does not mix up the signals', async () => {
		const levels = [{ name: 'NORMAL' }, { name: 'HARD', enterAt: { lag: 1_000, heap: 0.9 } }] as const;
		const rest = {
			priorities: { protected: 'critical', sheddable: ['normal'] },
			levels,
			cooldownMs: 1_000,
		} as const;
		const lagFirst = defineLadder({ ...rest, signals: { lag: { recoverBelow: 0.5 }, heap: { recoverBelow: 0.9 } } });
		const heapFirst = defineLadder({ ...rest, signals: { heap: { recoverBelow: 0.9 }, lag: { recoverBelow: 0.5 } } });
		const lag = deferred<number>();
		const controller = createController({
			ladder: lagFirst,
			signals: { lag: () => lag.promise, heap: () => 0.5 },
			clock: manualClock(),
		});
		const check = controller.check();
		await settled();
		controller.reload(heapFirst);
		lag.resolve(500);
		expect(await check).toBeNull();
		expect(controller.level).toBe('NORMAL');
	});

	it('R10: a reload moves intake with the level', async () => {
		const { intake, calls } = recordedIntake();
		const { shedder, at } = driver({ intake });
		await at('AGGRESSIVE');
		shedder.reload(defineLadder({ ...spec, levels: [normal, soft, graceful, { ...aggressive, intake: 'paused' }] }));
		await settled();
		expect([calls, shedder.accepting]).toEqual([['pause'], false]);
		shedder.reload(ladder);
		await settled();
		expect([calls, shedder.accepting]).toEqual([['pause', 'resume'], true]);
	});

	it('R10: decisions counted before a reload are still counted after it', async () => {
		const { shedder, at } = driver();
		await at('GRACEFUL');
		const handle = shedder.wrap(() => 1);
		const low: Message = { key: 'x', priority: 'low' };
		await handle(low);
		shedder.reload(defineLadder({ ...spec, cooldownMs: 5 }));
		await handle(low);
		expect(shedder.stats().decisions.filter(({ action }) => action === 'drop')).toEqual([
			{ action: 'drop', level: 'GRACEFUL', priority: 'low', tier: 'bronze', n: 2 },
		]);
	});
});

describe('snapshots (R9, R10)', () => {
	it('R9: hold the automatic level and durations, survive JSON, and begin a new calm', async () => {
		const first = driver();
		await first.at('GRACEFUL');
		const snapshot = JSON.parse(JSON.stringify(first.shedder.snapshot()));
		expect(snapshot).toEqual({ version: 1, level: 'GRACEFUL', backoff: 1 });

		const { shedder, clock, setLoad } = driver();
		shedder.restore(snapshot);
		expect(shedder.level).toBe('GRACEFUL');
		setLoad(0);
		await shedder.check();
		await clock.advance(999);
		await shedder.check();
		expect(shedder.level).toBe('GRACEFUL');
		await clock.advance(1);
		await shedder.check();
		expect(shedder.level).toBe('NORMAL');
	});

	it('R9: a restored calm does not count the time before it', async () => {
		const { shedder, clock, setLoad, at } = driver();
		await at('SOFT');
		setLoad(0);
		await shedder.check();
		await clock.advance(999);
		await shedder.check();
		shedder.restore(shedder.snapshot());
		await clock.advance(1);
		await shedder.check();
		expect(shedder.level).toBe('SOFT');
		await clock.advance(999);
		await shedder.check();
		expect(shedder.level, 'calm is counted from the first sample after the restore').toBe('SOFT');
		await clock.advance(1);
		await shedder.check();
		expect(shedder.level).toBe('NORMAL');
	});

	it.each<[unknown, readonly string[]]>([
		[{ version: 2, level: 'SOFT' }, ['version: 2 must be 1']],
		[
			{ version: 1, level: 'MILD' },
			['level: "MILD" must be a level (NORMAL, SOFT, GRACEFUL, AGGRESSIVE, CIRCUIT_BREAK)'],
		],
		[{ version: 1, level: 'SOFT', backoff: 0 }, ['backoff: 0 must be a finite number of at least 1']],
		[
			{},
			[
				'version: undefined must be 1',
				'level: undefined must be a level (NORMAL, SOFT, GRACEFUL, AGGRESSIVE, CIRCUIT_BREAK)',
			],
		],
	])('R10: %j is refused and changes nothing', async (snapshot, problems) => {
		const { shedder, at } = driver();
		await at('GRACEFUL');
		const head = `invalid snapshot (${problems.length} problem${problems.length > 1 ? 's' : ''}):`;
		expect(() => shedder.restore(snapshot as Parameters<typeof shedder.restore>[0])).toThrow(
			[head, ...problems].join('\n'),
		);
		expect(shedder.level).toBe('GRACEFUL');
	});

	it('R10: a restored level that pauses closes intake', async () => {
		const { intake, calls } = recordedIntake();
		const { shedder } = driver({ intake });
		shedder.restore({ version: 1, level: 'CIRCUIT_BREAK' });
		await settled();
		expect([shedder.accepting, calls]).toEqual([false, ['pause']]);
		await shedder.stop();
		expect(calls).toEqual(['pause', 'resume']);
	});
});

describe('the probe on the driver (R8)', () => {
	it('R8: opens intake for a look, and messages meet the rules of the level below', async () => {
		const probing = defineLadder({
			...spec,
			levels: [normal, soft, graceful, aggressive, { ...circuit, shed: { normal: 'reject' } }],
			signals: { load: { recoverBelow: 0.5, fallsWhilePaused: false } },
			probe: { afterMs: 5_000, forMs: 1_000 },
		});
		const { intake, calls } = recordedIntake();
		const { shedder, at, clock } = driver({ ladder: probing, intake, spill: memorySpill() });
		const changes: unknown[] = [];
		shedder.on('intakeChanged', (change) => changes.push(change));
		await at('CIRCUIT_BREAK');
		expect(shedder.decide({ key: 'x' })).toMatchObject({ action: 'reject', level: 'CIRCUIT_BREAK' });
		shedder.start();
		await clock.advance(5_000);
		expect(shedder.stats()).toMatchObject({ level: 'CIRCUIT_BREAK', probing: true, accepting: true });
		expect(shedder.decide({ key: 'x' })).toMatchObject({ action: 'spill', level: 'AGGRESSIVE' });
		expect((await shedder.wrap(() => 1)({ key: 'x' })).action).toBe('spill');
		expect(calls).toEqual(['pause', 'resume']);
		await clock.advance(1_000);
		expect(shedder.stats()).toMatchObject({ level: 'CIRCUIT_BREAK', probing: false, accepting: false });
		expect(calls).toEqual(['pause', 'resume', 'pause']);
		expect(changes).toEqual([
			{ paused: true, probing: false },
			{ paused: false, probing: true },
			{ paused: true, probing: false },
		]);
		expect(shedder.stats().history.length, 'a look is no transition').toBe(1);
		await shedder.stop();
	});
});

describe('what can be read (D6)', () => {
	it('D6: explain says in words how a message is treated and what holds recovery', async () => {
		const { shedder, at, setLoad, clock } = driver();
		await at('NORMAL');
		expect(shedder.explain({ key: 'G1' }).text).toBe('At NORMAL a message of gold (critical) is processed.');
		await at('GRACEFUL');
		setLoad(0);
		await shedder.check();
		expect(shedder.explain({ key: 'G1' })).toEqual({
			decision: shedder.decide({ key: 'G1' }),
			tier: 'gold',
			holds: [{ reason: 'cooldown', untilMs: clock.nowMs() + 1_000 }],
			text: 'At GRACEFUL a message of gold (critical) is processed, without enrichment. Recovery is held by cooldown for 1.0 s.',
		});
		await clock.advance(500);
		expect(shedder.explain({ key: 'x', priority: 'low' }).text).toBe(
			'At GRACEFUL a message of bronze (low) is dropped. Recovery is held by cooldown for 0.5 s.',
		);
		setLoad(LOAD.GRACEFUL);
		await shedder.check();
		expect(shedder.explain({ key: 'x' }).text).toBe(
			'At GRACEFUL a message of bronze (normal) is processed, without enrichment. Recovery is held by cooldown (load).',
		);
		shedder.override({ level: 'AGGRESSIVE', ttlMs: 60_000, reason: 'drill' });
		expect(shedder.explain({ key: 'x' }).text).toContain('is spilled.');
		expect(shedder.explain({ key: 'x' }).text).toContain('override for 60.0 s');
	});

	it('D6: in observe mode explain says that the message is processed all the same', async () => {
		const { shedder, at } = driver({ mode: 'observe' });
		await at('GRACEFUL');
		expect(shedder.explain({ key: 'x', priority: 'low' }).text).not.toContain('is dropped.');
	});

	it('dropped: a run of drops is told when it is over, and what is left at stop', async () => {
		const { shedder, at, clock } = driver({ clock: manualClock(0) });
		const episodes: unknown[] = [];
		shedder.on('dropped', (episode) => episodes.push(episode));
		await at('GRACEFUL');
		const handle = shedder.wrap(() => 1);
		const startMs = Date.now();
		await handle({ key: 'x', priority: 'low' });
		shedder.start();
		await clock.advance(4_000);
		await handle({ key: 'y', priority: 'low' });
		await handle({ key: 'G1', priority: 'low' });
		await clock.advance(9_500);
		expect(episodes).toEqual([]);
		await clock.advance(1_000);
		expect(episodes.length).toBe(2);
		const [first] = episodes as [{ readonly firstAtMs: number; readonly lastAtMs: number }];
		expect(first).toMatchObject({ priority: 'low', tier: 'bronze', count: 2 });
		expect(first.lastAtMs - first.firstAtMs).toBe(4_000);
		expect(Math.abs(first.firstAtMs - startMs)).toBeLessThan(5_000);
		await handle({ key: 'x', priority: 'low' });
		await shedder.stop();
		expect(episodes.length).toBe(3);
		expect(episodes.map((episode) => (episode as { readonly count: number }).count)).toEqual([2, 1, 1]);
	});

	it('history: the last 100 transitions are kept, newest last', async () => {
		const { shedder } = driver();
		for (let i = 0; i < 120; i++) {
			shedder.override({ level: i % 2 === 0 ? 'SOFT' : 'NORMAL', ttlMs: 1_000, reason: 'test' });
		}
		const { history, transitions } = shedder.stats();
		expect(history.length).toBe(100);
		expect(history.at(-1)).toMatchObject({ from: 'SOFT', to: 'NORMAL', why: 'override' });
		expect(transitions.reduce((sum, { n }) => sum + n, 0)).toBe(120);
	});

	it('stats: is a copy that later events do not change', async () => {
		const { shedder, at } = driver();
		const before = shedder.stats();
		const text = JSON.stringify(before);
		await at('AGGRESSIVE');
		await shedder.wrap(() => 1)({ key: 'x' });
		expect(JSON.stringify(before)).toBe(text);
	});

	it('stats: time at each level adds up to the time that has passed', async () => {
		const { shedder, at, clock, setLoad } = driver();
		shedder.start();
		await clock.advance(1_000);
		await at('AGGRESSIVE');
		await clock.advance(3_000);
		shedder.reload(ladder);
		setLoad(0);
		await clock.advance(2_600);
		shedder.restore(shedder.snapshot());
		await clock.advance(2_400);
		const times = Object.values(shedder.stats().timeInLevelMs);
		expect(times.reduce((sum, ms) => sum + ms, 0)).toBe(9_000);
		await shedder.stop();
	});
});
