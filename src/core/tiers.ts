import { verify } from './errors.js';

/** One tier: the keys (symbols, tenants, accounts) that share a priority. */
export interface TierSpec<P extends string> {
	/** Unique among the tiers and the fallback. */
	readonly name: string;
	/** A priority of the ladder that is used with these tiers. */
	readonly priority: P;
	/** Read once. Case matters; none is fine. A key listed in two tiers belongs to the earlier one (rule T2). */
	readonly keys: Iterable<string>;
}

/** What {@link defineTiers} takes; also the shape of a JSON tier file. */
export interface TiersSpec<P extends string> {
	/** Most important first. */
	readonly tiers: readonly TierSpec<P>[];
	/** The tier of every key that is not listed. */
	readonly fallback: { readonly name: string; readonly priority: P };
}

/** An immutable set of tiers (rule T1). */
export interface Tiers<P extends string = string> {
	/** Most important first, the fallback last. */
	readonly names: readonly string[];
	tierOf(key: string): string;
	priorityOf(key: string): P;
}

/** The form in which the shedder looks up a message: `tiers[indexOf.get(key) ?? tiers.length - 1]`. */
export interface CompiledTiers {
	/** Listed keys only, in the order of the tiers. */
	readonly indexOf: ReadonlyMap<string, number>;
	/** The fallback is the last one. */
	readonly tiers: readonly { readonly name: string; readonly priority: string }[];
}

// A registered symbol, so that the ESM and the CJS copy of the package read each other's tiers.
const COMPILED = Symbol.for('brownout.tiers');

/**
 * Checks a list of tiers and freezes it. What comes from JavaScript or JSON is checked as strictly as what compiles.
 *
 * @throws ConfigError with every problem.
 */
export function defineTiers<const P extends string>(spec: TiersSpec<P>): Tiers<P> {
	const indexOf = new Map<string, number>();
	const tiers = readTiers(spec, indexOf);
	const find = (key: string) => tiers[indexOf.get(key) ?? tiers.length - 1] as (typeof tiers)[number];
	const defined: Tiers<P> = {
		names: Object.freeze(tiers.map((tier) => tier.name)),
		tierOf: (key) => find(key).name,
		priorityOf: (key) => find(key).priority as P,
	};
	return Object.freeze(Object.defineProperty(defined, COMPILED, { value: Object.freeze({ indexOf, tiers }) }));
}

/** Whether {@link defineTiers} made this. */
export function isTiers(value: unknown): value is Tiers {
	return COMPILED in Object(value);
}

/** @throws ConfigError unless {@link defineTiers} made them. */
export function compiledTiers(tiers: Tiers): CompiledTiers {
	verify('tiers', (must) => must(isTiers(tiers), 'tiers', tiers, 'made by defineTiers'));
	return (tiers as unknown as { readonly [COMPILED]: CompiledTiers })[COMPILED];
}

/** Fills `indexOf` with the keys of the tiers and returns the tiers, the fallback last. */
function readTiers(spec: unknown, indexOf: Map<string, number>): CompiledTiers['tiers'] {
	return verify('tiers', (must) => {
		const { tiers, fallback }: Record<string, unknown> = Object(spec);
		const list: readonly unknown[] = Array.isArray(tiers) ? tiers : [];
		must(list === tiers, 'tiers', tiers, 'a list');

		const names = new Set<unknown>();
		const compiled = [...list, fallback].map((tier, index) => {
			const path = index < list.length ? `tiers[${index}]` : 'fallback';
			const { name, priority, keys }: Record<string, unknown> = Object(tier);
			must(isName(name) && !names.has(name), `${path}.name`, name, 'a unique, non-empty string');
			must(isName(priority), `${path}.priority`, priority, 'a non-empty string');
			names.add(name);
			if (index < list.length) {
				// A string is iterable too: 'BHP' would quietly become the keys B, H and P.
				const iterable = typeof keys !== 'string' && Symbol.iterator in Object(keys);
				must(iterable, `${path}.keys`, keys, 'a list of strings');
				const all = iterable ? [...(keys as Iterable<string>)] : [];
				// The first wrong key stands for the rest: a file of ten thousand numeric keys is one mistake.
				const wrong = all.findIndex((key) => typeof key !== 'string');
				must(wrong < 0, `${path}.keys[${wrong}]`, all[wrong], 'a string');
				for (const key of all) if (!indexOf.has(key)) indexOf.set(key, index);
			}
			return Object.freeze({ name, priority } as CompiledTiers['tiers'][number]);
		});
		return Object.freeze(compiled);
	});
}

function isName(value: unknown): boolean {
	return typeof value === 'string' && value !== '';
}
