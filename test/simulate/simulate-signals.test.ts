import { describe, expect, it } from 'vitest';
import {
	defineLadder,
	initialState,
	type Ladder,
	type LadderSpec,
	marketDataLadder,
	step,
	type Transition,
} from '../../src/index.js';
import { simulateSignals, type Trace } from '../../src/simulate/index.js';
import { fc, same } from '../support/property.js';

const spec = {
	priorities: { protected: 'critical', sheddable: ['normal'] },
	features: ['enrichment'],
	signals: { lag: { recoverBelow: 0.5 } },
	levels: [
		{ name: 'NORMAL' },
		{ name: 'LEAN', enterAt: { lag: 100 }, disable: ['enrichment'] },
		{ name: 'ESSENTIAL', enterAt: { lag: 200 }, shed: { normal: 'drop' } },
	],
	cooldownMs: 10_000,
} satisfies LadderSpec<string, 'lag', string, string, string>;
const ladder = defineLadder(spec);

/** A point a second. */
function every(values: readonly number[], more: Record<string, readonly number[]> = {}): Trace {
	return { timesMs: values.map((_, i) => i * 1000), series: { lag: values, ...more } };
}
const flat = (count: number, value: number) => new Array<number>(count).fill(value);

describe('simulateSignals', () => {
	it('is step at every check: the same transitions, flaps, times and end', () => {
		const values = fc.array(fc.oneof(fc.integer({ min: 0, max: 300 }), fc.constant(Number.NaN)), {
			minLength: 2,
			maxLength: 200,
		});
		fc.assert(
			fc.property(values, fc.boolean(), (lag, gradual) => {
				const one = defineLadder({ ...spec, gradual });
				const transitions: Transition[] = [];
				const inLevelMs: Record<string, number> = { NORMAL: 0, LEAN: 0, ESSENTIAL: 0 };
				let state = initialState(one, 0);
				lag.forEach((reading, i) => {
					const turn = step(one, state, { atMs: i * 1000, readings: { lag: reading } });
					state = turn.state;
					if (turn.transition) transitions.push(turn.transition);
					const level = one.levels[state.level] as string;
					if (i < lag.length - 1) inLevelMs[level] = (inLevelMs[level] as number) + 1000;
				});
				const result = simulateSignals(one, every(lag));
				same(result.transitions, transitions);
				same(result.timeInLevelMs, inLevelMs);
				same([result.flaps, result.endLevel], [state.backoff.flaps, one.levels[state.level]]);
				same(result.signals.lag?.unknownMs, 1000 * lag.slice(0, -1).filter(Number.isNaN).length);
			}),
		);
	});

	it('tells of one overload what step does with it', () => {
		const { transitions, flaps, endLevel, timeInLevelMs, signals } = simulateSignals(
			ladder,
			every([...flat(10, 0), ...flat(10, 150), ...flat(30, 0)]),
		);
		expect(transitions.map(({ atMs, to }) => [atMs, to])).toEqual([
			[10_000, 'LEAN'],
			[30_000, 'NORMAL'],
		]);
		expect({ flaps, endLevel, timeInLevelMs }).toEqual({
			...{ flaps: 0, endLevel: 'NORMAL' },
			timeInLevelMs: { NORMAL: 29_000, LEAN: 20_000, ESSENTIAL: 0 },
		});
		expect(signals.lag?.peak).toBe(150);
	});

	it('goes straight from point to point, or holds them', () => {
		const trace: Trace = { timesMs: [0, 10_000, 20_000], series: { lag: [0, 200, 0] } };
		const reached = (between: 'interpolate' | 'hold') =>
			simulateSignals(ladder, trace, { between, checkEveryMs: 1000 }).transitions.map(({ atMs, to }) => [atMs, to]);
		expect(reached('interpolate')).toEqual([
			[5_000, 'LEAN'],
			[10_000, 'ESSENTIAL'],
		]);
		expect(reached('hold')).toEqual([
			[10_000, 'LEAN'],
			[11_000, 'ESSENTIAL'],
		]);
	});

	it('takes a negative reading for unknown, as it does every point without one (rule R5)', () => {
		const trace: Trace = { timesMs: [0, 10_000, 20_000, 30_000], series: { lag: [10, -5, 1e9, 1e9] } };
		const { transitions, signals } = simulateSignals(ladder, trace, { checkEveryMs: 1000 });
		expect(transitions.map(({ atMs, causes }) => [atMs, causes[0]?.reading])).toEqual([
			[20_000, 1e9],
			[21_000, 1e9],
		]);
		expect(signals.lag).toEqual({ unknownMs: 19_000, peak: 1e9 });
		const held = simulateSignals(ladder, trace, { checkEveryMs: 1000, between: 'hold' });
		expect(held.signals.lag?.unknownMs).toBe(10_000);
	});

	it('steps over most of a long hole, and ends as if it had been checked (rule R9)', () => {
		const busy = [...flat(30, 0), ...flat(10, 250), ...flat(5, 150)];
		const calm = [...flat(40, 0)];
		const readings = fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 3, maxLength: 40 });
		const holeMs = fc.integer({ min: 4_000, max: 40_000_000 });
		const agree = (before: readonly number[], after: readonly number[], hole: number) => {
			const lag = [...before, ...after];
			const timesMs = lag.map((_, i) => 1000 * i + (i < before.length ? 0 : hole));
			const result = simulateSignals(ladder, { timesMs, series: { lag } });
			let state = initialState(ladder, 0);
			const transitions: Transition[] = [];
			for (let atMs = 0, i = 0; ; ) {
				while ((timesMs[i + 1] ?? Number.POSITIVE_INFINITY) <= atMs) i++;
				const inHole = i === before.length - 1 && atMs > (timesMs[i] as number);
				const [from, to] = [timesMs[i] as number, timesMs[i + 1] ?? Number.POSITIVE_INFINITY];
				const share = to === Number.POSITIVE_INFINITY ? 0 : (atMs - from) / (to - from);
				const [here, there] = [lag[i] as number, lag[i + 1] ?? 0];
				const reading = inHole ? Number.NaN : here + share * (there - here);
				const turn = step(ladder, state, { atMs, readings: { lag: reading } });
				state = turn.state;
				if (turn.transition) transitions.push(turn.transition);
				if (atMs >= (timesMs.at(-1) as number)) break;
				atMs = Math.min(atMs + 1000, timesMs.at(-1) as number);
			}
			same(
				result.transitions.map(({ atMs, to }) => [atMs, to]),
				transitions.map(({ atMs, to }) => [atMs, to]),
			);
			same(result.endLevel, ladder.levels[state.level]);
		};
		agree(busy, calm, 9_000_000);
		fc.assert(fc.property(readings, readings, holeMs, agree), { numRuns: 20 });
	});

	it('takes no longer for a hole of years, and leaves none in the timeline', () => {
		const yearMs = 31_536_000_000;
		const lag = [...flat(10, 150), ...flat(40, 0)];
		const timesMs = lag.map((_, i) => 1000 * i + (i < 10 ? 0 : 30 * yearMs));
		const { checks, transitions, signals, timeline } = simulateSignals(ladder, { timesMs, series: { lag } });
		expect(checks).toBeGreaterThan(timeline.atMs.length);
		expect(checks).toBeLessThan(5_000);
		expect(transitions.map(({ to }) => to)).toEqual(['LEAN', 'NORMAL']);
		expect(signals.lag?.unknownMs).toBe(30 * yearMs);
	});

	it('refuses a recording that would be replayed for ever, with its longest gap', () => {
		const timesMs = [0, 1.7e15];
		expect(() => simulateSignals(ladder, { timesMs, series: { lag: [1, 2] } })).toThrow(
			'checks: 850,000,000,000 must be at most 20,000,000: the recording is long for one check every 2000 ms. Its longest gap is 472000000 h, between the points 1 and 2: is a time wrong there?',
		);
	});

	it('refuses a signal that is a column of text, and tells of one without a reading', () => {
		const other = { timesMs: [0, 1000], series: { rate: [1, 1], lag: [1, 1] } };
		const text = { heap: 'line 2: heap "30%" must be a number', host: 'line 2: host "a" must be a number' };
		const two = marketDataLadder;
		expect(() => simulateSignals(two, { ...other, text })).toThrow(
			'invalid trace (1 problem):\nline 2: heap "30%" must be a number',
		);
		const { notes } = simulateSignals(two, { ...other, series: { ...other.series, heap: [Number.NaN, Number.NaN] } });
		expect(notes).toContain('heap has no reading in the recording: unknown all the time.');
	});

	describe('a signal that repeats for longer than stuckAfterMs', () => {
		const watched = defineLadder({
			...spec,
			signals: { lag: { recoverBelow: 0.5, stuckAfterMs: 30_000 }, cpu: { recoverBelow: 0.5 } },
		});
		const note =
			'lag stays the same for 30 s and longer. While messages move a service takes that for a stuck sensor; a recording cannot tell, so here it counts.';

		it('is known: a recording cannot tell whether messages moved', () => {
			const timesMs = [0, 300_000, 600_000, 900_000];
			const trace: Trace = { timesMs, series: { lag: [10, 150, 20, 30], cpu: flat(4, 0.5), rate: flat(4, 5) } };
			const { transitions, signals, notes } = simulateSignals(watched, trace, { between: 'hold' });
			expect(transitions.map(({ atMs, to }) => [atMs, to])).toEqual([
				[300_000, 'LEAN'],
				[610_000, 'NORMAL'],
			]);
			expect(signals.lag?.unknownMs).toBe(0);
			expect(notes).toContain(note);
		});

		it('is told of only if it does, and has a stuckAfterMs', () => {
			const noted = (lag: readonly number[], one: Ladder = watched) =>
				simulateSignals(one, every(lag, { cpu: flat(lag.length, 0.5) })).notes.includes(note);
			expect(noted([...flat(31, 7), 8])).toBe(true);
			expect(noted([...flat(30, 7), ...flat(30, 8)])).toBe(false);
			expect(noted(flat(60, 0))).toBe(false);
			expect(noted(flat(60, Number.NaN))).toBe(false);
			expect(noted(flat(60, 7), ladder)).toBe(false);
		});
	});

	it('takes a hole in the recording for unknown: it recovers nothing', () => {
		const timesMs = [...flat(10, 0).map((_, i) => i * 1000), 60_000, 61_000];
		const result = simulateSignals(ladder, { timesMs, series: { lag: [...flat(9, 150), 0, 0, 0] } });
		expect(result.transitions.map(({ to }) => to)).toEqual(['LEAN']);
		expect(result.signals.lag?.unknownMs).toBe(50_000);
	});

	it('shares the rate out by priority and counts what would have become of it', () => {
		const lag = [...flat(10, 0), ...flat(10, 150), ...flat(11, 250)];
		const { messages, protectedShed } = simulateSignals(ladder, every(lag, { rate: flat(31, 10) }), {
			shares: { critical: 0.2 },
		});
		const none = { rejected: 0, spilled: 0, waiting: 0, late: 0, replayed: 0 };
		const rounded = messages.map((row) => ({
			...row,
			...Object.fromEntries(
				Object.entries(row).flatMap(([key, value]) => (typeof value === 'number' ? [[key, Math.round(value)]] : [])),
			),
		}));
		expect(rounded).toEqual([
			{ ...none, priority: 'critical', offered: 60, full: 20, lean: 40, dropped: 0 },
			{ ...none, priority: 'normal', offered: 240, full: 80, lean: 80, dropped: 80 },
		]);
		expect(protectedShed).toBe(0);
	});

	it('gives up a share of the keys under gradual treatment', () => {
		const gradual = defineLadder({ ...spec, gradual: true });
		const [, normal] = simulateSignals(gradual, every(flat(101, 250), { rate: flat(101, 1) }), {
			shares: { critical: 0 },
		}).messages;
		// Halfway from ESSENTIAL to wholly applied half of the keys are given up; the climb takes two checks.
		expect(normal?.dropped).toBeGreaterThan(45);
		expect(normal?.dropped).toBeLessThan(55);
	});

	it('counts what arrives during a pause as held back', () => {
		const pausing = defineLadder({
			...spec,
			levels: [...spec.levels.slice(0, 2), { name: 'PAUSE', enterAt: { lag: 200 }, intake: 'paused' }],
		});
		const { pausedMs, messages } = simulateSignals(pausing, every(flat(21, 250), { rate: flat(21, 10) }));
		expect(pausedMs).toBe(19_000);
		expect(messages.reduce((sum, { waiting }) => sum + waiting, 0)).toBeCloseTo(190);
	});

	it('counts the flap of a signal that comes back', () => {
		const lag = [...flat(10, 150), ...flat(15, 0), ...flat(10, 150)];
		expect(simulateSignals(ladder, every(lag)).flaps).toBe(1);
	});

	it('draws a long run in at most 600 columns that miss no peak', () => {
		const lag = flat(5_000, 3).map((value, i) => (i === 4_321 ? 77 : value));
		const { timeline } = simulateSignals(ladder, every(lag));
		expect(timeline.atMs.length).toBe(600);
		expect(Math.max(...(timeline.signals.lag?.high ?? []).map(Number))).toBe(77);
		expect(Math.min(...(timeline.signals.lag?.low ?? []).map(Number))).toBe(3);
	});

	it('is plain JSON', () => {
		const result = simulateSignals(ladder, every([0, Number.NaN, 300]));
		expect(JSON.parse(JSON.stringify(result))).toEqual(result);
	});

	it('says that nothing reacts, and what is missing', () => {
		const { notes } = simulateSignals(marketDataLadder, every([0, 1, 2], { rate: [1, 1, 1] }));
		expect(notes.join('\n')).toMatch(
			/^Open loop: .*\nheap is not in the recording: .*\nThe guard .*\nThe shares of critical, high, normal, low /,
		);
	});

	it.each([
		[{ checkEveryMs: 0 }, 'checkEveryMs: 0 must be a finite number above 0'],
		[{ rate: 'nope' }, 'rate: "nope" must be a series of the trace (lag)'],
		[{ shares: { vip: 0.1 } }, 'share.vip: "vip" must be a priority of the ladder (critical, normal)'],
		[{ shares: { critical: 0.9, normal: 0.2 } }, 'shares: 1.1 must be 1 in sum'],
		[{ shares: { critical: 1.5 } }, 'share.critical: 1.5 must be from 0 to 1'],
	])('refuses %j', (options, message) =>
		expect(() => simulateSignals(ladder, every([1, 2]), options)).toThrow(message),
	);

	it.each([
		[{ timesMs: [0], series: { lag: [1] } }, 'timesMs.length: 1 must be at least 2'],
		[{ timesMs: [0, 5, 5], series: {} }, 'timesMs[2]: 5 must be a finite number above 5, the one before it'],
		[{ timesMs: [0, Number.NaN], series: {} }, 'timesMs[1]: NaN must be a finite number above 0, the one before it'],
		[{ timesMs: [0, 5], series: { lag: [1] } }, 'series.lag.length: 1 must be 2, as many as timesMs'],
	])('refuses the trace %j', (trace, message) => expect(() => simulateSignals(ladder, trace)).toThrow(message));

	it('refuses a trace without any signal of the ladder', () => {
		expect(() => simulateSignals(ladder, { timesMs: [0, 1], series: { cpu: [1, 2] } })).toThrow(
			'trace.series: "cpu" must be the names of series, with a signal (lag) among them',
		);
	});
});
