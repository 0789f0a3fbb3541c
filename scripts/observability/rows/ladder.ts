import { levelNames } from '../levels.js';
import { band, bars, chosen, inLevelColours, lines, rate, stacked, steps, sumBy, WHICH } from '../panel.js';

const increase = (metric: string) => `increase(${chosen(metric)}[$__rate_interval])`;

/** Where the ladder stands, how it got there, and what holds it. */
export const ladder = [
	band(
		{
			title: 'Level',
			description: 'The level of each shedder over time. A level above the fifth is shown as its number.',
			unit: 'none',
		},
		{ [WHICH]: chosen('degradation_level') },
		levelNames,
	),
	steps(
		{
			title: 'Demand versus level',
			description:
				'What the readings ask for, with its fraction towards the next level (severity), beside the level in force. The level follows at once upwards, and after a cooldown downwards.',
			unit: 'none',
		},
		{
			'level {{instance}} {{shedder}}': chosen('degradation_level'),
			'demand {{instance}} {{shedder}}': chosen('degradation_demand_level'),
			'severity {{instance}} {{shedder}}': chosen('degradation_severity'),
		},
	).fillOpacity(0),
	bars(
		{
			title: 'Transitions',
			description: 'Changes of level in each interval, by where from and where to.',
			unit: 'short',
		},
		{ '{{from_level}} to {{to_level}}': sumBy('from_level, to_level', increase('degradation_transitions_total')) },
	),
	bars(
		{
			title: 'Causes of transitions',
			description:
				'The first signal that reached its threshold; or recovered, override (also a reload or a restore), stale (a signal unknown for too long), spill_full.',
			unit: 'short',
		},
		{ '{{cause}}': sumBy('cause', increase('degradation_transitions_total')) },
	),
	lines(
		{
			title: 'Flaps per hour',
			description:
				'Escalations within 60 s of a recovery, over the last hour. More than 5 is an alert: thresholds too close together, or a load that goes round in circles.',
			unit: 'short',
		},
		{ [WHICH]: `increase(${chosen('flaps_total')}[1h])` },
	),
	inLevelColours(
		stacked(
			{
				title: 'Time at each level',
				description: 'The share of the time that the chosen shedders spent at each level.',
				unit: 'percentunit',
			},
			{
				'{{level}}': `${sumBy('level', rate('time_in_level_seconds_total'))} / on () group_left () sum(${rate('time_in_level_seconds_total')})`,
			},
		).max(1),
	),
	steps(
		{
			title: 'What holds recovery back',
			description:
				'How many shedders are kept from recovering, by reason: a cooldown that is running, an unknown signal, the utilisation predicted below (guard), a probe, an override, a spill that is full.',
			unit: 'short',
		},
		{ '{{reason}}': sumBy('reason', chosen('recovery_held')) },
	),
	lines(
		{
			title: 'Cooldown remaining',
			description: 'How long the level in force has to stay calm before it is left. Back-off lengthens it after flaps.',
			unit: 's',
		},
		{ [WHICH]: chosen('cooldown_remaining_seconds') },
	),
	inLevelColours(
		lines(
			{
				title: 'Predicted utilisation per level',
				description:
					'The share of the capacity that the load of now would take at each level, the worst of any shedder. A guard holds recovery to a level where it is above 0.9. Absent while it is unknown.',
				unit: 'percentunit',
			},
			{ '{{level}}': `max by (level) (${chosen('predicted_utilisation_ratio')})` },
		).fillOpacity(0),
	),
	lines(
		{
			title: 'Since the last transition',
			description: 'How long the level has stood. Absent before the first transition.',
			unit: 's',
		},
		{ [WHICH]: `time() - ${chosen('last_transition_timestamp_seconds')}` },
	),
];
