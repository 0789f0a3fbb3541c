import { describe, expect, it } from 'vitest';
import { ConfigError, defineLadder, positionOf, recommendedLadder } from '../../src/index.js';
import { createPilot, type PilotOptions } from '../../src/simulate/index.js';
import { fc } from '../support/property.js';

const sloMs = 10_000;
const ladder = recommendedLadder({ sloMs });
type Priority = (typeof ladder.priorities)[number];

/** A consumer of 100 messages a second in order, sampled twice a second, and its spill. */
function consumer(options: PilotOptions & { readonly skewMs?: number } = {}) {
	const { skewMs = 0, ...rest } = options;
	const pilot = createPilot(ladder, { skipToLive: { afterMs: 0.99 * sloMs }, ...rest });
	const queue: { readonly bornMs: number; readonly priority: Priority; readonly key: string }[] = [];
	const spilled: typeof queue = [];
	const actions: { readonly action: string; readonly priority: Priority; readonly key: string }[] = [];
	let nowMs = 0;
	let n = 0;
	const decide = ({ bornMs, priority, key }: (typeof queue)[number], replayed: boolean) =>
		pilot.decide({ priority, position: positionOf(key), ageMs: nowMs - bornMs + skewMs, replayed });
	return {
		pilot,
		actions,
		spilled,
		/** Half a second in which `arrive` messages arrive. */
		turn(arrive: number) {
			for (let i = 0; i < arrive; i++, n++) {
				const priority = ladder.priorities[n % 4] as Priority;
				queue.push({ bornMs: nowMs + (i * 500) / arrive, priority, key: `${priority} ${n % 28}` });
			}
			nowMs += 500;
			let workMs = 500;
			for (let back = pilot.replayPerS / 2; back >= 1 && spilled.length > 0; back--) {
				decide(spilled.shift() as (typeof queue)[number], true);
				workMs -= 10;
			}
			while (workMs > 0 && queue.length > 0) {
				const message = queue.shift() as (typeof queue)[number];
				const { action, features } = decide(message, false);
				actions.push({ action, priority: message.priority, key: message.key });
				if (action === 'spill') spilled.push(message);
				workMs -= action === 'process' ? (features.enrichment ? 10 : 5) : 1;
			}
			const lagMs = (queue.length / 100) * 1_000;
			return pilot.check({
				atMs: nowMs,
				readings: { lagMs, heap: 0.4 },
				spillFull: spilled.length / 100_000,
				waiting: spilled.length,
			});
		},
	};
}

describe('the pilot', () => {
	it('sheds no protected message: it processes it, or keeps it because it is too old', () => {
		fc.assert(
			fc.property(fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 10, maxLength: 80 }), (loads) => {
				const { turn, actions, pilot } = consumer();
				for (const load of loads) turn(load);
				const shed = actions.filter(({ action, priority }) => priority === 'critical' && action !== 'process');
				expect(shed.every(({ action }) => action === 'spill')).toBe(true);
				expect(shed).toHaveLength(pilot.skipped);
			}),
			{ numRuns: 30 },
		);
	});

	it('goes up under load, comes back by itself, and feeds back what was spilled', () => {
		const { turn, pilot, spilled } = consumer();
		for (let i = 0; i < 120; i++) turn(200);
		expect(pilot.level).toBe(3);
		const most = spilled.length;
		expect(most).toBeGreaterThan(1_000);
		for (let i = 0; i < 1_200; i++) turn(20);
		expect([pilot.level, spilled.length]).toEqual([0, 0]);
		expect(pilot.estimate.costMs.lean).toBeGreaterThan(0);
	});

	it('R9: is not moved by a difference of the clocks', () => {
		const levels = (skewMs: number) => {
			const { turn, pilot } = consumer({ skewMs });
			const seen: number[] = [];
			// Long enough at rest to see that nothing waits.
			for (let i = 0; i < 300; i++) {
				turn(i < 100 || i > 160 ? 20 + (i % 3) : 180);
				seen.push(pilot.level);
			}
			return { worst: Math.max(...seen), atRest: seen[99], end: pilot.level };
		};
		const straight = levels(0);
		expect(straight.worst).toBeGreaterThan(0);
		for (const skewMs of [-2_000, 2_000]) {
			const skewed = levels(skewMs);
			expect(skewed.worst).toBe(straight.worst);
			expect(skewed.end).toBe(straight.end);
		}
	});

	it('M4: with a key fence no sheddable message of a key overtakes those that wait', () => {
		const { turn, actions, pilot } = consumer({ keyFence: true });
		const waiting = new Map<string, number>();
		for (let i = 0; i < 60; i++) turn(200);
		for (const { action, key, priority } of actions) {
			const before = waiting.get(key) ?? 0;
			if (priority !== 'critical' && priority !== 'low' && before > 0) expect(action, key).toBe('spill');
			if (action === 'spill') waiting.set(key, before + 1);
		}
		expect(pilot.fenced).toBeGreaterThan(0);
	});

	it('feeds back at a fixed rate where one is given, and takes a capacity that is given', () => {
		const { turn, pilot } = consumer({ replayPerS: 7, capacityPerS: 100 });
		for (let i = 0; i < 60; i++) turn(200);
		for (let i = 0; i < 40; i++) turn(10);
		expect(pilot.replayPerS).toBe(7);
		expect(pilot.estimate.costMs.full).toBe(10);
	});

	it('M3: replays by severity, or at a level that is named: later', () => {
		const replayedAfterS = (options: PilotOptions) => {
			const { turn, pilot } = consumer(options);
			for (let i = 0; i < 120; i++) turn(200);
			for (let i = 1; i < 1_200; i++) {
				turn(20);
				if (pilot.replayPerS > 0) return { seconds: i / 2, level: pilot.level };
			}
			return { seconds: Number.POSITIVE_INFINITY, level: pilot.level };
		};
		const bySeverity = replayedAfterS({});
		expect(bySeverity.level, 'a cooldown still holds it').toBeGreaterThan(0);
		const atNormal = replayedAfterS({ replayUpTo: 'NORMAL' });
		expect(atNormal.level).toBe(0);
		expect(atNormal.seconds).toBeGreaterThan(bySeverity.seconds + 30);
	});

	it('feels for the spare capacity where it learns no costs', () => {
		const drainedAfterS = (options: PilotOptions) => {
			const { turn, spilled } = consumer(options);
			for (let i = 0; i < 120; i++) turn(200);
			for (let i = 1; i < 4_000; i++) {
				turn(20);
				if (spilled.length === 0) return i / 2;
			}
			return Number.POSITIVE_INFINITY;
		};
		const [learned, felt] = [drainedAfterS({}), drainedAfterS({ learnCosts: false })];
		expect(felt).toBeLessThan(2_000);
		expect(felt).not.toBe(learned);
	});

	it('treats whole levels where the ladder does', () => {
		const whole = createPilot(
			defineLadder({
				priorities: { protected: 'critical', sheddable: ['rest'] },
				signals: { lag: { recoverBelow: 0.5 } },
				levels: [{ name: 'NORMAL' }, { name: 'HARD', enterAt: { lag: 10 }, shed: { rest: 'drop' } }],
				cooldownMs: 1_000,
			}),
		);
		whole.check({ atMs: 0, readings: { lag: 10 }, spillFull: 0, waiting: 0 });
		const message = { priority: 'rest', position: 0.99, ageMs: 0, replayed: false } as const;
		expect(whole.decide(message).action).toBe('drop');
		expect(whole.decide({ ...message, replayed: true }).action, 'what comes back is handled').toBe('process');
	});

	it('refuses options out of range, naming them', () => {
		for (const [options, path] of [
			[{ skipToLive: { afterMs: 0 } }, 'skipToLive.afterMs'],
			[{ capacityPerS: -1 }, 'capacityPerS'],
			[{ replayPerS: Number.NaN }, 'replayPerS'],
			[{ replayUpTo: 'CALM' }, 'replayUpTo'],
		] as const) {
			expect(() => createPilot(ladder, options)).toThrow(ConfigError);
			expect(() => createPilot(ladder, options)).toThrow(path);
		}
	});
});
