import { defineLadder } from '../core/ladder.js';
import { defineTiers } from '../core/tiers.js';

/**
 * The ladder of a market-data platform: consumer lag in messages and heap as a ratio, five levels, all-or-nothing.
 * `critical` is protected; reference data (`low`) can be backfilled and is the only thing dropped.
 *
 * @see docs/market-data.md
 */
export const marketDataLadder = /* @__PURE__ */ defineLadder({
	priorities: { protected: 'critical', sheddable: ['high', 'normal', 'low'] },
	features: ['enrichment', 'strictValidation'],
	signals: {
		lag: { recoverBelow: 0.5, fallsWhilePaused: false },
		heap: { recoverBelow: 0.9 },
	},
	levels: [
		{ name: 'NORMAL' },
		{ name: 'SOFT', enterAt: { lag: 100_000, heap: 0.7 }, disable: ['enrichment', 'strictValidation'] },
		{ name: 'GRACEFUL', enterAt: { lag: 500_000, heap: 0.8 }, shed: { low: 'drop' } },
		{ name: 'AGGRESSIVE', enterAt: { lag: 1_000_000, heap: 0.9 }, shed: { high: 'spill', normal: 'spill' } },
		{ name: 'CIRCUIT_BREAK', enterAt: { lag: 5_000_000, heap: 0.95 }, intake: 'paused' },
	],
	cooldownMs: 30_000,
	guard: {},
	probe: { afterMs: 30_000, forMs: 5_000 },
});

/**
 * Example tiers of their time: the 20 ASX symbols with the most volume, the next ones of the top 100, and all others.
 * Bring your own list, or make one with `classifyByVolume`.
 */
export const marketDataTiers = /* @__PURE__ */ defineTiers({
	tiers: [
		{
			name: 'tier1',
			priority: 'critical',
			keys: /* @__PURE__ */ words('BHP CBA CSL NAB WBC ANZ WES MQG RIO TLS WOW FMG NCM STO WPL AMC GMG TCL COL ALL'),
		},
		{
			name: 'tier2',
			priority: 'high',
			keys: /* @__PURE__ */ words(
				'REA QAN BXB ORG JHX CPU SHL ASX IAG APA S32 MIN SGP AGL RMD SEK ORI QBE MPL AZJ WHC LLC SCG EVN JBH DXS GPT MGR NST BOQ ILU ALX VCX SDF CHC TAH ALU IPL HVN ORA',
			),
		},
	],
	fallback: { name: 'tier3', priority: 'normal' },
});

function words(text: string): readonly string[] {
	return text.split(' ');
}
