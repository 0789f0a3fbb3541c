import { chosen, figure } from '../panel.js';

/** Is everything well? */
export const glance = [
	figure(
		{
			title: 'Level now',
			description: 'The worst level of any shedder that is chosen above. NORMAL: nothing is given up.',
			unit: 'none',
		},
		`max(${chosen('degradation_level')})`,
	),
	figure(
		{
			title: 'Demand now',
			description:
				'The level that the readings ask for, the worst of any. Below the level: the ladder is on its way back, or something holds it.',
			unit: 'none',
		},
		`max(${chosen('degradation_demand_level')})`,
	),
	figure(
		{
			title: 'Protected shed so far',
			description: 'Protected messages that were not processed, since each process began. Must be 0.',
			unit: 'short',
		},
		`sum(${chosen('protected_shed_total')})`,
		1,
	),
	figure(
		{
			title: 'Lost or damaged in the spill',
			description: 'Messages that the spill had kept and does not have any more, and damaged records. Must be 0.',
			unit: 'short',
		},
		`sum(${chosen('spill_lost_total')}) + (sum(${chosen('spill_damaged_records_total')}) or vector(0))`,
		1,
	),
	figure(
		{ title: 'Intake paused', description: 'How many shedders take in nothing at the moment.', unit: 'short' },
		`sum(${chosen('intake_paused')})`,
		1,
	),
	figure(
		{
			title: 'Overridden',
			description: "How many shedders follow a person's word at the moment instead of their signals.",
			unit: 'short',
		},
		`sum(${chosen('overridden')})`,
		1,
	),
];
