import type { Action, LadderSpec, SignalPolicy } from './spec.js';

/** One threshold of a signal: it demands `level` from `enterAt` up and lets go of it below `release`. */
export interface Threshold {
	readonly level: number;
	readonly enterAt: number;
	readonly release: number;
}

export interface CompiledSignal {
	readonly name: string;
	readonly policy: SignalPolicy;
	readonly staleAfterMs: number;
	/** Infinite where stuck sensors are not looked for. */
	readonly stuckAfterMs: number;
	/** The level a stale signal demands at least; 0 when it demands none. */
	readonly staleLevel: number;
	/** Ascending by level. */
	readonly thresholds: readonly Threshold[];
	/** The same by level; undefined where the signal has no say. */
	readonly at: readonly (Threshold | undefined)[];
}

/** What a message of one priority meets: the value that `decide` returns, and nothing else. */
export interface Cell {
	readonly action: Action;
	readonly level: string;
	readonly priority: string;
	readonly features: { readonly [feature: string]: boolean };
}

/** A level's changes in the order in which they are applied: features first, then the least important priority (rule D8). */
export interface Changes {
	/** How many parts the way from this level to the next is divided into. */
	readonly parts: number;
	readonly features: boolean;
	/** By priority: which part is its own, or -1 when nothing changes for it here. */
	readonly partOf: readonly number[];
}

/** How far a key has been taken towards a level: not, its features only, or wholly. */
export type Stage = 0 | 1 | 2;

export interface Compiled {
	readonly spec: LadderSpec<string, string, string, string, string>;
	readonly signals: readonly CompiledSignal[];
	readonly cooldownMs: readonly number[];
	readonly pauses: readonly boolean[];
	/** As set, or what a level is looked at by that nobody can be heard of (rule R8). */
	readonly probe: { readonly afterMs: number; readonly forMs: number; readonly minFall: number };
	readonly priorityIndex: ReadonlyMap<string, number>;
	/** `table[level][priority]`: the whole treatment of a level. */
	readonly table: readonly (readonly Cell[])[];
	/** `graded[level in force][level being applied][priority][stage]`. */
	readonly graded: readonly (readonly (readonly (readonly [Cell, Cell, Cell])[])[])[];
	readonly changes: readonly Changes[];
	/** The last level that gives up nothing but features. */
	readonly leanLevel: number;
	/** The last level that spills nothing. */
	readonly lastUnspilled: number;
}

/** Turns a checked definition into the tables that are looked up per sample and per message. */
export function compile(spec: LadderSpec<string, string, string, string, string>): Compiled {
	const names = spec.levels.map((level) => level.name);
	const priorities = [spec.priorities.protected, ...spec.priorities.sheddable];

	// What each level gives up; a level inherits everything below it.
	const actions: Action[][] = [];
	const features: Cell['features'][] = [];
	const pauses: boolean[] = [];
	spec.levels.forEach(({ shed, disable = [], intake }, i) => {
		actions.push(priorities.map((priority, p) => shed?.[priority] ?? actions[i - 1]?.[p] ?? 'process'));
		const before = features[i - 1] ?? Object.freeze(flags(spec.features ?? [], true));
		features.push(
			disable.some((name) => before[name]) ? Object.freeze({ ...before, ...flags(disable, false) }) : before,
		);
		pauses.push(intake === 'paused' || pauses[i - 1] === true);
	});

	// One object per level in force, priority and treatment: a decision is compared and counted by identity.
	const interned = new Map<string, Cell>();
	const cell = (level: number, p: number, actionOf: number, featuresOf: number): Cell => {
		const fresh = {
			action: actions[actionOf]?.[p] as Action,
			level: names[level] as string,
			priority: priorities[p] as string,
			features: features[featuresOf] as Cell['features'],
		};
		const id = JSON.stringify(fresh);
		const known = interned.get(id) ?? Object.freeze(fresh);
		interned.set(id, known);
		return known;
	};

	const changes = names.map((_, level): Changes => {
		const below = Math.max(0, level - 1);
		const changed = features[level] !== features[below];
		let parts = changed ? 1 : 0;
		const partOf = priorities.map(() => -1);
		for (let p = priorities.length - 1; p > 0; p--) {
			if (actions[level]?.[p] !== actions[below]?.[p]) partOf[p] = parts++;
		}
		return { parts, features: changed, partOf };
	});
	const lastBefore = (gives: (level: number) => boolean | undefined): number => {
		const first = names.findIndex((_, level) => gives(level));
		return (first < 0 ? names.length : first) - 1;
	};

	return {
		// Objects without a prototype are slow to read; a copy with one is not.
		spec: { ...spec },
		signals: Object.entries(spec.signals).map(([name, policy]): CompiledSignal => {
			const at = spec.levels.map(({ enterAt }, level): Threshold | undefined => {
				const limit = enterAt?.[name];
				return limit === undefined ? undefined : { level, enterAt: limit, release: limit * policy.recoverBelow };
			});
			return {
				name,
				policy: { ...policy },
				staleAfterMs: policy.staleAfterMs ?? 60_000,
				stuckAfterMs: policy.stuckAfterMs ?? Number.POSITIVE_INFINITY,
				staleLevel: typeof policy.onStale === 'object' ? names.indexOf(policy.onStale.atLeast) : 0,
				thresholds: at.filter((threshold) => threshold !== undefined),
				at,
			};
		}),
		cooldownMs: spec.levels.map((level) => level.cooldownMs ?? spec.cooldownMs),
		pauses,
		probe: { afterMs: 30_000, forMs: 5_000, ...spec.probe, minFall: spec.probe?.minFall ?? 0.05 },
		priorityIndex: new Map(priorities.map((priority, p) => [priority, p])),
		table: names.map((_, level) => priorities.map((_, p) => cell(level, p, level, level))),
		graded: names.map((_, level) =>
			names.slice(0, level + 1).map((_, towards) => {
				const from = Math.max(0, towards - 1);
				return priorities.map((_, p): readonly [Cell, Cell, Cell] => [
					cell(level, p, from, from),
					cell(level, p, from, towards),
					cell(level, p, towards, towards),
				]);
			}),
		),
		changes,
		leanLevel: lastBefore((level) => pauses[level] || actions[level]?.some((action) => action !== 'process')),
		lastUnspilled: lastBefore((level) => actions[level]?.includes('spill')),
	};
}

function flags(names: readonly string[], on: boolean): { readonly [name: string]: boolean } {
	return Object.fromEntries(names.map((name) => [name, on]));
}
