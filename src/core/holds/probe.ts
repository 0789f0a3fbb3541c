import type { ReportRule } from './hold.js';

/** A paused intake waits for its next look, or is looking (rule R8). It only reports: the cooldown is what holds. */
export const probe: ReportRule = ({ ladder, verdicts, atMs }, now) => {
	if (now.probe === null || verdicts[now.level] === 'yes') return null;
	const phaseMs = now.probing ? ladder.probe.forMs : now.probe.afterMs;
	return { reason: 'probe', untilMs: atMs + phaseMs - now.probe.phaseMs };
};
