/** How fast spilled messages are fed back. Plain JSON. */
export interface Pace {
	/** Messages per second, >= 0. */
	readonly perS: number;
	/** Time until it may grow again after a standing delay, ms. */
	readonly waitMs: number;
	/** What the spare capacity is multiplied by, >= 1: an estimate that nothing contradicts slowly loosens. */
	readonly trust: number;
	/** Just below the pace at which messages began to wait, messages per second; `null` before they have. */
	readonly ceilingPerS: number | null;
	/** Time since then, ms. */
	readonly sinceCutMs: number;
}

/** What the pace of the next interval depends on. */
export interface PaceInput {
	/** Time since the last call, ms. */
	readonly elapsedMs: number;
	/** Replay is permitted (see {@link mayReplay}). */
	readonly mayRun: boolean;
	/** The demand has risen since the last call. */
	readonly rising: boolean;
	/** Live messages wait for longer than handling takes: there is no room at this pace. */
	readonly standingDelay: boolean;
	/** Messages per second that were really fed since the last call; `NaN` = unknown. */
	readonly fedPerS: number;
	/** Messages per second that the capacity left by live load would carry; `NaN` = unknown. */
	readonly sparePerS: number;
	/** A cap by the user, messages per second. Default none. */
	readonly maxPerS?: number | undefined;
}

/** Not replaying. */
export const noPace: Pace = Object.freeze({ perS: 0, waitMs: 0, trust: 1, ceilingPerS: null, sinceCutMs: 0 });

/** The first pace, messages per second, when nothing is known; else this share of the spare capacity. */
const START_PER_S = 10;
const START_SHARE = 0.1;
/** The least pace of a replay that may run: no estimate, however wrong, stops it for ever. */
const LEAST_PER_S = 1;
/** Growth per second, of the pace and of the trust. */
const RAMP = 0.5;
const LOOSEN = 0.02;
const TRUST_MAX = 1_000;
const TESTED_SHARE = 0.9;
const CEILING_SHARE = 0.9;
/** Growth of the ceiling per second, per second since the last cut: the longer all is well, the bolder. */
const CEILING_GROWS = 0.002;
/** How long the pace rests after a standing delay, ms. */
const REST_MS = 5_000;

/**
 * The pace of the next interval (rule M3): towards the spare capacity on a ramp, cut at once when the demand rises. Where
 * the capacity is unknown it feels its way up; at a standing delay it halves and rests.
 */
export function nextPace(before: Pace, input: PaceInput): Pace {
	if (!input.mayRun || input.rising) return noPace;
	const seconds = input.elapsedMs / 1000;
	const restedMs = Math.max(0, before.waitMs - input.elapsedMs);
	// One cut a rest: a delay needs time to go before it says something about the new pace.
	const cut = input.standingDelay && restedMs === 0;
	const waitMs = cut ? REST_MS : restedMs;
	const resting = waitMs > 0;
	const known = !Number.isNaN(input.sparePerS);
	const capAt = (trust: number) => (known ? Math.max(LEAST_PER_S, input.sparePerS) * trust : Number.POSITIVE_INFINITY);
	// An estimate is put to the test where it limits the pace, and nowhere else.
	const tested = before.perS >= TESTED_SHARE * capAt(before.trust);
	const trust = resting ? 1 : Math.min(before.trust * (tested ? 1 + LOOSEN * seconds : 1), TRUST_MAX);
	const cap = capAt(trust);
	const start = known ? cap * START_SHARE : START_PER_S;
	// A pace that handlers cannot follow does not grow.
	const followed = Number.isNaN(input.fedPerS) ? Number.POSITIVE_INFINITY : Math.max(start, 2 * input.fedPerS);
	// What waits when replay has hardly begun is live load that is still being worked off: it says nothing about this pace.
	const begun = known || before.perS > START_PER_S || before.ceilingPerS !== null;
	const ceilingPerS = ceilingOf(before, input, cut && begun);
	const grown = Math.min(before.perS * (1 + RAMP * seconds), followed, ceilingPerS ?? Number.POSITIVE_INFINITY);
	const wanted = cut ? before.perS / 2 : resting ? before.perS : grown;
	const least = resting ? LEAST_PER_S : Math.max(LEAST_PER_S, start);
	return {
		perS: Math.min(Math.max(wanted, least), cap, input.maxPerS ?? cap),
		waitMs,
		trust,
		ceilingPerS,
		sinceCutMs: cut ? 0 : before.sinceCutMs + input.elapsedMs,
	};
}

/**
 * Near the pace at which messages began to wait it is felt for slowly, so that it goes over by little. A delay that comes much
 * earlier may be the live load's doing, so it brings the ceiling down by half at most.
 */
function ceilingOf(before: Pace, { elapsedMs }: PaceInput, cut: boolean): number | null {
	const { perS, ceilingPerS, sinceCutMs } = before;
	if (cut) return Math.max(CEILING_SHARE * perS, (ceilingPerS ?? 0) / 2, LEAST_PER_S);
	if (ceilingPerS === null || perS < TESTED_SHARE * ceilingPerS) return ceilingPerS;
	return ceilingPerS * (1 + (CEILING_GROWS * sinceCutMs * elapsedMs) / 1e6);
}
