import { defineLadder, type Ladder } from '../../src/core/ladder.js';
import { marketDataLadder } from '../../src/presets/market-data.js';

const { spec } = marketDataLadder;

/** The ladders that the stories tell of. */
export const ladders: { readonly [name: string]: Ladder } = {
	'market-data': marketDataLadder,
	'market-data, lag bridged for 2 s and stale after 20 s, then at least GRACEFUL': defineLadder({
		...spec,
		signals: {
			...spec.signals,
			lag: { ...spec.signals.lag, maxAgeMs: 2_000, staleAfterMs: 20_000, onStale: { atLeast: 'GRACEFUL' } },
		},
	}),
	'market-data, lag stuck after 20 s': defineLadder({
		...spec,
		signals: { ...spec.signals, lag: { ...spec.signals.lag, stuckAfterMs: 20_000 } },
	}),
	'market-data with a sixth level': defineLadder({
		...spec,
		levels: [
			...spec.levels.slice(0, 3),
			{ name: 'HARD', enterAt: { lag: 700_000, heap: 0.85 }, shed: { normal: 'spill' }, cooldownMs: 10_000 },
			...spec.levels.slice(3),
		],
		escalation: 'jump',
		recovery: 'step',
	}),
	'two lean levels': defineLadder({
		...spec,
		signals: { lag: { recoverBelow: 0.5 }, heap: { recoverBelow: 0.9 } },
		levels: [
			{ name: 'NORMAL' },
			{ name: 'SOFT', enterAt: { lag: 100_000 }, disable: ['enrichment'] },
			{ name: 'LEAN', enterAt: { lag: 300_000 }, disable: ['strictValidation'] },
			{ name: 'SPILLING', enterAt: { lag: 1_000_000 }, shed: { normal: 'spill', low: 'drop' } },
		],
	}),
};
