import type { ReportRule } from './hold.js';

/** A person keeps the level up while the ladder goes on underneath (rule R10). It only reports. */
export const override: ReportRule = ({ sample }, now) =>
	now.level > now.automatic ? { reason: 'override', untilMs: sample.override?.untilMs } : null;
