import { ConfigError, verify } from '../core/errors.js';
import { defineLadder, type Ladder } from '../core/ladder.js';
import { recommendedLadder } from '../presets/recommended.js';
import { type Survey, seconds, short, surveyOf, swingOf } from './survey.js';
import { checkTrace, type Trace } from './trace.js';

export interface SuggestOptions {
	/** When a message is late, ms. With it, `lagMs` and `ageMs` get their thresholds from the promise instead of the past. */
	readonly sloMs?: number | undefined;
	/** Messages per second with all features on. With `sloMs`, `lag` gets its thresholds from the promise too. */
	readonly capacityPerS?: number | undefined;
}

/** A proposal, and where each of its numbers comes from. */
export interface Suggestion {
	/** The ladder with the proposed numbers, ready to be tried on the same trace. */
	readonly ladder: Ladder;
	/** What has changed, to be copied into a definition: thresholds by level, release ratios, cooldown. */
	readonly fragment: {
		readonly signals: { readonly [signal: string]: { readonly recoverBelow: number } };
		readonly levels: readonly { readonly name: string; readonly enterAt: { readonly [signal: string]: number } }[];
		readonly cooldownMs: number;
	};
	/** A sentence a number, in the order of the fragment. */
	readonly reasons: readonly string[];
	/** Signals of which nothing can be said, and why: they keep their numbers. */
	readonly refused: readonly string[];
}

/** The usual cooldowns: a level that only caps what is given up costs nothing to hold for longer. */
const COOLDOWN_MS = 30_000;
const GRADUAL_COOLDOWN_MS = 60_000;

interface Proposal {
	/** By level that has one; `null` takes it away. */
	readonly thresholds: readonly (number | null)[];
	readonly recoverBelow: number;
	readonly reasons: readonly string[];
	/** How long the signal stays calm before it is back above the first threshold, where it does so again and again. */
	readonly swingMs: number;
}

/**
 * Proposes thresholds, release ratios and a cooldown for a ladder from what a recording shows, or from the promise where
 * it is given. The levels themselves, what they give up and signals that were not recorded stay as they are.
 *
 * @throws ConfigError when nothing can be said of any signal, with the reason for each.
 */
export function suggestThresholds(ladder: Ladder, trace: Trace, options: SuggestOptions = {}): Suggestion {
	checkTrace(trace);
	checkOptions(options);
	const proposals = new Map<string, Proposal>();
	const refused: string[] = [];
	for (const name of ladder.signals) {
		const proposal = proposalFor(ladder, name, trace, options);
		if (typeof proposal === 'string') refused.push(`${name}: ${proposal}`);
		else proposals.set(name, proposal);
	}
	if (proposals.size === 0) {
		throw new ConfigError(
			'suggestion',
			refused.map((message) => ({ path: 'trace', message })),
		);
	}
	const swingMs = Math.max(...[...proposals.values()].map((proposal) => proposal.swingMs));
	const gradual = ladder.spec.gradual === true;
	const usualMs = gradual ? GRADUAL_COOLDOWN_MS : COOLDOWN_MS;
	const cooldownMs = Math.max(usualMs, Math.ceil((1.25 * swingMs) / 5_000) * 5_000);
	const whySo =
		cooldownMs > usualMs
			? `a quarter longer than a signal stays calm between two swings around its first threshold, ${seconds(swingMs)}`
			: `the usual one${gradual ? ' under gradual treatment' : ''}: ${swingMs > 0 ? 'longer than the swings of any signal around its first threshold' : 'no signal swings around its first threshold again and again'}`;
	const proposed = proposedLadder(ladder, proposals, cooldownMs);
	return {
		ladder: proposed,
		fragment: {
			signals: Object.fromEntries([...proposals].map(([name, { recoverBelow }]) => [name, { recoverBelow }])),
			levels: proposed.spec.levels.slice(1).flatMap(({ name, enterAt = {} }) => {
				const ours = Object.entries(enterAt).filter(([signal]) => proposals.has(signal));
				return ours.length > 0 ? [{ name, enterAt: Object.fromEntries(ours) as Record<string, number> }] : [];
			}),
			cooldownMs,
		},
		reasons: [...[...proposals.values()].flatMap(({ reasons }) => reasons), `cooldownMs ${cooldownMs}: ${whySo}.`],
		refused,
	};
}

function checkOptions({ sloMs = 1, capacityPerS = 1 }: SuggestOptions): void {
	verify('suggestion', (must) => {
		must(Number.isFinite(sloMs) && sloMs > 0, 'sloMs', sloMs, 'a finite number above 0');
		must(Number.isFinite(capacityPerS) && capacityPerS > 0, 'capacityPerS', capacityPerS, 'a finite number above 0');
	});
}

/** The numbers for one signal, or why there are none. */
function proposalFor(ladder: Ladder, name: string, trace: Trace, options: SuggestOptions): Proposal | string {
	const given = ladder.spec.levels.flatMap(({ name: level, enterAt = {} }, i) => {
		const limit = enterAt[name];
		// A level inherits the pause of the levels below it.
		const pauses = ladder.spec.levels.slice(0, i + 1).some(({ intake }) => intake === 'paused');
		const others = Object.keys(enterAt).filter((other) => other !== name && enterAt[other] !== undefined);
		return limit === undefined ? [] : [{ level, limit, pauses, others }];
	});
	const { recoverBelow = 0.5 } = ladder.spec.signals[name] ?? {};
	const recorded = trace.series[name] === undefined ? 'it is not in the recording' : surveyOf(trace, name);
	const promised = promiseFor(name, options);
	if (promised !== null) return fromPromise(name, given, recoverBelow, promised, recorded);
	if (typeof recorded === 'string') return recorded;
	return fromRecording(name, given, recoverBelow, recorded);
}

type Given = readonly {
	readonly level: string;
	readonly limit: number;
	/** Intake is paused there. */
	readonly pauses: boolean;
	/** The other signals that have a threshold there. */
	readonly others: readonly string[];
}[];

/** From the past: the first above what is ordinary, the others on the way to the worst that was seen. */
function fromRecording(name: string, given: Given, before: number, survey: Survey): Proposal | string {
	const { median, p99, noise, peak } = survey;
	const ratio = given.every(({ limit }) => limit <= 1);
	const first = nice(Math.max(p99 + 2 * noise, 1.1 * p99));
	if (!(first > 0)) return 'it is 0 in all ordinary time';
	const { recoverBelow, why } = releaseFor(first, survey, ratio);
	const [start, ...rest] = given;
	if (start === undefined) return 'it has no threshold';
	// It guards the process: lower than need be would only be fearful.
	if (ratio && p99 + 2 * noise < start.limit * before) {
		return `it is well placed: ordinary time ends at ${short(p99)}, below its release threshold ${short(start.limit * before)}`;
	}
	const reasons = [
		`${start.level} ${name} ${short(first)}: above the 99 % quantile of ordinary time, ${short(p99)} (median ${short(median)}), and twice the noise between two points, ${short(noise)}.`,
		`${name} recoverBelow ${recoverBelow}: ${why}`,
	];
	const swingMs = swingOf(survey, first, first * recoverBelow);
	if (ratio) {
		if (rest.length > 0 && first >= (rest[0] as Given[number]).limit) {
			return `above ordinary time and its noise the first threshold would be ${short(first)}, beyond that of ${(rest[0] as Given[number]).level}: give the process more room first`;
		}
		if (rest.length > 0)
			reasons.push(`${name} above ${start.level} as it was: it guards the process, not the promise.`);
		return { thresholds: [first, ...rest.map(({ limit }) => limit)], recoverBelow, reasons, swingMs };
	}
	// Geometric, so that each level has as much room as the one before it, in proportion.
	const steps = rest.filter(({ pauses }) => !pauses).length + 1;
	const overload = peak >= 2 * first;
	const factor = overload ? (peak / first) ** (1 / steps) : 0;
	const thresholds = [first];
	for (const { level, limit } of rest.filter(({ pauses }) => !pauses)) {
		const below = thresholds.at(-1) as number;
		const next = nice(Math.max(overload ? below * factor : (first * limit) / start.limit, 1.2 * below));
		thresholds.push(next);
		reasons.push(
			overload
				? `${level} ${name} ${short(next)}: ${short(factor)} times the level below, so that the last is entered before the worst that was seen, ${short(peak)}.`
				: `${level} ${name} ${short(next)}: as far from the first as before; the recording has no overload to learn from (worst ${short(peak)}).`,
		);
	}
	const pausing = pausingOf(name, rest, Math.max(2 * peak, 2 * (thresholds.at(-1) as number)));
	return {
		...{ recoverBelow, swingMs },
		thresholds: [...thresholds, ...pausing.thresholds],
		reasons: [...reasons, ...pausing.reasons],
	};
}

/** Levels that pause intake: being late is no reason to stop reading, as long as something else tells when it is one. */
function pausingOf(name: string, given: Given, least: number) {
	const thresholds: (number | null)[] = [];
	const reasons: string[] = [];
	let above = least;
	for (const { level, limit, others } of given.filter(({ pauses }) => pauses)) {
		above = Math.max(nice(above), limit);
		thresholds.push(others.length > 0 ? null : above);
		reasons.push(
			others.length > 0
				? `${level} without ${name}: being late is no reason to stop reading, and ${others.join(', ')} pauses intake there. (Under gradual treatment a far threshold also makes the level below apply too slowly.)`
				: `${level} ${name} ${short(above)}: far above everything else, because being late is no reason to stop reading.`,
		);
		above *= 2;
	}
	return { thresholds, reasons };
}

/** From the promise: shares of the SLO, as a delay or as the messages that are drained in that time. */
function fromPromise(
	name: string,
	given: Given,
	recoverBelow: number,
	{ unit, per }: { readonly unit: string; readonly per: number },
	survey: Survey | string,
): Proposal | string {
	const levels = given.filter(({ pauses }) => !pauses);
	const thresholds: number[] = [];
	const reasons: string[] = [];
	const [start, from, to] = sharesFor(name);
	levels.forEach(({ level }, i) => {
		const share = i === 0 ? start : levels.length < 3 ? from : from + ((to - from) * (i - 1)) / (levels.length - 2);
		const wanted = share * per;
		const quiet = typeof survey === 'string' || i > 0 ? 0 : survey.p99 + 2 * survey.noise;
		const next = nice(Math.max(wanted, quiet, 1.2 * (thresholds.at(-1) ?? 0)));
		thresholds.push(next);
		reasons.push(
			quiet > wanted
				? `${level} ${name} ${short(next)}: above ordinary peaks and their noise, ${short(quiet)}, although ${Number(share.toFixed(2))} of ${unit} would be ${short(wanted)}.`
				: `${level} ${name} ${short(next)}: ${Number(share.toFixed(2))} of ${unit}.`,
		);
	});
	const [first] = thresholds;
	if (first === undefined) return 'it has no threshold on a level that sheds';
	if (first > to * per) {
		return `ordinary time reaches ${short(first)}, more than ${to} of ${unit}: the promise cannot be kept on an ordinary day`;
	}
	const release = typeof survey === 'string' ? { recoverBelow, why: 'as it was.' } : releaseFor(first, survey, false);
	reasons.push(`${name} recoverBelow ${release.recoverBelow}: ${release.why}`);
	const pausing = pausingOf(name, given, 2 * (thresholds.at(-1) as number));
	const swingMs = typeof survey === 'string' ? 0 : swingOf(survey, first, first * release.recoverBelow);
	return {
		...{ recoverBelow: release.recoverBelow, swingMs },
		thresholds: [...thresholds, ...pausing.thresholds],
		reasons: [...reasons, ...pausing.reasons],
	};
}

/** Where the recommended ladder gives up the first feature, and sheds the first and the last priority: shares of the SLO. */
function sharesFor(name: string): readonly [start: number, from: number, to: number] {
	const { levels } = recommendedLadder({ sloMs: 1 }).spec;
	const shares = levels.flatMap(({ enterAt }) => enterAt?.[name === 'ageMs' ? 'ageMs' : 'lagMs'] ?? []);
	return shares as [number, number, number];
}

/** What the SLO is in the unit of a signal; `null` where it says nothing of it. */
function promiseFor(name: string, { sloMs, capacityPerS }: SuggestOptions): { unit: string; per: number } | null {
	if (sloMs === undefined) return null;
	if (name === 'lagMs' || name === 'ageMs') return { unit: `the SLO, ${seconds(sloMs)}`, per: sloMs };
	if (name !== 'lag' || capacityPerS === undefined) return null;
	const per = (capacityPerS * sloMs) / 1000;
	return {
		unit: `what ${short(capacityPerS)} messages per second drain within the SLO of ${seconds(sloMs)}, ${short(per)}`,
		per,
	};
}

/** Low enough that noise does not enter again at once, high enough that ordinary time gets below it. */
function releaseFor(first: number, { p90, noise }: Survey, ratio: boolean): { recoverBelow: number; why: string } {
	const usual = ratio ? 0.9 : 0.5;
	const highest = 1 - (2 * noise) / first;
	const wanted = Math.max(usual, (p90 + noise) / first);
	const recoverBelow = Math.max(0.05, Math.min(0.95, Math.floor(100 * Math.min(wanted, highest)) / 100));
	const release = short(first * recoverBelow);
	const why =
		recoverBelow < usual
			? `released below ${release}, further down than usual, because two points differ by up to ${short(noise)}.`
			: wanted > usual
				? `released below ${release}, above nine tenths of ordinary time (${short(p90)}): lower, and it might not be left for hours.`
				: `released below ${release}, twice the noise below the threshold and above ordinary time (${short(p90)}).`;
	return { recoverBelow, why };
}

function proposedLadder(ladder: Ladder, proposals: ReadonlyMap<string, Proposal>, cooldownMs: number): Ladder {
	const { spec } = ladder;
	const left = new Map([...proposals].map(([name, { thresholds }]) => [name, [...thresholds]]));
	return defineLadder({
		...spec,
		cooldownMs,
		signals: Object.fromEntries(
			Object.entries(spec.signals).map(([name, policy]) => [
				name,
				{ ...policy, recoverBelow: proposals.get(name)?.recoverBelow ?? policy.recoverBelow },
			]),
		),
		levels: spec.levels.map((level) => {
			if (level.enterAt === undefined) return level;
			const limits = Object.entries(level.enterAt).flatMap(([name, limit]) => {
				const proposed = left.get(name)?.shift();
				return proposed === null ? [] : [[name, proposed ?? limit] as const];
			});
			return { ...level, enterAt: Object.fromEntries(limits) };
		}),
	}) as Ladder;
}

/** Rounded up to two digits: 123 456 -> 130 000. More would pretend to know. */
function nice(value: number): number {
	if (!(value > 0)) return 0;
	const unit = 10 ** (Math.floor(Math.log10(value)) - 1);
	return Number((Math.ceil(Number((value / unit).toPrecision(12))) * unit).toPrecision(2));
}
