import { type Must, show, verify } from './errors.js';
import type { Action, LadderSpec } from './spec.js';

type AnySpec = LadderSpec<string, string, string, string, string>;

const SEVERITY: readonly Action[] = ['process', 'spill', 'reject', 'drop'];

/** The properties that each part of a definition may have. */
const SPEC = [
	...['priorities', 'features', 'signals', 'levels', 'cooldownMs', 'escalation', 'recovery', 'gradual'],
	...['backoff', 'guard', 'probe', 'maxGapMs'],
];
const POLICY = ['recoverBelow', 'fallsWhilePaused', 'maxAgeMs', 'staleAfterMs', 'stuckAfterMs', 'onStale'];
const LEVEL = ['name', 'enterAt', 'disable', 'shed', 'intake', 'cooldownMs'];

/**
 * Checks a ladder completely (rule R11). It trusts nothing: definitions also come from JavaScript and JSON.
 *
 * @throws ConfigError with everything that is wrong, in reading order.
 */
export function checkLadder(spec: AnySpec): void {
	verify('ladder', (must) => checkSpec(must, spec));
}

function checkSpec(must: Must, spec: AnySpec): void {
	const given = part(must, 'ladder', spec, SPEC);
	const priorities = part(must, 'priorities', given.priorities, ['protected', 'sheddable']);
	const features = list(must, 'features', given.features ?? []);
	const signals = part(must, 'signals', given.signals);
	const levels = list(must, 'levels', given.levels).map((level, i) => part(must, `levels[${i}]`, level, LEVEL));
	const names = levels.map((level) => level.name);
	const ranked = [priorities.protected, ...list(must, 'priorities.sheddable', priorities.sheddable)];
	unique(must, 'priorities', ranked);
	unique(must, 'features', features);
	unique(must, 'levels', names);
	must(levels.length > 0, 'levels', levels.length, 'at least one level');
	optional(must, 'cooldownMs', given.cooldownMs ?? null, 0);
	optional(must, 'maxGapMs', given.maxGapMs);
	oneOf(must, 'escalation', given.escalation ?? 'step', ['step', 'jump']);
	oneOf(must, 'recovery', given.recovery ?? 'jump', ['step', 'jump']);
	oneOf(must, 'gradual', given.gradual ?? false, BOOLEAN);
	const backoff = switched(must, 'backoff', given.backoff, ['factor', 'maxMs', 'quietMs']);
	optional(must, 'backoff.factor', backoff.factor, 1);
	optional(must, 'backoff.maxMs', backoff.maxMs);
	optional(must, 'backoff.quietMs', backoff.quietMs, 0);
	const guard = switched(must, 'guard', given.guard, ['maxUtilisation', 'forgetAfterMs']);
	optional(must, 'guard.maxUtilisation', guard.maxUtilisation);
	optional(must, 'guard.forgetAfterMs', guard.forgetAfterMs);
	if (given.probe !== undefined) {
		const probe = part(must, 'probe', given.probe, ['afterMs', 'forMs', 'minFall']);
		optional(must, 'probe.afterMs', probe.afterMs ?? null);
		optional(must, 'probe.forMs', probe.forMs ?? null);
		must(isFraction(probe.minFall ?? 0.5), 'probe.minFall', probe.minFall, FRACTION);
	}
	const policies = new Map<string, Part>();
	for (const [name, value] of Object.entries(signals)) {
		const path = `signals.${name}`;
		const policy = part(must, path, value, POLICY);
		policies.set(name, policy);
		must(isFraction(policy.recoverBelow), `${path}.recoverBelow`, policy.recoverBelow, FRACTION);
		oneOf(must, `${path}.fallsWhilePaused`, policy.fallsWhilePaused ?? true, BOOLEAN);
		optional(must, `${path}.maxAgeMs`, policy.maxAgeMs, 0);
		optional(must, `${path}.staleAfterMs`, policy.staleAfterMs, 0);
		optional(must, `${path}.stuckAfterMs`, policy.stuckAfterMs);
		const { onStale = 'ignore' } = policy;
		if (typeof onStale === 'string') oneOf(must, `${path}.onStale`, onStale, ['ignore', 'hold']);
		else oneOf(must, `${path}.onStale.atLeast`, part(must, `${path}.onStale`, onStale, ['atLeast']).atLeast, names);
	}
	checkLevels(must, levels, { ranked, features, policies, probes: given.probe !== undefined });
}

/** What levels refer to. */
interface Named {
	/** The priorities, the protected one first. */
	readonly ranked: readonly unknown[];
	readonly features: readonly unknown[];
	readonly policies: ReadonlyMap<string, Part>;
	readonly probes: boolean;
}

/** Levels only get stricter, can be entered and left, and never touch the protected priority. */
function checkLevels(must: Must, levels: readonly Part[], { ranked, features, policies, probes }: Named): void {
	const last = new Map<string, { readonly limit: number; readonly name: unknown }>();
	let below = ranked.map(() => 0);
	let pauses = false;
	levels.forEach((level, i) => {
		const { name, intake, disable = [], enterAt: entered = {}, shed: sheds = {} } = level;
		const check: Must = (ok, path, value, rule) =>
			must(ok, `levels[${i}].${path}`, value, rule, `levels[${i}] ${show(name)}: ${path}`);
		const enterAt = part(check, 'enterAt', entered);
		const shed = part(check, 'shed', sheds);
		const thresholds = Object.entries(enterAt).filter(([, limit]) => limit !== undefined);
		pauses ||= intake === 'paused';
		if (i === 0) {
			for (const key of ['enterAt', 'disable', 'shed', 'intake']) {
				check(level[key] === undefined, key, level[key], 'absent: the first level is full service');
			}
		} else check(thresholds.length > 0, 'enterAt', enterAt, 'given, or the level could never be entered');
		optional(check, 'cooldownMs', level.cooldownMs, 0);
		if (intake !== undefined) oneOf(check, 'intake', intake, ['paused']);
		for (const feature of list(check, 'disable', disable)) oneOf(check, 'disable', feature, features);

		for (const [signal, limit] of thresholds as [string, number][]) {
			const path = `enterAt.${signal}`;
			const before = last.get(signal);
			const deadlocks = pauses && !probes && policies.get(signal)?.fallsWhilePaused === false;
			oneOf(check, path, signal, [...policies.keys()]);
			// A reading is never negative, so a level with a release threshold of 0 could never be left.
			check(above0(limit), path, limit, ABOVE_0);
			check(
				before === undefined || !above0(limit) || limit > before.limit,
				path,
				limit,
				`above ${before?.limit} (level ${show(before?.name)})`,
			);
			check(
				!deadlocks,
				path,
				limit,
				'absent, or a probe set: it does not fall while intake is paused, so the level would never be left (R8)',
			);
			if (above0(limit)) last.set(signal, { limit, name });
		}

		for (const [priority, action] of Object.entries(shed)) {
			const p = ranked.indexOf(priority);
			const path = `shed.${priority}`;
			if (p < 0) oneOf(check, path, priority, ranked.slice(1));
			else check(p > 0, path, action, 'absent: the protected priority is always processed');
			if (action === undefined) continue;
			const severity = SEVERITY.indexOf(action as Action);
			const inherited = below[p] ?? 0;
			oneOf(check, path, action, SEVERITY.slice(1));
			check(
				severity < 0 || severity >= inherited,
				path,
				action,
				`no milder than ${show(SEVERITY[inherited])} of a level below`,
			);
		}
		const actions = ranked.map((priority, p) => {
			const shedding = typeof priority === 'string' ? shed[priority] : undefined;
			const severity = p > 0 ? SEVERITY.indexOf(shedding as Action) : 0;
			return severity < 0 ? (below[p] ?? 0) : severity;
		});
		actions.forEach((action, p) => {
			const above = actions[p - 1] ?? 0;
			check(
				action >= above,
				'shed',
				SEVERITY[action],
				`at least ${show(SEVERITY[above])} for ${show(ranked[p])}, as for the more important ${show(ranked[p - 1])}`,
			);
		});
		below = actions;
	});
}

const ABOVE_0 = 'a finite number above 0';
const FRACTION = 'between 0 and 1, both excluded';

const BOOLEAN = [true, false];

/** A part of a definition of which nothing is known yet. */
export type Part = Readonly<Record<string, unknown>>;

/** A part as it was given, or an empty one where it is none. @param known  its properties; any, if not given. */
export function part(must: Must, path: string, value: unknown, known?: readonly string[]): Part {
	const isPart = typeof value === 'object' && value !== null && !Array.isArray(value);
	must(isPart, path, value, 'an object');
	if (!isPart) return {};
	for (const name of Object.keys(value)) {
		if (known)
			must(known.includes(name), `${path}.${name}`, (value as Part)[name], `absent: ${path} has ${known.join(', ')}`);
	}
	return value as Part;
}

/** A part that may be switched off. */
function switched(must: Must, path: string, value: unknown, known: readonly string[]): Part {
	return part(must, path, value === undefined || value === false ? {} : value, known);
}

function list(must: Must, path: string, value: unknown): readonly unknown[] {
	must(Array.isArray(value), path, value, 'a list');
	return Array.isArray(value) ? value : [];
}

function above0(value: unknown): boolean {
	return Number.isFinite(value) && (value as number) > 0;
}

function isFraction(value: unknown): boolean {
	return above0(value) && (value as number) < 1;
}

function optional(must: Must, path: string, value: unknown, least?: number): void {
	if (value === undefined) return;
	if (least === undefined) must(above0(value), path, value, ABOVE_0);
	else must(Number.isFinite(value) && (value as number) >= least, path, value, `a finite number of at least ${least}`);
}

function oneOf(must: Must, path: string, value: unknown, allowed: readonly unknown[]): void {
	must(allowed.includes(value), path, value, `one of ${allowed.map(show).join(', ')}`);
}

function unique(must: Must, path: string, names: readonly unknown[]): void {
	names.forEach((name, i) => {
		must(
			typeof name === 'string' && name !== '' && names.indexOf(name) === i,
			`${path}[${i}]`,
			name,
			'a unique, non-empty string',
		);
	});
}
