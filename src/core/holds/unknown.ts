import type { HoldRule } from './hold.js';

/** Nobody can tell whether a level is calm, and unknown is never healthy (rule R5). */
export const unknown: HoldRule = ({ ladder, sensors, inSight, verdicts }, _, target) => {
	const rung = target + 1;
	if (inSight || verdicts[rung] === 'yes') return null;
	const blind = ladder.signals.find((signal, i) => signal.at[rung] !== undefined && sensors[i]?.unknownMs !== null);
	return blind === undefined ? null : { reason: 'unknown', signal: blind.name };
};
