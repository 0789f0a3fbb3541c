import type { Decision } from '../core/decide.js';
import type { Hold } from '../core/state.js';

const DONE = { process: 'processed', spill: 'spilled', reject: 'rejected', drop: 'dropped' } as const;

/** Says in words why a message is treated as it is, and what holds recovery back (rule D6). */
export function explanation(
	{ action, level, priority }: Decision<string, string, string>,
	done: Decision<string, string, string>,
	tier: string,
	holds: readonly Hold[],
	nowMs: number,
): string {
	const off = Object.entries(done.features)
		.filter(([, on]) => !on)
		.map(([feature]) => feature);
	const without = off.length > 0 && done.action === 'process' ? `, without ${off.join(' and ')}` : '';
	const would = action === done.action ? '' : ` (it would be ${DONE[action]} if the mode were enforce)`;
	const treated = `At ${level} a message of ${tier} (${priority}) is ${DONE[done.action]}${without}${would}.`;
	if (holds.length === 0) return treated;
	const reasons = holds.map(({ reason, signal, untilMs }) => {
		const by = signal === undefined ? '' : ` (${signal})`;
		return reason + by + (untilMs === undefined ? '' : ` for ${(Math.max(0, untilMs - nowMs) / 1000).toFixed(1)} s`);
	});
	return `${treated} Recovery is held by ${reasons.join(', ')}.`;
}
