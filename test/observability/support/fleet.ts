import type { UnitTest } from './promtool.js';

/** Values by metric and its own labels, such as `brownout_spill_bytes` or `brownout_signal_unknown{signal="lag"}`. */
export type Series = Readonly<Record<string, string>>;

/** A shedder of an instance. */
export interface Place {
	readonly instance: string;
	/** `''` = without a name, so that its series have no such label. */
	readonly shedder: string;
}

export const JOB = 'feed';
export const SCRAPE_S = 15;
/** Scrapes in five hours. */
const SCRAPES = 1_200;

/** Always the same value. */
export const always = (value: number | string, scrapes = SCRAPES) => `${value}+0x${scrapes}`;
/** More by the minute, from `start`. */
export const growing = (perMinute: number, start = 0, scrapes = SCRAPES) =>
	`${start}+${(perMinute * SCRAPE_S) / 60}x${scrapes}`;
/** One value for some minutes, then another. */
export const turning = (minutes: number, before: number | string, after: number | string) =>
	`${always(before, (minutes * 60) / SCRAPE_S - 1)} ${always(after)}`;

/** A shedder that has nothing to do but its work, and changes its level now and then. */
export const HEALTHY: Series = {
	brownout_degradation_level: always(0),
	brownout_degradation_demand_level: always(0),
	brownout_degradation_shedding: always(0),
	'brownout_mode_active{mode="enforce"}': always(1),
	'brownout_mode_active{mode="observe"}': always(0),
	'brownout_degradation_transitions_total{from_level="NORMAL",to_level="SOFT",cause="lag"}': growing(0.05),
	'brownout_degradation_transitions_total{from_level="SOFT",to_level="NORMAL",cause="recovered"}': growing(0.05),
	brownout_flaps_total: growing(0.01),
	'brownout_decisions_total{action="process",priority="critical",tier="tier1"}': growing(6_000),
	'brownout_decisions_total{action="process",priority="normal",tier="tier3"}': growing(60_000),
	brownout_protected_shed_total: always(0),
	brownout_intake_paused: always(0),
	'brownout_signal_unknown{signal="lag"}': always(0),
	'brownout_signal_unknown{signal="heap"}': always(0),
	brownout_checks_total: growing(120),
	brownout_spill_messages: always(0),
	brownout_spill_bytes: always(0),
	brownout_spill_capacity_bytes: always(1_000_000),
	brownout_spill_lost_total: always(0),
	'brownout_spill_damaged_records_total{kind="corrupt"}': always(0),
	'brownout_spill_damaged_records_total{kind="missing"}': always(0),
	'brownout_replayed_total{outcome="replayed"}': always(7),
	'brownout_replayed_total{outcome="expired"}': always(0),
	brownout_tier_reload_failing: always(0),
	brownout_overridden: always(0),
};

/** Two instances, each with three shedders: on fewer, an operator that matches many to many would still work. */
export const FLEET: readonly Place[] = ['a:9464', 'b:9464'].flatMap((instance) =>
	['quotes', 'orders', ''].map((shedder) => ({ instance, shedder })),
);

/**
 * The series of all of {@link FLEET}, where some are not as healthy as the rest: `undefined` = there is no such series.
 *
 * @param metrics  only these, which is quicker.
 */
export function fleet(
	sick: (place: Place) => Readonly<Record<string, string | undefined>> | undefined,
	metrics?: readonly string[],
): UnitTest['input_series'] {
	return FLEET.flatMap((place) =>
		Object.entries<string | undefined>({ ...HEALTHY, ...sick(place) }).flatMap(([name, values]) =>
			values === undefined || metrics?.includes(metricOf(name)) === false
				? []
				: [{ series: seriesOf(name, place), values }],
		),
	);
}

/** The metric of a series. */
export function metricOf(name: string): string {
	return name.replace(/\{.*/, '');
}

function seriesOf(name: string, { instance, shedder }: Place): string {
	const target = `job="${JOB}",instance="${instance}"${shedder && `,shedder="${shedder}"`}`;
	return name.endsWith('}') ? name.replace('{', `{${target},`) : `${name}{${target}}`;
}
