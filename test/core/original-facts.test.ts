import { describe, expect, test } from 'vitest';
import { decide } from '../../src/core/decide.js';
import { demandOf } from '../../src/core/hysteresis.js';
import { defineLadder } from '../../src/core/ladder.js';
import { initialState, type LadderState, type Sample } from '../../src/core/state.js';
import { step } from '../../src/core/step.js';
import { createTierRegistry } from '../../src/core/tier-registry.js';
import { defineTiers } from '../../src/core/tiers.js';
import { marketDataLadder, marketDataTiers } from '../../src/presets/market-data.js';

/**
 * What the market-data platform of the preset has always promised, in its own numbers: lag in messages, heap as a ratio,
 * levels NORMAL to CIRCUIT_BREAK, a cooldown of 30 s, a check every 500 ms.
 */

type Readings = { readonly lag: number; readonly heap: number };

/** A machine under these readings, checked every 500 ms. */
function machine() {
	let state: LadderState = initialState(marketDataLadder, 0);
	let atMs = 0;
	const path: string[] = [];
	const check = (readings: Readings, rest: Omit<Partial<Sample<'lag' | 'heap', 'NORMAL'>>, 'override'> = {}) => {
		const taken = step(marketDataLadder, state, { atMs, readings, ...rest });
		state = taken.state;
		if (taken.transition !== null) path.push(taken.transition.to);
		return taken;
	};
	return {
		path,
		get level() {
			return marketDataLadder.levels[state.level];
		},
		get state() {
			return state;
		},
		/** Checks for that many seconds from now on. */
		run(seconds: number, lag: number, heap = 0.3) {
			for (const endMs = atMs + seconds * 1_000; atMs < endMs; ) {
				atMs += 500;
				check({ lag, heap });
			}
			return this;
		},
	};
}

describe('the thresholds', () => {
	test.each([
		['SOFT', 100_000, 0.7],
		['GRACEFUL', 500_000, 0.8],
		['AGGRESSIVE', 1_000_000, 0.9],
		['CIRCUIT_BREAK', 5_000_000, 0.95],
	] as const)('%s is entered at exactly %d messages, and by heap alone at exactly %d', (name, lag, heap) => {
		const level = marketDataLadder.levels.indexOf(name);
		expect(demandOf(marketDataLadder, { lag, heap: 0 })).toBe(level);
		expect(demandOf(marketDataLadder, { lag: lag - 1, heap: 0 })).toBe(level - 1);
		expect(demandOf(marketDataLadder, { lag: 0, heap })).toBe(level);
		expect(demandOf(marketDataLadder, { lag: 0, heap: heap - 1e-9 })).toBe(level - 1);
		expect(machine().run(5, lag, 0).level).toBe(name);
		expect(machine().run(5, 0, heap).level).toBe(name);
	});

	test('heap alone triggers while the lag is unknown', () => {
		expect(machine().run(5, Number.NaN, 0.9).level).toBe('AGGRESSIVE');
	});

	test('an overload is climbed one level a check, without waiting for a cooldown', () => {
		expect(machine().run(1.5, 9_000_000).path).toEqual(['SOFT', 'GRACEFUL', 'AGGRESSIVE']);
		expect(machine().run(60, 9_000_000).path).toEqual(['SOFT', 'GRACEFUL', 'AGGRESSIVE', 'CIRCUIT_BREAK']);
	});
});

describe('hysteresis and cooldown', () => {
	const graceful = () => machine().run(5, 600_000);

	test('at GRACEFUL a lag of 450 000 stays', () => {
		expect(graceful().run(3_600, 450_000).level).toBe('GRACEFUL');
	});

	test('at GRACEFUL a lag of 240 000 recovers to SOFT after the cooldown, and no further', () => {
		const after = graceful().run(30, 240_000);
		expect(after.level).toBe('GRACEFUL');
		expect(after.run(0.5, 240_000).level).toBe('SOFT');
		expect(after.run(3_600, 240_000).level).toBe('SOFT');
	});

	test('the cooldown blocks a recovery, and one loud check starts it anew', () => {
		const calm = graceful().run(29.5, 0);
		expect(calm.level).toBe('GRACEFUL');
		expect(calm.run(0.5, 250_000).run(29.5, 0).level).toBe('GRACEFUL');
		expect(calm.run(1, 0).level).toBe('NORMAL');
	});

	test('one healthy check after a long overload recovers nothing', () => {
		expect(graceful().run(3_600, 600_000).run(0.5, 0).level).toBe('GRACEFUL');
	});

	test('when all is healthy AGGRESSIVE goes to NORMAL at once', () => {
		const recovered = machine().run(5, 2_000_000).run(31, 0);
		expect(recovered.path).toEqual(['SOFT', 'GRACEFUL', 'AGGRESSIVE', 'NORMAL']);
	});

	test('an hour of heap noise around 70 % is no hour of flapping', () => {
		const noisy = machine();
		for (let i = 0; i < 3_600; i++) noisy.run(1, 0, i % 3 === 0 ? 0.71 : 0.66);
		expect(noisy.path).toEqual(['SOFT']);
	});
});

describe('the levels', () => {
	const action = (level: number) => (priority: 'critical' | 'high' | 'normal' | 'low') =>
		decide(marketDataLadder, level, priority).action;

	test('NORMAL and SOFT process everything, SOFT without enrichment and strict validation', () => {
		for (const level of [0, 1])
			expect(marketDataLadder.priorities.map(action(level))).toEqual(['process', 'process', 'process', 'process']);
		expect(decide(marketDataLadder, 0, 'normal').features).toEqual({ enrichment: true, strictValidation: true });
		expect(decide(marketDataLadder, 1, 'normal').features).toEqual({ enrichment: false, strictValidation: false });
	});

	test('GRACEFUL drops reference data only', () => {
		expect(marketDataLadder.priorities.map(action(2))).toEqual(['process', 'process', 'process', 'drop']);
	});

	test('AGGRESSIVE and CIRCUIT_BREAK process tier 1 only and keep the rest but reference data for later', () => {
		for (const level of [3, 4])
			expect(marketDataLadder.priorities.map(action(level))).toEqual(['process', 'spill', 'spill', 'drop']);
	});

	test('CIRCUIT_BREAK is not accepting, and it is the only level that is not', () => {
		const effects: string[] = [];
		let state = initialState(marketDataLadder, 0);
		for (let i = 1; i <= 4; i++) {
			const taken = step(marketDataLadder, state, { atMs: i * 500, readings: { lag: 9_000_000, heap: 0.3 } });
			state = taken.state;
			effects.push(
				`${marketDataLadder.levels[state.level]}: ${taken.effects.filter((effect) => effect.endsWith('intake'))}`,
			);
		}
		expect(effects).toEqual(['SOFT: ', 'GRACEFUL: ', 'AGGRESSIVE: ', 'CIRCUIT_BREAK: pause-intake']);
	});

	test('CIRCUIT_BREAK that broker lag holds is left by itself, although the lag cannot fall while intake is paused', () => {
		const paused = machine().run(5, 6_000_000).run(26, 6_000_000);
		expect(paused.state.probing).toBe(false);
		expect(paused.run(2, 6_000_000).state.probing).toBe(true);
		expect(paused.run(5, 3_000_000).run(5, 2_400_000).state.probing).toBe(true);
		expect(paused.run(31, 2_400_000).level).toBe('AGGRESSIVE');
	});
});

describe('the tiers', () => {
	test.each([
		['BHP', 'tier1', 'critical'],
		['ALL', 'tier1', 'critical'],
		['REA', 'tier2', 'high'],
		['ORA', 'tier2', 'high'],
		['XYZ', 'tier3', 'normal'],
		['', 'tier3', 'normal'],
	])('%j is in %s, %s', (symbol, tier, priority) => {
		expect([marketDataTiers.tierOf(symbol), marketDataTiers.priorityOf(symbol)]).toEqual([tier, priority]);
	});

	test('case matters', () => {
		expect(['BHP', 'bhp', 'Bhp', ' BHP'].map(marketDataTiers.tierOf)).toEqual(['tier1', 'tier3', 'tier3', 'tier3']);
	});

	test('a symbol of two tiers gets the better one', () => {
		const tiers = defineTiers({
			tiers: [
				{ name: 'tier1', priority: 'critical', keys: ['BHP', 'CBA'] },
				{ name: 'tier2', priority: 'high', keys: ['BHP', 'REA'] },
			],
			fallback: { name: 'tier3', priority: 'normal' },
		});
		expect(['BHP', 'CBA', 'REA', 'XYZ'].map(tiers.priorityOf)).toEqual(['critical', 'critical', 'high', 'normal']);
	});

	test('empty tiers work: every symbol is in the last one', () => {
		const tiers = defineTiers({
			tiers: [
				{ name: 'tier1', priority: 'critical', keys: [] },
				{ name: 'tier2', priority: 'high', keys: [] },
			],
			fallback: { name: 'tier3', priority: 'normal' },
		});
		expect(['BHP', 'XYZ'].map(tiers.tierOf)).toEqual(['tier3', 'tier3']);
		expect(createTierRegistry(tiers).replace(marketDataTiers).tierOf('BHP')).toBe('tier1');
	});

	test('reference data is low for every tier and dropped from GRACEFUL on, any other type has the priority of its tier', () => {
		// The preset's rule: a message's type may name a priority of its own, or none.
		const priorityOf = (message: { readonly symbol: string; readonly type: string }) =>
			message.type === 'reference' ? 'low' : marketDataTiers.priorityOf(message.symbol);
		expect(priorityOf({ symbol: 'BHP', type: 'reference' })).toBe('low');
		expect(priorityOf({ symbol: 'BHP', type: 'trade' })).toBe('critical');
		expect(priorityOf({ symbol: 'REA', type: 'something new' })).toBe('high');
		expect(decide(marketDataLadder, 2, priorityOf({ symbol: 'BHP', type: 'reference' })).action).toBe('drop');
	});

	test('all priorities of the tiers are priorities of the ladder', () => {
		for (const symbol of ['BHP', 'REA', 'XYZ'])
			expect(marketDataLadder.priorities).toContain(marketDataTiers.priorityOf(symbol));
	});
});

describe('the ladder', () => {
	test('a sixth level is one more entry', () => {
		const { spec } = marketDataLadder;
		const six = defineLadder({
			...spec,
			levels: [
				...spec.levels.slice(0, 3),
				{ name: 'HARD', enterAt: { lag: 700_000, heap: 0.85 }, shed: { normal: 'spill' } },
				...spec.levels.slice(3),
			],
		});
		expect(six.levels).toEqual(['NORMAL', 'SOFT', 'GRACEFUL', 'HARD', 'AGGRESSIVE', 'CIRCUIT_BREAK']);
		expect(demandOf(six, { lag: 700_000, heap: 0 })).toBe(3);
		expect(six.priorities.map((priority) => decide(six, 3, priority).action)).toEqual([
			'process',
			'process',
			'spill',
			'drop',
		]);
	});

	test('its history is bounded: a day of checks makes the state no larger', () => {
		const busy = machine();
		const size = () => JSON.stringify(busy.state).length;
		for (let i = 0; i < 60; i++) busy.run(30, i % 2 ? 0 : 700_000, 0.3);
		const before = size();
		for (let i = 0; i < 1_440; i++) busy.run(60, i % 3 ? 0 : 700_000, i % 7 ? 0.3 : 0.96);
		expect(size()).toBeLessThan(before + 100);
	});
});
