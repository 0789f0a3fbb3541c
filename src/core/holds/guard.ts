import type { HoldRule } from './hold.js';
import { oneMoreCooldown } from './one-more-cooldown.js';

/**
 * The level below could not carry the load: its predicted utilisation is too high (rule R7). The prediction may be
 * wrong, so it delays a recovery and never forbids it; an unknown prediction holds nothing.
 */
export const guard: HoldRule = (moment, now, target) => {
	const options = moment.ladder.spec.guard;
	const predicted = moment.sample.utilisation?.[target] ?? Number.NaN;
	return options && predicted > (options.maxUtilisation ?? 0.9) ? oneMoreCooldown('guard', moment, now) : null;
};
