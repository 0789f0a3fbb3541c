import { always, growing, turning } from './fleet.js';

/** What makes a shedder sick, by metric; `undefined` = it has no such series. */
type Sick = Readonly<Record<string, string | undefined>>;

export interface Firing {
	/** Goes on after "fires". */
	readonly when: string;
	readonly sick: Sick;
	/** Minutes after the start. */
	readonly atMinutes: number;
	/** What `{{ $value }}` is written as; left out where the texts do not name it. */
	readonly value?: string;
}

export interface Silent {
	/** Goes on after "is silent". */
	readonly when: string;
	readonly sick: Sick;
	readonly atMinutes: number;
}

export interface Cases {
	readonly fires: readonly Firing[];
	readonly silent: readonly Silent[];
}

/** Paused but for a probe of one scrape in ten. */
const probing = `${'1 1 1 1 1 1 1 1 1 0 '.repeat(10)}${always(0)}`;

/** Counters with the same rule. */
const counted = (metric: string, minutes: number): Cases => ({
	fires: [
		{ when: `at the first one: ${metric}`, sick: { [metric]: turning(5, 0, 1) }, atMinutes: 6 },
		{ when: `when the counter is born above 0: ${metric}`, sick: { [metric]: `_x20 ${always(2)}` }, atMinutes: 7 },
		{ when: `when one more comes after long: ${metric}`, sick: { [metric]: turning(200, 4, 5) }, atMinutes: 202 },
	],
	silent: [
		{ when: `again once it is long ago: ${metric}`, sick: { [metric]: turning(5, 0, 1) }, atMinutes: 6 + minutes },
		{ when: `while an old count stands: ${metric}`, sick: { [metric]: always(3) }, atMinutes: 10 + minutes },
		{ when: `when a restart begins at 0: ${metric}`, sick: { [metric]: turning(100, 3, 0) }, atMinutes: 102 },
	],
});

const both = (a: Cases, b: Cases): Cases => ({
	fires: [...a.fires, ...b.fires],
	silent: [...a.silent, ...b.silent],
});

/** For each alert, what makes it fire and what does not. */
export const CASES: Readonly<Record<string, Cases>> = {
	ProtectedTierShed: counted('brownout_protected_shed_total', 15),
	SpillLost: both(
		counted('brownout_spill_lost_total', 15),
		counted('brownout_spill_damaged_records_total{kind="corrupt"}', 15),
	),
	IntakeStopped: {
		fires: [
			{ when: 'after minutes without intake', sick: { brownout_intake_paused: turning(10, 0, 1) }, atMinutes: 16 },
			{ when: 'though probes open it for moments', sick: { brownout_intake_paused: probing }, atMinutes: 10 },
		],
		silent: [
			{ when: 'at first', sick: { brownout_intake_paused: turning(10, 0, 1) }, atMinutes: 13 },
			{
				when: 'while intake is closed half of the time',
				sick: { brownout_intake_paused: '1 0 '.repeat(200) },
				atMinutes: 60,
			},
			{ when: 'again when intake is open', sick: { brownout_intake_paused: turning(20, 1, 0) }, atMinutes: 21 },
		],
	},
	EvaluatorStalled: {
		fires: [
			{
				when: 'when no check is made any more',
				sick: { brownout_checks_total: `${growing(120, 0, 40)} ${always(1_200)}` },
				atMinutes: 14,
			},
			{ when: 'when there never was one', sick: { brownout_checks_total: always(0) }, atMinutes: 2 },
		],
		silent: [
			{
				when: 'at first',
				sick: { brownout_checks_total: `${growing(120, 0, 40)} ${always(1_200)}` },
				atMinutes: 12,
			},
			{
				when: 'at one check a minute',
				sick: { brownout_checks_total: '0 0 0 1 1 1 1 2 2 2 2 3 3 3 3 4 4 4 4 5' },
				atMinutes: 4,
			},
		],
	},
	SheddingLoad: {
		fires: [
			{
				when: 'at a level that sheds',
				sick: { brownout_degradation_level: turning(10, 0, 2), brownout_degradation_shedding: turning(10, 0, 1) },
				atMinutes: 15.5,
				value: '2',
			},
			{
				when: 'while the level goes on changing above it',
				sick: { brownout_degradation_level: '2 3 4 3 '.repeat(50), brownout_degradation_shedding: always(1) },
				atMinutes: 6,
				value: '2',
			},
		],
		silent: [
			{
				when: 'for a short burst',
				sick: { brownout_degradation_level: turning(10, 0, 3), brownout_degradation_shedding: turning(10, 0, 1) },
				atMinutes: 14,
			},
			{
				when: 'at a level that only switches features off',
				sick: { brownout_degradation_level: always(1) },
				atMinutes: 60,
			},
			{
				when: 'where it is only observed',
				sick: {
					brownout_degradation_level: always(3),
					brownout_degradation_shedding: always(1),
					'brownout_mode_active{mode="enforce"}': always(0),
					'brownout_mode_active{mode="observe"}': always(1),
				},
				atMinutes: 60,
			},
		],
	},
	Flapping: {
		fires: [
			{
				when: 'at more than 100 transitions an hour, of all kinds together',
				sick: {
					'brownout_degradation_transitions_total{from_level="NORMAL",to_level="SOFT",cause="lag"}': growing(1),
					'brownout_degradation_transitions_total{from_level="SOFT",to_level="NORMAL",cause="recovered"}': growing(1),
				},
				atMinutes: 70,
				value: '120',
			},
			{
				when: 'at more than 5 flaps an hour',
				sick: { brownout_flaps_total: growing(0.1) },
				atMinutes: 70,
				value: '6',
			},
		],
		silent: [
			{
				when: 'at 96 transitions an hour',
				sick: {
					'brownout_degradation_transitions_total{from_level="NORMAL",to_level="SOFT",cause="lag"}': growing(0.8),
					'brownout_degradation_transitions_total{from_level="SOFT",to_level="NORMAL",cause="recovered"}': growing(0.8),
				},
				atMinutes: 70,
			},
			{ when: 'at 3 flaps an hour', sick: { brownout_flaps_total: growing(0.05) }, atMinutes: 70 },
		],
	},
	StuckDegraded: {
		fires: [
			{
				when: 'when nothing asks for the level any more',
				sick: { brownout_degradation_level: turning(10, 0, 1) },
				atMinutes: 41,
			},
			{
				when: 'after hours above the first level, though they are asked for',
				sick: { brownout_degradation_level: always(1), brownout_degradation_demand_level: always(1) },
				atMinutes: 275,
			},
		],
		silent: [
			{
				when: 'while a cooldown may still explain it',
				sick: { brownout_degradation_level: turning(10, 0, 1) },
				atMinutes: 30,
			},
			{
				when: 'while an override explains it',
				sick: { brownout_degradation_level: always(3), brownout_overridden: always(1) },
				atMinutes: 60,
			},
			{
				when: 'while the load asks for it',
				sick: { brownout_degradation_level: always(2), brownout_degradation_demand_level: always(2) },
				atMinutes: 200,
			},
			{
				when: 'in a new process that is degraded from the start',
				sick: {
					brownout_degradation_level: `_x800 ${always(1)}`,
					brownout_degradation_demand_level: `_x800 ${always(1)}`,
				},
				atMinutes: 240,
			},
		],
	},
	SpillFillingUp: {
		fires: [
			{
				when: 'above 80 %',
				sick: { brownout_spill_bytes: turning(10, 500_000, 850_000) },
				atMinutes: 35,
				value: '85%',
			},
			{
				when: 'when it will be full within the hour',
				sick: { brownout_spill_bytes: growing(12_500, 300_000) },
				atMinutes: 20,
				value: '130%',
			},
		],
		silent: [
			{ when: 'at 70 % and steady', sick: { brownout_spill_bytes: always(700_000) }, atMinutes: 60 },
			{ when: 'at a first burst', sick: { brownout_spill_bytes: growing(30_000) }, atMinutes: 10 },
			{
				when: 'without a capacity',
				sick: { brownout_spill_bytes: growing(30_000), brownout_spill_capacity_bytes: undefined },
				atMinutes: 60,
			},
			{
				when: 'without a spill',
				sick: { brownout_spill_bytes: undefined, brownout_spill_capacity_bytes: undefined },
				atMinutes: 60,
			},
		],
	},
	SpillNotDraining: {
		fires: [
			{
				when: 'when nothing is replayed though nothing asks for shedding',
				sick: { brownout_spill_messages: always(1_200) },
				atMinutes: 21,
				value: '1.2k',
			},
			{
				when: 'where nothing has ever been replayed',
				sick: {
					brownout_spill_messages: always(12),
					'brownout_replayed_total{outcome="replayed"}': undefined,
					'brownout_replayed_total{outcome="expired"}': undefined,
				},
				atMinutes: 21,
				value: '12',
			},
		],
		silent: [
			{
				when: 'while it is replayed',
				sick: { brownout_spill_messages: always(1_200), 'brownout_replayed_total{outcome="replayed"}': growing(2) },
				atMinutes: 60,
			},
			{
				when: 'while the load asks for shedding',
				sick: { brownout_spill_messages: always(1_200), brownout_degradation_demand_level: always(3) },
				atMinutes: 60,
			},
			{
				when: 'right after the load',
				sick: { brownout_spill_messages: always(1_200), brownout_degradation_demand_level: turning(10, 3, 0) },
				atMinutes: 20,
			},
			{
				when: 'while an override keeps it from replaying',
				sick: { brownout_spill_messages: always(1_200), brownout_overridden: always(1) },
				atMinutes: 60,
			},
			{ when: 'while it is empty', sick: { brownout_spill_messages: always(0) }, atMinutes: 60 },
		],
	},
	SignalUnknown: {
		fires: [
			{
				when: 'after two minutes',
				sick: { 'brownout_signal_unknown{signal="lag"}': turning(10, 0, 1) },
				atMinutes: 13,
			},
		],
		silent: [
			{
				when: 'at first',
				sick: { 'brownout_signal_unknown{signal="lag"}': turning(10, 0, 1) },
				atMinutes: 11,
			},
			{
				when: 'when it is known again',
				sick: { 'brownout_signal_unknown{signal="lag"}': turning(10, 1, 0) },
				atMinutes: 10.5,
			},
		],
	},
	TierReloadFailed: {
		fires: [
			{
				when: 'until the file is mended, however long it takes',
				sick: { brownout_tier_reload_failing: turning(10, 0, 1) },
				atMinutes: 290,
			},
		],
		silent: [
			{ when: 'at first', sick: { brownout_tier_reload_failing: turning(10, 0, 1) }, atMinutes: 10.5 },
			{ when: 'when it is mended', sick: { brownout_tier_reload_failing: turning(10, 1, 0) }, atMinutes: 10.5 },
		],
	},
	OverrideLeftOn: {
		fires: [{ when: 'after an hour', sick: { brownout_overridden: turning(10, 0, 1) }, atMinutes: 71 }],
		silent: [
			{ when: 'within the hour', sick: { brownout_overridden: turning(10, 0, 1) }, atMinutes: 60 },
			{
				when: 'between two overrides of less than an hour',
				sick: { brownout_overridden: `${always(1, 200)} 0 ${always(1)}` },
				atMinutes: 100,
			},
		],
	},
	ProtectedTierUnserved: {
		fires: [
			{ when: 'when all have paused', sick: { brownout_intake_paused: turning(10, 0, 1) }, atMinutes: 14, value: '2' },
			{
				when: 'when all are gone',
				sick: { brownout_intake_paused: `${always(0, 40)} stale` },
				atMinutes: 20,
				value: '2',
			},
		],
		silent: [
			{
				when: 'while intake opens half of the time',
				sick: { brownout_intake_paused: '1 0 '.repeat(200) },
				atMinutes: 60,
			},
			{ when: 'once a job is long gone', sick: { brownout_intake_paused: `${always(0, 40)} stale` }, atMinutes: 60 },
		],
	},
};
