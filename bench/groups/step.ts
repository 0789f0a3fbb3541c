import { do_not_optimize } from 'mitata';
import { defineLadder, initialState, step } from '../../src/index.js';
import type { Group } from '../group.js';

const ladder = defineLadder({
	priorities: { protected: 'critical', sheddable: ['high', 'normal', 'low'] },
	features: ['enrichment'],
	signals: {
		lag: { recoverBelow: 0.5, fallsWhilePaused: false },
		ageMs: { recoverBelow: 0.5 },
		heap: { recoverBelow: 0.9 },
		busy: { recoverBelow: 0.8, maxAgeMs: 5_000, stuckAfterMs: 60_000 },
	},
	levels: [
		{ name: 'NORMAL' },
		{ name: 'SOFT', enterAt: { lag: 100, ageMs: 50, heap: 0.7, busy: 0.7 }, disable: ['enrichment'] },
		{ name: 'GRACEFUL', enterAt: { lag: 500, ageMs: 300, heap: 0.8, busy: 0.9 }, shed: { low: 'drop' } },
		{ name: 'AGGRESSIVE', enterAt: { lag: 1_000, ageMs: 500, heap: 0.9 }, shed: { high: 'spill', normal: 'spill' } },
		{ name: 'CIRCUIT_BREAK', enterAt: { lag: 5_000, heap: 0.95 }, intake: 'paused' },
	],
	cooldownMs: 30_000,
	guard: {},
	probe: { afterMs: 30_000, forMs: 5_000 },
});

const PERIOD = 512;

/** Two samples a second of a lag given over one period; the other signals follow it, and no reading stays the same. */
function sampling(lagAt: (phase: number) => number): () => void {
	const utilisation = ladder.levels.map((_, level) => 1.2 - level / 10);
	const readings = Array.from({ length: PERIOD }, (_, i) => {
		const lag = lagAt(i / PERIOD) + (i % 7);
		const busy = Math.min(0.99, 0.4 + lag / 10_000 + (i % 3) / 100);
		return { lag, ageMs: lag / 4, heap: 0.3 + (i % 11) / 100, busy };
	});
	let state = initialState(ladder, 0);
	let i = 0;
	return () => {
		const now = readings[i % PERIOD] as (typeof readings)[number];
		const next = step(ladder, state, {
			atMs: i++ * 500,
			readings: now,
			utilisation,
			spillFull: 0.01,
			replaying: false,
		});
		state = next.state;
		do_not_optimize(next);
	};
}

export const sample: Group = {
	title: 'A sample',
	about: '`step` on a ladder of 5 levels and 4 signals',
	hasFloor: false,
	async cases() {
		const goal = { perSMin: 1_000_000 };
		return [
			{ name: 'calm', run: sampling(() => 10), goal },
			{ name: 'high: AGGRESSIVE all the time', run: sampling(() => 1_500), goal },
			{ name: 'saw-tooth over all levels', run: sampling((phase) => (phase < 0.5 ? phase * 12_000 : 0)), goal },
		];
	},
};
