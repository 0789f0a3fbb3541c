import { counter, gauge, timestamp } from './metric.js';

/** What is measured, and whether the measuring works. */
export const signalMetrics = [
	gauge('signal_value', {
		unit: 'signal',
		help: 'The last reading of a signal, in the unit of its thresholds',
		labels: ['signal'],
		absent: 'while the last reading was bad',
		from: ({ signals }) => signals.map(({ name, value }) => ({ signal: name, value })),
	}),
	gauge('signal_unknown', {
		unit: 'state',
		help: 'Whether a signal is unknown: bad readings for too long, or a stuck sensor',
		labels: ['signal'],
		from: ({ signals }) => signals.map(({ name, unknownMs }) => ({ signal: name, value: unknownMs === null ? 0 : 1 })),
	}),
	gauge('signal_threshold', {
		unit: 'signal',
		help: 'Where a signal demands a level (enter), and below which it lets go of it (release)',
		labels: ['signal', 'level', 'edge'],
		from: ({ signals }) =>
			signals.flatMap(({ name, thresholds }) =>
				thresholds.flatMap(({ level, enterAt, release }) => [
					{ signal: name, level, edge: 'enter', value: enterAt },
					{ signal: name, level, edge: 'release', value: release },
				]),
			),
	}),
	gauge('signal_last_read_timestamp_seconds', {
		unit: 'timestamp',
		help: 'When a signal was last read well',
		labels: ['signal'],
		cluster: 'min',
		absent: 'before the first good reading',
		from: ({ signals }) =>
			signals.map(({ name, lastReadAtMs }) => ({ signal: name, value: timestamp(lastReadAtMs) ?? Number.NaN })),
	}),
	counter('signal_errors_total', {
		unit: 'count',
		help: 'Reads of a signal that threw, were late, or answered something else than a number',
		labels: ['signal'],
		from: ({ signals }) => signals.map(({ name, errors }) => ({ signal: name, value: errors })),
	}),
	counter('checks_total', {
		unit: 'count',
		help: 'Checks: all signals read and the ladder advanced. The evaluator stands still when this does',
		from: ({ checks }) => checks,
	}),
	counter('check_seconds_total', {
		unit: 'seconds',
		help: 'How long all checks took together, waiting for signals included',
		from: ({ checksMs }) => checksMs / 1000,
	}),
	gauge('check_duration_seconds', {
		unit: 'seconds',
		help: 'How long the last check took, waiting for signals included',
		from: ({ checkMs }) => checkMs / 1000,
	}),
	gauge('last_check_timestamp_seconds', {
		unit: 'timestamp',
		help: 'When the last check ended',
		cluster: 'min',
		absent: 'before the first check',
		from: ({ lastCheckAtMs }) => timestamp(lastCheckAtMs),
	}),
	counter('errors_total', {
		unit: 'count',
		help: 'Failures beside message handling, by where they happened',
		labels: ['component'],
		from: ({ errors }) => Object.entries(errors).map(([component, value]) => ({ component, value })),
	}),
];
