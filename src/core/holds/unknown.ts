import type { HoldRule } from './hold.js';

/** Nobody can tell whether a level is calm, and unknown is never healthy (rule R5). */
export const unknown: HoldRule = ({ ladder, sensors, inSight, verdicts }, now, target) => {
	if (inSight) return null;
	for (let rung = now.automatic; rung > target; rung--) {
		if (verdicts[rung] === 'yes') continue;
		const blind = ladder.signals.find((signal, i) => signal.at[rung] !== undefined && sensors[i]?.unknownMs !== null);
		if (blind !== undefined) return { reason: 'unknown', signal: blind.name };
	}
	return null;
};
