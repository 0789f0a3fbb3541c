import type { HoldRule } from './hold.js';
import { oneMoreCooldown } from './one-more-cooldown.js';

/** Features stay given up for the replay of a large spill (rule M3). */
export const spill: HoldRule = (moment, now, target) =>
	moment.leanForReplay && target < moment.ladder.leanLevel ? oneMoreCooldown('spill', moment, now) : null;
