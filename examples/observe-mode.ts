/**
 * Before you trust it: in observe mode everything is decided and counted, and nothing is done. Every message is processed
 * with all features on, nothing is spilled, and intake stays open.
 *
 *     npx tsx examples/observe-mode.ts
 */
import { createLoadShedder, marketDataLadder, marketDataTiers } from '../src/index.js';

let lag = 0;
let enriched = 0;
const shedder = createLoadShedder({
	mode: 'observe',
	ladder: marketDataLadder,
	signals: { lag: { read: () => lag, fallsWhilePaused: false }, heap: () => 0.5 },
	tiers: marketDataTiers,
	keyOf: (trade: { symbol: string }) => trade.symbol,
});
const handle = shedder.wrap((_trade, { features }) => {
	if (features.enrichment) enriched++;
});

for (lag of [0, 150_000, 600_000, 1_200_000]) {
	await shedder.check();
	console.log(`lag ${String(lag).padStart(9)}: would be at ${shedder.level}`);
	for (let n = 0; n < 100; n++) for (const symbol of ['BHP', 'REA', 'ZIP']) await handle({ symbol });
}

const { offered, processed, decisions } = shedder.stats();
console.log(
	`\n${processed} of ${offered} messages were processed, ${enriched} of them enriched. In force it would have shed:`,
);
for (const { action, level, tier, n } of decisions) {
	if (action !== 'process' && n > 0) console.log(`  ${n} messages of ${tier} at ${level}: ${action}`);
}
await shedder.stop();
