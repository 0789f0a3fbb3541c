import { type Compiled, compile } from './compile.js';
import { ConfigError } from './errors.js';
import type { LadderSpec } from './spec.js';
import { checkLadder } from './validate.js';

/** A checked, frozen ladder. Only {@link defineLadder} makes one. */
export interface Ladder<
	N extends string = string,
	S extends string = string,
	G extends string = string,
	R extends string = string,
	F extends string = string,
> {
	/** The definition, to spread into a new ladder. */
	readonly spec: LadderSpec<N, S, G, R, F>;
	/** Mildest first. */
	readonly levels: readonly N[];
	readonly signals: readonly S[];
	/** The protected one first, then the sheddable ones, most important first. */
	readonly priorities: readonly (G | R)[];
	readonly features: readonly F[];
}

// Registered, so that a ladder made by the ESM copy of the package is known to the CJS copy.
const COMPILED = Symbol.for('brownout.ladder');

/**
 * Checks a ladder once, completely, and freezes it (rule R11).
 *
 * @throws ConfigError with every problem found: its path, the rule and the value.
 */
export function defineLadder<
	const N extends string,
	const S extends string,
	const G extends string,
	const R extends string,
	const F extends string = never,
>(spec: LadderSpec<N, S, G, R, F>): Ladder<N, S, G, R, F> {
	const own = deepFreeze(plainCopy(spec));
	checkLadder(own);
	const ladder = {
		spec: own,
		levels: own.levels.map((level) => level.name),
		signals: Object.keys(own.signals) as S[],
		priorities: [own.priorities.protected, ...own.priorities.sheddable],
		features: own.features ?? [],
	};
	Object.defineProperty(ladder, COMPILED, { value: compile(own) });
	return deepFreeze(ladder);
}

/** The compiled form that `step` and `decide` read. */
export function compiled(ladder: Ladder): Compiled {
	const form = (Object(ladder) as { readonly [COMPILED]?: Compiled })[COMPILED];
	if (form === undefined) {
		throw new ConfigError('ladder', [{ path: 'ladder', message: 'must be made by defineLadder' }]);
	}
	return form;
}

/** A copy, so that freezing leaves the caller's object alone; without prototypes, so that a name may be `constructor`. */
function plainCopy<T>(value: T): T {
	if (Array.isArray(value)) return value.map(plainCopy) as T;
	if (typeof value !== 'object' || value === null) return value;
	const copy = Object.create(null);
	for (const [key, item] of Object.entries(value)) copy[key] = plainCopy(item);
	return copy;
}

function deepFreeze<T>(value: T): T {
	if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
		Object.freeze(value);
		Object.values(value).forEach(deepFreeze);
	}
	return value;
}
