import { ConfigError, type Must, show, verify } from './errors.js';
import type { Action, LadderSpec, LevelSpec } from './spec.js';

type AnySpec = LadderSpec<string, string, string, string, string>;
type AnyLevel = LevelSpec<string, string, string, string>;

const SEVERITY: readonly Action[] = ['process', 'spill', 'reject', 'drop'];

/**
 * Checks a ladder completely (rule R11). It trusts nothing: definitions also come from JavaScript and JSON.
 *
 * @throws ConfigError with everything that is wrong, in reading order.
 */
export function checkLadder(spec: AnySpec): void {
	try {
		verify('ladder', (must) => checkSpec(must, spec));
	} catch (error) {
		if (!(error instanceof TypeError)) throw error;
		// Something is not even of the kind that the checks could look into.
		const message = `ladder: must have the shape of a LadderSpec (${error.message})`;
		throw new ConfigError('ladder', [{ path: 'ladder', message }]);
	}
}

function checkSpec(must: Must, spec: AnySpec): void {
	const { signals = {}, levels = [], features = [], backoff, guard, probe } = spec;
	const names = levels.map((level) => level.name);
	must(Array.isArray(spec.priorities.sheddable), 'priorities.sheddable', spec.priorities.sheddable, 'a list');
	unique(must, 'priorities', prioritiesOf(spec));
	unique(must, 'features', features);
	unique(must, 'levels', names);
	must(levels.length > 0, 'levels', levels.length, 'at least one level');
	optional(must, 'cooldownMs', spec.cooldownMs ?? null, 0);
	optional(must, 'maxGapMs', spec.maxGapMs);
	oneOf(must, 'escalation', spec.escalation ?? 'step', ['step', 'jump']);
	oneOf(must, 'recovery', spec.recovery ?? 'jump', ['step', 'jump']);
	if (backoff) {
		optional(must, 'backoff.factor', backoff.factor, 1);
		optional(must, 'backoff.maxMs', backoff.maxMs);
		optional(must, 'backoff.quietMs', backoff.quietMs, 0);
	}
	if (guard) {
		optional(must, 'guard.maxUtilisation', guard.maxUtilisation);
		optional(must, 'guard.forgetAfterMs', guard.forgetAfterMs);
	}
	if (probe) {
		optional(must, 'probe.afterMs', probe.afterMs ?? null);
		optional(must, 'probe.forMs', probe.forMs ?? null);
		must(isFraction(probe.minFall ?? 0.5), 'probe.minFall', probe.minFall, FRACTION);
	}
	for (const [name, policy] of Object.entries(signals)) {
		const path = `signals.${name}`;
		must(isFraction(policy.recoverBelow), `${path}.recoverBelow`, policy.recoverBelow, FRACTION);
		optional(must, `${path}.maxAgeMs`, policy.maxAgeMs, 0);
		optional(must, `${path}.staleAfterMs`, policy.staleAfterMs, 0);
		optional(must, `${path}.stuckAfterMs`, policy.stuckAfterMs);
		const { onStale = 'ignore' } = policy;
		if (typeof onStale === 'object') oneOf(must, `${path}.onStale.atLeast`, onStale.atLeast, names);
		else oneOf(must, `${path}.onStale`, onStale, ['ignore', 'hold']);
	}
	checkLevels(must, spec, levels);
}

/** Levels only get stricter, can be entered and left, and never touch the protected priority. */
function checkLevels(must: Must, spec: AnySpec, levels: readonly AnyLevel[]): void {
	const { signals = {}, features = [], probe } = spec;
	const priorities = prioritiesOf(spec);
	const last = new Map<string, { readonly limit: number; readonly name: string }>();
	let below = priorities.map(() => 0);
	let pauses = false;
	levels.forEach((level, i) => {
		const { name, enterAt = {}, disable = [], shed = {}, intake } = level;
		const check = (ok: boolean, path: string, value: unknown, rule: string) =>
			must(ok, `levels[${i}].${path}`, value, rule, `levels[${i}] ${show(name)}: ${path}`);
		const thresholds = Object.entries(enterAt).filter(([, limit]) => limit !== undefined);
		pauses ||= intake === 'paused';
		if (i === 0) {
			for (const key of ['enterAt', 'disable', 'shed', 'intake'] as const) {
				check(level[key] === undefined, key, level[key], 'absent: the first level is full service');
			}
		} else check(thresholds.length > 0, 'enterAt', enterAt, 'given, or the level could never be entered');
		optional(check, 'cooldownMs', level.cooldownMs, 0);
		if (intake !== undefined) oneOf(check, 'intake', intake, ['paused']);
		check(Array.isArray(disable), 'disable', disable, 'a list');
		for (const feature of disable) oneOf(check, 'disable', feature, features);

		for (const [signal, limit = Number.NaN] of thresholds) {
			const path = `enterAt.${signal}`;
			const before = last.get(signal);
			const deadlocks = pauses && !probe && signals[signal]?.fallsWhilePaused === false;
			oneOf(check, path, signal, Object.keys(signals));
			// A reading is never negative, so a level with a release threshold of 0 could never be left.
			check(above0(limit), path, limit, ABOVE_0);
			check(
				before === undefined || limit > before.limit,
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
			last.set(signal, { limit, name });
		}

		for (const [priority, action] of Object.entries(shed)) {
			const p = priorities.indexOf(priority);
			const path = `shed.${priority}`;
			if (p < 0) oneOf(check, path, priority, priorities.slice(1));
			else check(p > 0, path, action, 'absent: the protected priority is always processed');
			if (action === undefined) continue;
			const severity = SEVERITY.indexOf(action);
			const inherited = below[p] ?? 0;
			oneOf(check, path, action, SEVERITY.slice(1));
			check(
				severity < 0 || severity >= inherited,
				path,
				action,
				`no milder than ${show(SEVERITY[inherited])} of a level below`,
			);
		}
		const actions = priorities.map((priority, p) => {
			const severity = p > 0 ? SEVERITY.indexOf(shed[priority] as Action) : 0;
			return severity < 0 ? (below[p] ?? 0) : severity;
		});
		actions.forEach((action, p) => {
			const above = actions[p - 1] ?? 0;
			check(
				action >= above,
				'shed',
				SEVERITY[action],
				`at least ${show(SEVERITY[above])} for ${show(priorities[p])}, as for the more important ${show(priorities[p - 1])}`,
			);
		});
		below = actions;
	});
}

const ABOVE_0 = 'a finite number above 0';
const FRACTION = 'between 0 and 1, both excluded';

function prioritiesOf({ priorities }: AnySpec): readonly string[] {
	return [priorities?.protected, ...(priorities?.sheddable ?? [])];
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
