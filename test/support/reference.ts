import type { SignalPolicy } from '../../src/core/spec.js';
import type { Sample } from '../../src/core/state.js';
import type { Spec } from './spec.js';

/**
 * The ladder as its rules read, written to be checked by eye and not to be fast: it keeps the whole history and looks back
 * through it for everything (rules R1 to R10). `step` has to agree with it on every sample.
 */
export interface Reference {
	/** What the rules say about the next sample. `replayRuns`: replay was permitted by the state before it. */
	next(sample: Sample, replayRuns: boolean): Expected;
}

export interface Expected {
	/** The level underneath an override, and the one in force. */
	readonly automatic: number;
	readonly inForce: number;
	readonly demand: number;
	readonly probing: boolean;
	/** Per level, ms; `null` while it is not calm. The first level has nothing to be calm about. */
	readonly calmMs: readonly (number | null)[];
	readonly verdicts: readonly Verdict[];
	/** The lowest level that the cooldowns permit. */
	readonly earned: number;
	readonly flaps: number;
	/** What a level has to be calm for, ms, in this sample. */
	readonly cooldowns: readonly number[];
}

export type Verdict = 'calm' | 'not calm' | 'unknown';

/** One signal in one sample. */
interface Sight {
	/** `null` = unknown. */
	readonly value: number | null;
	readonly stale: boolean;
}

interface Look {
	/** Time since the start, in which the clock never went back. */
	readonly now: number;
	readonly elapsed: number;
	readonly sample: Sample;
}

interface Past extends Look {
	readonly sights: { readonly [signal: string]: Sight };
	readonly verdicts: readonly Verdict[];
	/** The level that an escalation in this sample led to. */
	readonly escalatedTo: number | null;
	readonly recovered: boolean;
}

/** The state of the search for a way out of a paused intake. */
interface Looking {
	readonly open: boolean;
	readonly forMs: number;
	readonly waitMs: number;
	readonly from: ReadonlyMap<string, number | null>;
}

const isGood = (reading: number | undefined): reading is number => Number.isFinite(reading) && (reading as number) >= 0;

export function createReference(spec: Spec, startMs: number): Reference {
	const names = spec.levels.map(({ name }) => name);
	const signals = Object.entries(spec.signals);
	const past: Past[] = [];
	let automatic = 0;
	let looking: Looking | null = null;
	let factor = 1;
	let flaps = 0;
	let atFirstLevelMs = 0;
	let heldMs: number | null = null;
	let clockMs = startMs;

	const limitOf = (signal: string, level: number) => spec.levels[level]?.enterAt?.[signal];
	const releaseOf = (signal: string, level: number) => {
		const limit = limitOf(signal, level);
		return limit === undefined ? undefined : limit * (spec.signals[signal] as SignalPolicy).recoverBelow;
	};
	const atLeastOf = (policy: SignalPolicy) =>
		typeof policy.onStale === 'object' ? names.indexOf(policy.onStale.atLeast) : 0;
	const pauses = (level: number) => spec.levels.slice(0, level + 1).some(({ intake }) => intake === 'paused');
	const inForceOf = (sample: Sample, level: number) =>
		sample.override === undefined
			? level
			: Math.min(Math.max(level, names.indexOf(sample.override.floor)), names.indexOf(sample.override.ceiling));

	/** R5, looking back through all samples; the last one is the present. */
	function see(name: string, policy: SignalPolicy, all: readonly Look[]): Sight {
		const { now } = all.at(-1) as Look;
		const goods = all.filter(({ sample }) => isGood(sample.readings[name]));
		const readingOf = (look: Look | undefined) => look?.sample.readings[name];
		const last = goods.at(-1);
		// What was the same before the broker assigned anew is of no account.
		const counted = new Set(all.slice(all.findLastIndex(({ sample }) => sample.assignedAnew === true) + 1));
		let sameMs = 0;
		for (let i = goods.length - 1; i > 0 && readingOf(goods[i]) === readingOf(goods[i - 1]); i--) {
			// Nothing waiting is what a queue reads that is kept up with.
			const look = goods[i] as Look;
			if (look.sample.trafficMoves !== false && readingOf(look) !== 0 && counted.has(look)) sameMs += look.elapsed;
		}
		const stuck = sameMs >= (policy.stuckAfterMs ?? Number.POSITIVE_INFINITY);
		const bridged = policy.maxAgeMs !== undefined && last !== undefined && now - last.now <= policy.maxAgeMs;
		if (last !== undefined && (last === all.at(-1) || bridged) && !stuck)
			return { value: readingOf(last) as number, stale: false };
		// Unknown since the first sample after the last one that was known; at the start since the start.
		const known = past.findLastIndex(({ sights }) => sights[name]?.value !== null);
		const since = known < 0 ? 0 : (all[known + 1] as Look).now;
		return { value: null, stale: now - since > (policy.staleAfterMs ?? 60_000) };
	}

	/** R3 and R5: whether a level is calm, by what is known. */
	function verdictOf(level: number, sights: Past['sights']): Verdict {
		const having = signals.filter(([name]) => limitOf(name, level) !== undefined);
		const seen = (name: string) => sights[name] as Sight;
		const loud = having.some(([name]) => (seen(name).value ?? -1) >= (releaseOf(name, level) as number));
		const demanded = level > 0 && signals.some(([name, policy]) => seen(name).stale && atLeastOf(policy) >= level);
		const held = having.some(([name, policy]) => seen(name).stale && policy.onStale === 'hold');
		const abandoned = having.length > 0 && having.every(([name]) => seen(name).stale);
		if (loud || demanded || held || abandoned) return 'not calm';
		return having.some(([name]) => seen(name).value === null && !seen(name).stale) ? 'unknown' : 'calm';
	}

	/** R4, R5, R9: for how long a level has been calm, looking back until something broke it. */
	function calmMsOf(level: number, all: readonly Past[]): number | null {
		const having = signals.filter(([name]) => limitOf(name, level) !== undefined).map(([name]) => name);
		const verdictAt = (i: number) => all[i]?.verdicts[level];
		if (verdictAt(all.length - 1) === 'not calm') return null;
		let calmMs = 0;
		let everCalm = verdictAt(all.length - 1) === 'calm';
		for (let i = all.length - 1; i > 0; i--) {
			const after = all[i] as Past;
			const before = all[i - 1] as Past;
			const gap = after.elapsed > (spec.maxGapMs ?? 60_000);
			const turnedStale = having.some((name) => after.sights[name]?.stale && !before.sights[name]?.stale);
			if (gap || turnedStale || verdictAt(i - 1) === 'not calm') break;
			if (verdictAt(i) === 'calm' && verdictAt(i - 1) === 'calm') calmMs += after.elapsed;
			everCalm ||= verdictAt(i - 1) === 'calm';
			// An escalation starts the calm of what it climbed past anew, so that it is never taken back at once.
			if (before.escalatedTo !== null && level <= before.escalatedTo) break;
		}
		return everCalm ? calmMs : null;
	}

	function next(sample: Sample, replayRuns: boolean): Expected {
		const elapsed = Number.isFinite(sample.atMs) ? Math.max(0, sample.atMs - clockMs) : 0;
		if (Number.isFinite(sample.atMs)) clockMs = sample.atMs;
		const now = (past.at(-1)?.now ?? 0) + elapsed;
		const looks = [...past, { now, elapsed, sample }];
		const sights = Object.fromEntries(signals.map(([name, policy]) => [name, see(name, policy, looks)]));
		const verdicts = names.map((_, level) => verdictOf(level, sights));
		const present: Past = { now, elapsed, sample, sights, verdicts, escalatedTo: null, recovered: false };
		const all = [...past, present];
		const calmMs = names.map((_, level) => (level === 0 ? null : calmMsOf(level, all)));

		// R1, R5, R8. Only a signal that cannot fall is ignored under test; one that was unknown has nothing to ignore.
		const underTest = (name: string) =>
			looking?.open === true && looking.from.has(name) && spec.signals[name]?.fallsWhilePaused === false;
		const demand = Math.max(
			0,
			...signals.flatMap(([name, policy]) => {
				const sight = sights[name] as Sight;
				const levels = names
					.map((_, level) => level)
					.filter((level) => (sight.value ?? -1) >= (limitOf(name, level) ?? Number.POSITIVE_INFINITY));
				return [...(underTest(name) ? [] : levels), sight.stale ? atLeastOf(policy) : 0];
			}),
		);

		// R6: the cooldown in force is the one that the flaps up to now have made.
		const { factor: growth = 2, maxMs = 300_000, quietMs = 600_000 } = spec.backoff || {};
		const cooldowns = spec.levels.map((level) => {
			const base = level.cooldownMs ?? spec.cooldownMs;
			return Math.max(base, Math.min(base * factor, maxMs));
		});

		// R2 and R4.
		const from = automatic;
		let earned = from;
		let escalates = false;
		if (demand > from) {
			escalates = !(sample.replaying === true && replayRuns);
			if (escalates) automatic = spec.escalation === 'jump' ? demand : from + 1;
			heldMs = null;
		} else {
			const may = (level: number) =>
				verdicts[level] === 'calm' && (calmMs[level] as number) >= (cooldowns[level] as number);
			while (earned > 0 && may(earned)) earned--;
			// R7: at most one further cooldown. An unknown sample does not start it anew, as it does not break the calm.
			const { maxUtilisation = 0.9 } = spec.guard || {};
			const spent = heldMs !== null && heldMs + elapsed >= (cooldowns[from] as number);
			const tooMuch = (level: number) =>
				Boolean(spec.guard) &&
				!spent &&
				(cooldowns[from] as number) > 0 &&
				(sample.utilisation?.[level] ?? Number.NaN) > maxUtilisation;
			let target = earned;
			while (target < from && tooMuch(target)) target++;
			automatic = spec.recovery === 'step' ? Math.max(target, from - 1) : target;
			heldMs = automatic === from && target !== earned ? (heldMs === null ? 0 : heldMs + elapsed) : null;
		}

		// R6: a flap is an escalation within 60 s of a recovery that no escalation has followed yet.
		atFirstLevelMs = from === 0 ? atFirstLevelMs + elapsed : 0;
		if (from === 0 && atFirstLevelMs >= quietMs) factor = 1;
		const since = all.findLastIndex((p) => p.escalatedTo !== null);
		const recovery = all.findLast((p, i) => i > since && p.recovered);
		if (automatic > from && recovery !== undefined && now - recovery.now <= 60_000) {
			flaps++;
			if (spec.backoff !== false) factor *= growth;
		}
		if (automatic > 0) atFirstLevelMs = 0;

		past.push({ ...present, escalatedTo: escalates ? automatic : null, recovered: automatic < from });
		const inForce = inForceOf(sample, automatic);
		looking = look(inForce === automatic ? inForce : 0, sights, calmMs, elapsed, looking);
		return {
			automatic,
			inForce,
			demand,
			probing: looking?.open === true,
			calmMs: calmMs.map((ms, level) => (escalates && level <= automatic && ms !== null ? 0 : ms)),
			verdicts,
			earned,
			flaps,
			cooldowns,
		};
	}

	/** R8: what keeps the level up, and whether it could fall while intake is paused. R6: flaps do not lengthen the pause. */
	function look(
		level: number,
		sights: Past['sights'],
		calmMs: readonly (number | null)[],
		elapsed: number,
		before: Looking | null,
	): Looking | null {
		if (!pauses(level)) return null;
		const { afterMs, forMs, minFall = 0.05 } = spec.probe ?? { afterMs: 30_000, forMs: 5_000 };
		const calm = verdictOf(level, sights) === 'calm';
		const isHolding = ([name, policy]: (typeof signals)[number]) => {
			const { value, stale } = sights[name] as Sight;
			const release = releaseOf(name, level);
			if (stale && atLeastOf(policy) >= level) return 'decides';
			if (release === undefined || (value !== null && value < release)) return 'no';
			return stale && policy.onStale !== 'hold' ? 'ignored' : 'decides';
		};
		const deciding = signals.filter((signal) => isHolding(signal) === 'decides');
		// When nobody else decides, those who cannot be heard are what holds.
		const held = deciding.length > 0 ? deciding : signals.filter((signal) => isHolding(signal) === 'ignored');
		const holding = calm ? [] : held;
		const seenAt = (name: string) => sights[name]?.value ?? null;
		const cannotFall = ([name, policy]: (typeof signals)[number]) =>
			seenAt(name) === null || policy.fallsWhilePaused === false;
		const tested = holding.filter(cannotFall);
		const values = new Map(tested.map(([name]) => [name, seenAt(name)]));
		const stuck = !calm && holding.every(cannotFall);

		if (before === null) return { open: false, forMs: 0, waitMs: afterMs, from: new Map() };
		if (!before.open) {
			const { cooldownMs = spec.cooldownMs } = spec.levels[level] ?? {};
			if (calm && (calmMs[level] as number) >= cooldownMs)
				return { open: true, forMs: 0, waitMs: afterMs, from: new Map() };
			const closedMs = before.forMs + (stuck ? elapsed : 0);
			return stuck && closedMs >= before.waitMs
				? { open: true, forMs: 0, waitMs: before.waitMs, from: values }
				: { ...before, forMs: closedMs };
		}
		const urgent = holding.some(
			(signal) => !cannotFall(signal) && (seenAt(signal[0]) as number) >= (limitOf(signal[0], level) ?? 0),
		);
		if (urgent) return { open: false, forMs: 0, waitMs: before.waitMs, from: new Map() };
		const openMs = before.forMs + elapsed;
		if (openMs < forMs) {
			const from = new Map(tested.map(([name]) => [name, before.from.get(name) ?? seenAt(name)]));
			return { open: true, forMs: openMs, waitMs: before.waitMs, from };
		}
		const fell = tested.every(([name]) => {
			const value = seenAt(name);
			const was = before.from.get(name) ?? null;
			return value !== null && was !== null && value <= was * (1 - minFall);
		});
		return calm || fell
			? { open: true, forMs: 0, waitMs: afterMs, from: values }
			: { open: false, forMs: 0, waitMs: Math.min(before.waitMs * 2, Math.max(afterMs, 300_000)), from: new Map() };
	}

	return { next };
}
