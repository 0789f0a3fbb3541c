import {
	createLoadShedder,
	createTierRegistry,
	defineLadder,
	marketDataLadder,
	marketDataTiers,
	memorySpill,
} from '../../index.js';
import { manualClock } from '../../testing/index.js';
import { classification } from './feed.js';
import { createMarket } from './market.js';

const SPILL_MAX_BYTES = 256 * 1024 * 1024;
const SEED = 20_080_915;

/** The preset with one more entry: a rung that spills the third tier and leaves the second one alone. */
export const sixLevels = defineLadder({
	...marketDataLadder.spec,
	levels: marketDataLadder.spec.levels.flatMap((level) =>
		level.name === 'AGGRESSIVE'
			? [{ name: 'SELECTIVE', enterAt: { lag: 750_000, heap: 0.85 }, shed: { normal: 'spill' } } as const, level]
			: [level],
	),
});

/** The market, the shedder and the time of one run of the story. */
export function createWorld() {
	const clock = manualClock();
	const market = createMarket(SEED);
	const registry = createTierRegistry(marketDataTiers);
	const shedder = createLoadShedder({
		ladder: marketDataLadder,
		signals: { lag: { read: market.lag, fallsWhilePaused: false }, heap: market.heap },
		intake: market.intake,
		tiers: registry,
		...classification,
		spill: memorySpill({ maxBytes: SPILL_MAX_BYTES }),
		clock,
	});
	return { clock, market, registry, shedder, handle: shedder.wrap(market.handler) };
}

export type World = ReturnType<typeof createWorld>;
