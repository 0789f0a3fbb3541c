import { createLoadShedder, marketDataLadder, marketDataTiers, memorySpill } from '../src/index.js';
import { heapSignal } from '../src/process/index.js';

let lag = 0; // stands for the lag of your consumer
const shedder = createLoadShedder({
	ladder: marketDataLadder,
	signals: { lag: () => lag, heap: heapSignal() },
	tiers: marketDataTiers,
	keyOf: (trade: { symbol: string; price: number }) => trade.symbol,
	spill: memorySpill(),
});
const handle = shedder.wrap((trade, { features }) => `${trade.price}${features.enrichment ? ', enriched' : ''}`);

for (lag of [0, 150_000, 600_000, 1_200_000]) {
	await shedder.check(); // shedder.start() does this every 500 ms
	for (const symbol of ['BHP', 'ZIP']) console.log(shedder.level, symbol, await handle({ symbol, price: 42 }));
}
