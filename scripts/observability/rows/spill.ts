import { chosen, lines, rate, steps, sumBy, WHICH } from '../panel.js';

/** What is kept for later, and how it comes back. */
export const spill = [
	lines(
		{
			title: 'Spill depth',
			description: 'Messages that wait in the spill, not yet replayed and acknowledged.',
			unit: 'short',
		},
		{ [WHICH]: chosen('spill_messages') },
	),
	lines(
		{
			title: 'Spill size',
			description:
				'What the spill takes, against what it may. When it is full, messages are processed instead, with all their cost.',
			unit: 'bytes',
		},
		{
			'used {{instance}} {{shedder}}': chosen('spill_bytes'),
			'capacity {{instance}} {{shedder}}': chosen('spill_capacity_bytes'),
		},
	),
	lines(
		{
			title: 'Age of the oldest',
			description: 'How long the oldest message has waited. It falls while replay gets on. Absent while none waits.',
			unit: 's',
		},
		{ [WHICH]: `time() - ${chosen('spill_oldest_timestamp_seconds')}` },
	),
	lines(
		{
			title: 'Drain ETA',
			description:
				'The time until the spill is empty: at the pace of replay, and at the trend of its depth over the last interval (what still comes in counted). Absent while it is not replayed.',
			unit: 's',
		},
		{
			'replay {{instance}} {{shedder}}': chosen('replay_eta_seconds'),
			'trend {{instance}} {{shedder}}': `${chosen('spill_messages')} / -(deriv(${chosen('spill_messages')}[$__rate_interval]) < -0.01)`,
		},
	),
	lines(
		{
			title: 'Into the spill and out of it',
			description:
				'Messages a second: kept; and come to their end: replayed, expired, superseded by a later one of their key, there twice, or dead-lettered.',
			unit: 'mps',
		},
		{ kept: `sum(${rate('spilled_total')})`, '{{outcome}}': sumBy('outcome', rate('replayed_total')) },
	),
	steps(
		{
			title: 'Pace of replay',
			description: 'How many messages a second replay may feed at present. 0 while it yields to the live load.',
			unit: 'mps',
		},
		{ [WHICH]: chosen('replay_pace_per_second') },
	),
	lines(
		{
			title: 'Delay of replayed messages',
			description: 'How long the message that was replayed last had waited. Absent while nothing is replayed.',
			unit: 's',
		},
		{ [WHICH]: chosen('replay_delay_seconds') },
	),
	lines(
		{
			title: 'Lost or damaged',
			description:
				'Messages that the spill had kept and does not have any more, and records that were found damaged or missing, since each process began. Must be 0.',
			unit: 'short',
		},
		{
			'lost {{instance}} {{shedder}}': chosen('spill_lost_total'),
			'{{kind}} {{instance}} {{shedder}}': chosen('spill_damaged_records_total'),
		},
	),
];
