import { chosen, inLevelColours, lines, rate, steps, sumBy } from '../panel.js';

const OF = 'signal=~"$signal"';

/** What is measured. The first panel is repeated for each signal. */
export const signals = [
	inLevelColours(
		lines(
			{
				title: 'Signal: $signal',
				description:
					'The readings in their own unit, between the thresholds: at "enter" the signal demands the level, below "release" it lets go of it. A gap is a reading that was bad.',
				unit: 'short',
			},
			{
				'{{instance}} {{shedder}}': chosen('signal_value', OF),
				'enter {{level}}': `max by (level) (${chosen('signal_threshold', `${OF}, edge="enter"`)})`,
				'release {{level}}': `max by (level) (${chosen('signal_threshold', `${OF}, edge="release"`)})`,
			},
		)
			.fillOpacity(0)
			.lineWidth(2)
			.overrideByRegexp('/^(enter|release) /', [{ id: 'custom.lineWidth', value: 1 }])
			.overrideByRegexp('/^release /', [{ id: 'custom.lineStyle', value: { fill: 'dash', dash: [6, 6] } }]),
	)
		.span(24)
		.repeat('signal')
		.maxPerRow(2),
	lines(
		{
			title: 'Age of the readings',
			description:
				'Since each signal was last read well. Steady growth: nothing answers. Absent before the first good reading.',
			unit: 's',
		},
		{
			'{{signal}} {{instance}} {{shedder}}': `time() - ${chosen('signal_last_read_timestamp_seconds')}`,
		},
	),
	steps(
		{
			title: 'Unknown signals',
			description:
				'How many shedders do not know a signal: bad readings for too long, or a stuck sensor. The ladder cannot recover past it.',
			unit: 'short',
		},
		{ '{{signal}}': sumBy('signal', chosen('signal_unknown')) },
	),
	lines(
		{
			title: 'Errors of reading',
			description: 'Reads that threw, were late, or answered something else than a number.',
			unit: 'cps',
		},
		{ '{{signal}}': sumBy('signal', rate('signal_errors_total')) },
	),
	lines(
		{
			title: 'Check duration',
			description:
				'How long a check takes, waiting for signals included: the mean, and the last one. A signal may take 2 s at most.',
			unit: 's',
		},
		{
			'mean {{instance}} {{shedder}}': `${rate('check_seconds_total')} / ${rate('checks_total')}`,
			'last {{instance}} {{shedder}}': chosen('check_duration_seconds'),
		},
	),
	lines(
		{
			title: 'Checks',
			description:
				'Checks a second; one is due every half second unless told otherwise. At 0 nobody evaluates the signals.',
			unit: 'cps',
		},
		{ '{{instance}} {{shedder}}': rate('checks_total') },
	),
	lines(
		{
			title: 'Errors by component',
			description: 'Failures beside message handling: in signals, intake, spill, replay, listeners, tiers.',
			unit: 'cps',
		},
		{ '{{component}}': sumBy('component', rate('errors_total')) },
	),
];
