import type { Hold } from '../core/state.js';
import type { Route } from './router.js';

const DONE = { process: 'processed', spill: 'spilled', reject: 'rejected', drop: 'dropped' } as const;

/** Says in words why a message is treated as it is, and what holds recovery back (rule D6). */
export function explanation(
	{ decision, done, tier, fenced, skipped }: Route,
	holds: readonly Hold[],
	nowMs: number,
): string {
	const { action, level, priority } = decision;
	const off = Object.entries(done.features)
		.filter(([, on]) => !on)
		.map(([feature]) => feature);
	const without = off.length > 0 && done.action === 'process' ? `, without ${off.join(' and ')}` : '';
	const would = action === done.action ? '' : ` (it would be ${DONE[action]} if the mode were enforce)`;
	const behind = fenced ? ', behind older ones of its key that are waiting' : '';
	const late = skipped ? ', because it is too old already and fresh ones wait behind it' : '';
	const treated = `At ${level} a message of ${tier} (${priority}) is ${DONE[done.action]}${without}${behind}${late}${would}.`;
	if (holds.length === 0) return treated;
	const reasons = holds.map(({ reason, signal, untilMs }) => {
		const by = signal === undefined ? '' : ` (${signal})`;
		return reason + by + (untilMs === undefined ? '' : ` for ${(Math.max(0, untilMs - nowMs) / 1000).toFixed(1)} s`);
	});
	return `${treated} Recovery is held by ${reasons.join(', ')}.`;
}
