import { ladderMetrics } from './ladder-metrics.js';
import { messageMetrics } from './message-metrics.js';
import type { Metric } from './metric.js';
import { signalMetrics } from './signal-metrics.js';
import { spillMetrics } from './spill-metrics.js';
import { tierMetrics } from './tier-metrics.js';

/** The metrics by what they are about; docs/metrics.md shows them in this order. */
export const CHAPTERS: Readonly<Record<string, readonly Metric[]>> = {
	'The ladder': ladderMetrics,
	Messages: messageMetrics,
	'The spill and its replay': spillMetrics,
	'Signals and checks': signalMetrics,
	Tiers: tierMetrics,
};

/** Every metric there is. Each may have the label {@link SHEDDER} besides its own. */
export const CATALOGUE: readonly Metric[] = Object.values(CHAPTERS).flat();

/** What names begin with unless something else is asked for. */
export const PREFIX = 'brownout_';
