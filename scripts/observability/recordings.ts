import type { Recording } from './rule.js';

/** Below this many messages a second, a queue is not really being drained, and a time to the end means nothing. */
const DRAINS_FROM_PER_S = 0.01;

/** Queries that several people would write, each in another way. */
export const RECORDINGS: readonly Recording[] = [
	{
		record: 'job:brownout_degradation_level:max',
		expr: 'max by (cluster, namespace, job, shedder) (brownout_degradation_level)',
		why: 'The worst level of any instance. Levels are never added up.',
	},
	{
		record: 'instance:brownout_degradation_transitions:increase1h',
		expr: 'sum without (from_level, to_level, cause) (increase(brownout_degradation_transitions_total[1h]))',
		why: 'Changes of level within an hour.',
	},
	{
		record: 'instance:brownout_messages:rate5m',
		expr: 'sum without (action, priority, tier) (rate(brownout_decisions_total[5m]))',
		why: 'Messages a second that were decided on.',
	},
	{
		record: 'instance:brownout_messages_shed:ratio_rate5m',
		expr: [
			'sum without (action, priority, tier) (rate(brownout_decisions_total{action!="process"}[5m]))',
			'/ (sum without (action, priority, tier) (rate(brownout_decisions_total[5m])) > 0)',
		].join('\n'),
		why: 'The share of messages that were not processed at once. Absent without messages, instead of 0 / 0.',
	},
	{
		record: 'instance:brownout_spill_used:ratio',
		expr: 'brownout_spill_bytes / (brownout_spill_capacity_bytes > 0)',
		why: 'How full the spill is, 0 to 1.',
	},
	{
		record: 'instance:brownout_spill_drain:seconds',
		expr: `brownout_spill_messages / -(deriv(brownout_spill_messages[10m]) < -${DRAINS_FROM_PER_S})`,
		why: 'The time until the spill is empty at the pace of the last 10 minutes. Absent while it does not get less.',
	},
];
