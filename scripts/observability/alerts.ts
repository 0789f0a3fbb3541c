import type { Alert } from './rule.js';

/** Every alert names the shedder first, if it has a name: that is what its receiver knows the service by. */
const WHO = '{{ with $labels.shedder }}{{ . }} of {{ end }}{{ $labels.job }} on {{ $labels.instance }}';

/**
 * Grew within `window`. A process that begins above zero, such as with damage found at its start, has no increase yet:
 * that needs two samples, and takes the first for the beginning.
 */
const grew = (counter: string, window: string, sum?: string) => {
	const of = (query: string) => (sum === undefined ? query : `${sum} (${query})`);
	const before = of(`${counter} offset ${window}`);
	return `${of(`increase(${counter}[${window}])`)} > 0\nor (${of(counter)} > 0 unless ${before})`;
};

/** The alerts, the ones that wake somebody first. */
export const ALERTS: readonly Alert[] = [
	{
		name: 'ProtectedTierShed',
		severity: 'critical',
		expr: grew('brownout_protected_shed_total', '15m'),
		for: '0s',
		summary: `${WHO} has shed protected messages`,
		description:
			'Messages of the protected priority were not processed. No configuration allows that, so it is a fault: of the library, or of code that acts on decisions of its own. Look for what was lost, then report it.',
		why: 'Must be 0 for ever, so that one is enough. Stays for 15 minutes after the last one.',
	},
	{
		name: 'SpillLost',
		severity: 'critical',
		expr: [
			grew('brownout_spill_lost_total', '15m'),
			`or ${grew('brownout_spill_damaged_records_total', '15m', 'sum without (kind)')}`,
		].join('\n'),
		for: '0s',
		summary: `${WHO} has lost spilled messages`,
		description:
			'The spill holds fewer messages than it has kept, or found records damaged: a bad disk, or somebody removed them. Copy what is readable before anything else, then find out what is missing.',
		why: 'A store finds most damage when it is opened, right before the first scrape, so a counter that is born above 0 fires too.',
	},
	{
		name: 'IntakeStopped',
		severity: 'critical',
		expr: 'avg_over_time(brownout_intake_paused[2m]) > 0.75',
		for: '3m',
		summary: `${WHO} has taken in nothing for minutes`,
		description:
			'The last level of the ladder has paused intake and it stays paused. Nothing is processed but what was delivered before, and the backlog grows at the source.',
		why: 'Intake opens for some seconds at each probe, which a scrape may or may not meet; the share of time tells it from an intake that works.',
	},
	{
		name: 'EvaluatorStalled',
		severity: 'critical',
		expr: 'increase(brownout_checks_total[2m]) == 0',
		for: '1m',
		summary: `${WHO} does not check its signals any more`,
		description:
			'No check has been made for minutes: the level stands still whatever the load does. The service neither protects itself nor recovers.',
		why: 'A check is due every half second. A loop that is blocked altogether answers no scrape either: then `up` is 0, which is for an alert that you have.',
	},
	{
		name: 'SheddingLoad',
		severity: 'warning',
		expr: [
			'brownout_degradation_level',
			'and brownout_degradation_shedding == 1',
			'and ignoring (mode) brownout_mode_active{mode="enforce"} == 1',
		].join('\n'),
		for: '5m',
		summary: `${WHO} has shed load for 5 minutes`,
		description:
			'The ladder stands at level {{ $value }}: messages are dropped or spilled (GRACEFUL or worse). That is what it is for, but it is not meant to last.',
		why: 'The first level that gives up messages, whatever it is called: GRACEFUL on the ladders that come with the library. A shedder that only observes gives up nothing.',
	},
	{
		name: 'Flapping',
		severity: 'warning',
		expr: [
			'sum without (from_level, to_level, cause) (increase(brownout_degradation_transitions_total[1h])) > 100',
			'or increase(brownout_flaps_total[1h]) > 5',
		].join('\n'),
		for: '0s',
		summary: `${WHO} changes its level too often`,
		description:
			'{{ $value | humanize }} within an hour: more than 100 transitions, or more than 5 flaps (an escalation within a minute of a recovery). Thresholds lie too close together, or a constant load goes round in circles.',
		why: 'Back-off bounds the flaps of any load to about one per 5 minutes, so more than 5 an hour is a load that never finds its level.',
	},
	{
		name: 'StuckDegraded',
		severity: 'warning',
		expr: [
			'(brownout_degradation_level > brownout_degradation_demand_level unless brownout_overridden == 1)',
			'or (min_over_time(brownout_degradation_level[4h]) > 0 and brownout_degradation_level offset 4h > 0)',
		].join('\n'),
		for: '30m',
		summary: `${WHO} does not come back to normal`,
		description:
			'The ladder has stood above what its signals ask for for half an hour, or has not been at its first level for 4 hours. Something holds recovery back, or the service is too small for its load.',
		why: 'A cooldown that back-off has stretched lasts 5 minutes at most, so half an hour has another reason. An override has an alert of its own.',
	},
	{
		name: 'SpillFillingUp',
		severity: 'warning',
		expr: [
			'brownout_spill_bytes / brownout_spill_capacity_bytes > 0.8',
			'or (predict_linear(brownout_spill_bytes[15m], 3600) / brownout_spill_capacity_bytes > 1',
			'  and brownout_spill_bytes / brownout_spill_capacity_bytes > 0.4)',
		].join('\n'),
		for: '5m',
		summary: `${WHO} is filling up its spill`,
		description:
			'The spill is {{ $value | humanizePercentage }} full, or will be within the hour (then the figure is the forecast). When it is full, messages are processed instead of spilled, with all their cost.',
		why: 'A forecast alone would fire at every first burst into an empty spill.',
	},
	{
		name: 'SpillNotDraining',
		severity: 'warning',
		expr: [
			'(brownout_spill_messages > 0 and max_over_time(brownout_degradation_demand_level[15m]) == 0)',
			'unless sum without (outcome) (increase(brownout_replayed_total[15m])) > 0',
			'unless brownout_overridden == 1',
		].join('\n'),
		for: '5m',
		summary: `${WHO} does not replay its spill`,
		description:
			'{{ $value | humanize }} messages wait, nothing has asked for shedding for a quarter of an hour, and none has been replayed: the oldest one fails again and again, or replay has stopped.',
		why: 'Replay runs while nothing asks for shedding. Any outcome counts: expired and dead-lettered messages have left the spill too.',
	},
	{
		name: 'SignalUnknown',
		severity: 'warning',
		expr: 'brownout_signal_unknown == 1',
		for: '2m',
		summary: `signal {{ $labels.signal }} of ${WHO} is unknown`,
		description:
			'There has been no good reading for minutes, or the sensor is stuck. The ladder goes on without it: it cannot escalate for what this signal would say, and does not recover past it.',
		why: 'One bad reading is bridged by the last good one (`maxAgeMs`), and is no alert.',
	},
	{
		name: 'OverrideLeftOn',
		severity: 'warning',
		expr: 'brownout_overridden == 1',
		for: '1h',
		summary: `the level of ${WHO} is overridden`,
		description:
			'Somebody has overridden the ladder for an hour or more. While it lasts, the level does not follow the load.',
		why: 'An override ends by itself. Longer than an hour, it has been forgotten or stands in for a change of the ladder.',
	},
	{
		name: 'TierReloadFailed',
		severity: 'warning',
		expr: 'brownout_tier_reload_failing == 1',
		for: '1m',
		summary: `${WHO} has refused new tiers`,
		description:
			'A tier file or a replacement was wrong, so the old tiers are still in force. Every instance refuses the same file: mend it before the next restart, which has no old tiers to keep.',
		why: 'The state and not the count of failures: it stays until the file is mended, however long that takes.',
	},
	{
		name: 'ProtectedTierUnserved',
		severity: 'warning',
		expr: [
			'count by (cluster, namespace, job, shedder) (last_over_time(brownout_intake_paused[30m]))',
			'unless count by (cluster, namespace, job, shedder) (avg_over_time(brownout_intake_paused[2m]) < 0.75)',
		].join('\n'),
		for: '1m',
		summary: 'no instance of {{ $labels.job }} takes in anything{{ with $labels.shedder }} for {{ . }}{{ end }}',
		description:
			'All instances that have been seen within half an hour ({{ $value }}) have paused intake or are gone. Not even the protected tier is served.',
		why: 'Gone counts as paused: whose metrics vanish serves nobody. Labels that you do not have (cluster, namespace) are ignored.',
	},
];
