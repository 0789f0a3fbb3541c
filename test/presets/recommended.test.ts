import { describe, expect, it } from 'vitest';
import { ConfigError, decideGradually, demandOf, initialState, recommendedLadder, step } from '../../src/index.js';
import { fc } from '../support/property.js';

const anySlo = fc.double({ min: 1, max: 1e9, noNaN: true });
const readings = (change: { readonly ageMs?: number; readonly lagMs?: number; readonly heap?: number }) => ({
	ageMs: 0,
	lagMs: 0,
	heap: 0,
	...change,
});

describe('recommendedLadder', () => {
	it('refuses what is no objective, naming it', () => {
		for (const sloMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, '10' as unknown as number]) {
			expect(() => recommendedLadder({ sloMs })).toThrow(ConfigError);
			expect(() => recommendedLadder({ sloMs })).toThrow('sloMs');
		}
	});

	it('scales with the objective', () => {
		fc.assert(
			fc.property(anySlo, fc.double({ min: 0, max: 3, noNaN: true }), (sloMs, share) => {
				const one = demandOf(recommendedLadder({ sloMs: 1 }), readings({ ageMs: share, lagMs: share / 2 }));
				const other = demandOf(
					recommendedLadder({ sloMs }),
					readings({ ageMs: share * sloMs, lagMs: (share * sloMs) / 2 }),
				);
				// Exactly on a threshold the two may round apart.
				const near = [0.25, 0.35, 0.36, 0.5, 0.67, 0.86].some((at) => Math.abs(share - at) < 1e-9);
				if (!near) expect(other).toBe(one);
			}),
		);
	});

	it('never stops intake for being late, however late: only memory does', () => {
		fc.assert(
			fc.property(anySlo, fc.double({ min: 0, noNaN: true }), (sloMs, lateMs) => {
				const ladder = recommendedLadder({ sloMs });
				expect(demandOf(ladder, readings({ ageMs: lateMs, lagMs: lateMs }))).toBeLessThanOrEqual(3);
			}),
		);
		expect(demandOf(recommendedLadder({ sloMs: 10_000 }), readings({ heap: 0.95 }))).toBe(4);
	});

	it('gives up features first, then low, normal and high, and all of it before a message is late', () => {
		const ladder = recommendedLadder({ sloMs: 10_000 });
		const treated = (ageMs: number) => {
			let state = initialState(ladder, 0);
			let severity = 0;
			for (let atMs = 500; atMs <= 2_500; atMs += 500) {
				({ state, severity } = step(ladder, state, { atMs, readings: readings({ ageMs }) }));
			}
			return ladder.priorities.map((priority) => {
				const { action, features } = decideGradually(ladder, state.level, severity, priority, 0.5);
				return action === 'process' && !features.enrichment ? 'lean' : action;
			});
		};
		expect(treated(2_400)).toEqual(['process', 'process', 'process', 'process']);
		expect(treated(3_400)).toEqual(['lean', 'lean', 'lean', 'lean']);
		expect(treated(6_400)).toEqual(['lean', 'lean', 'lean', 'drop']);
		expect(treated(7_700)).toEqual(['lean', 'lean', 'spill', 'drop']);
		expect(treated(9_400)).toEqual(['lean', 'spill', 'spill', 'drop']);
	});

	it('can be spread into a ladder of one’s own', () => {
		expect(recommendedLadder({ sloMs: 10_000 }).spec.levels.map(({ name }) => name)).toEqual([
			'NORMAL',
			'SOFT',
			'GRACEFUL',
			'AGGRESSIVE',
			'CIRCUIT_BREAK',
		]);
	});
});
