import { states } from '../levels.js';
import { band, bars, chosen, steps, sumBy, WHICH } from '../panel.js';

/** Intake, people and tiers. */
export const service = [
	band(
		{
			title: 'Intake',
			description: 'Whether each shedder takes in messages. While paused, a probe opens it for moments.',
			unit: 'none',
		},
		{ [WHICH]: chosen('intake_paused') },
		states('open', 'paused', 'purple'),
	),
	band(
		{
			title: 'Overrides',
			description: "Whether a person's word is over the automatic level. It ends by itself.",
			unit: 'none',
		},
		{ [WHICH]: chosen('overridden') },
		states('automatic', 'overridden', 'blue'),
	),
	steps(
		{
			title: 'Override ends in',
			description: 'How long each override lasts. Absent without one.',
			unit: 's',
		},
		{ [WHICH]: chosen('override_remaining_seconds') },
	),
	bars(
		{
			title: 'Tier reloads',
			description: 'Attempts to replace the tiers in each interval. After a failed one the old tiers stay.',
			unit: 'short',
		},
		{ '{{result}}': sumBy('result', `increase(${chosen('tier_reloads_total')}[$__rate_interval])`) },
	),
	band(
		{
			title: 'Tiers wanted and in force',
			description:
				'Whether the last attempt to replace the tiers has failed, so that others than those wanted are in force.',
			unit: 'none',
		},
		{ [WHICH]: chosen('tier_reload_failing') },
		states('as wanted', 'the old ones', 'red'),
	),
	steps(
		{
			title: 'Members of the tiers',
			description: 'How many keys each tier lists, the most of any shedder. The tier of all other keys lists none.',
			unit: 'short',
		},
		{ '{{tier}}': `max by (tier) (${chosen('tier_members')})` },
	),
];
