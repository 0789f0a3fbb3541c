import { bars, chosen, inLevelColours, lines, rate, stacked, steps, sumBy } from '../panel.js';

/** What became of the messages. */
export const messages = [
	stacked(
		{
			title: 'Decisions by action',
			description:
				'Messages a second: processed, spilled (kept for later), rejected (handed back to the source), dropped (can be backfilled). In observe mode what would have been done.',
			unit: 'mps',
		},
		{ '{{action}}': sumBy('action', rate('decisions_total')) },
	),
	stacked(
		{
			title: 'Decisions by priority',
			description: 'Messages a second by priority and action. The protected priority has no other action than process.',
			unit: 'mps',
		},
		{ '{{priority}} {{action}}': sumBy('priority, action', rate('decisions_total')) },
	),
	stacked(
		{
			title: 'Decisions by tier',
			description: 'Messages a second by tier and action: who is served, and who pays for it.',
			unit: 'mps',
		},
		{ '{{tier}} {{action}}': sumBy('tier, action', rate('decisions_total')) },
	),
	inLevelColours(
		stacked(
			{
				title: 'Messages shed',
				description: 'Messages a second that were not processed at once, by the level that was in force.',
				unit: 'mps',
			},
			{ '{{level}} {{tier}} {{action}}': sumBy('level, tier, action', rate('messages_shed_total')) },
		),
	),
	bars(
		{
			title: 'Protected shed',
			description:
				'Protected messages that were not processed, in each interval. Must be empty: anything else is a fault.',
			unit: 'short',
		},
		{ '{{instance}} {{shedder}}': `increase(${chosen('protected_shed_total')}[$__rate_interval])` },
	),
	lines(
		{
			title: 'Offered and finished',
			description:
				'Messages a second that were handed to the shedder, and what became of them. The rest was kept for later, see below.',
			unit: 'mps',
		},
		{
			offered: `sum(${rate('messages_offered_total')})`,
			'{{outcome}}': sumBy('outcome', rate('messages_finished_total')),
		},
	),
	lines(
		{
			title: 'In flight',
			description:
				'Messages in a handler, or on the way to the spill. Steady growth means that handlers do not come back.',
			unit: 'short',
		},
		{ '{{instance}} {{shedder}}': chosen('messages_in_flight') },
	),
	steps(
		{
			title: 'Mode',
			description:
				'How many shedders carry their decisions out (enforce), only count them (observe), or do neither (off).',
			unit: 'short',
		},
		{ '{{mode}}': sumBy('mode', chosen('mode_active')) },
	),
];
