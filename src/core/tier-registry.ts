import { show, verify } from './errors.js';
import { compiledTiers, defineTiers, isTiers, type Tiers, type TiersSpec } from './tiers.js';

/** The tiers in force, replaced as a whole while messages flow (rule T1). */
export interface TierRegistry<P extends string = string> {
	/** Read it once a decision: a decision sees exactly one version. */
	readonly current: Tiers<P>;
	/** 1 at first, one more with every replacement. */
	readonly version: number;
	/** What became of the attempts to replace the tiers. */
	readonly reloads: TierReloads;
	/**
	 * Validates, swaps, raises the version, then tells the subscribers. Every subscriber is told, even if one throws; the
	 * first error is then rethrown to the caller, and the new tiers stay in force.
	 *
	 * @param spec what `defineTiers` takes or returns; unknown, because it usually comes from a file or a request.
	 * @returns the tiers now in force.
	 * @throws ConfigError when the spec is wrong or names a priority that a bound ladder does not have: the old tiers stay.
	 */
	replace(spec: unknown): Tiers<P>;
	/**
	 * Hears every replacement from now on. A subscriber that replaces in its turn overtakes: the others hear the newest
	 * version only.
	 *
	 * @returns ends it.
	 */
	subscribe(listener: (tiers: Tiers<P>, version: number) => void): () => void;
}

/** Attempts to replace tiers, by their result, since the registry was made. */
export interface TierReloads {
	readonly ok: number;
	/** The old tiers stayed. */
	readonly failed: number;
	/** The last attempt is one of the failed ones: what is in force is not what somebody wanted. */
	readonly failing: boolean;
}

interface Binding {
	readonly label: string;
	readonly priorities: readonly string[];
}

const BIND = Symbol.for('brownout.tiers.bind');
const NOTE = Symbol.for('brownout.tiers.note');

interface Bindable {
	[BIND](binding: Binding): () => void;
	[NOTE](attempt: 'failed' | 'unchanged'): void;
}

/** Makes a registry that holds `initial` as version 1. @throws ConfigError unless `defineTiers` made `initial`. */
export function createTierRegistry<P extends string>(initial: Tiers<P>): TierRegistry<P> {
	let current = initial;
	let version = 1;
	let failed = 0;
	let failing = false;
	const note = (attempt: 'failed' | 'unchanged'): void => {
		failing = attempt === 'failed';
		if (failing) failed++;
	};
	const bindings = new Set<Binding>();
	const listeners = new Set<(tiers: Tiers<P>, version: number) => void>();
	checkPriorities(initial, bindings);

	const registry: TierRegistry<P> & Bindable = {
		get current() {
			return current;
		},
		get version() {
			return version;
		},
		get reloads() {
			return { ok: version - 1, failed, failing };
		},
		replace(spec) {
			let next: Tiers<P>;
			try {
				// Only the bound ladders know the priorities, so the check below is what makes this a `Tiers<P>`.
				next = (isTiers(spec) ? spec : defineTiers(spec as TiersSpec<P>)) as Tiers<P>;
				checkPriorities(next, bindings);
			} catch (error) {
				note('failed');
				throw error;
			}
			failing = false;
			current = next;
			const told = ++version;
			const errors: unknown[] = [];
			for (const listener of [...listeners]) {
				try {
					if (version === told && listeners.has(listener)) listener(next, told);
				} catch (error) {
					errors.push(error);
				}
			}
			if (errors.length) throw errors[0];
			return next;
		},
		// A function of its own for each call: whoever subscribes the same one twice may end either subscription.
		subscribe: (listener) => join(listeners, (tiers, at) => listener(tiers, at)),
		[BIND](binding) {
			checkPriorities(current, [binding]);
			return join(bindings, binding);
		},
		[NOTE]: note,
	};
	return Object.freeze(registry);
}

/**
 * Makes a registry refuse tiers whose priorities a ladder does not have; the current ones are checked at once.
 *
 * @param label names the ladder's owner in error messages.
 * @returns ends the binding.
 * @throws ConfigError
 */
export function bindRegistry(registry: TierRegistry, label: string, priorities: readonly string[]): () => void {
	return (registry as TierRegistry & Bindable)[BIND]({ label, priorities });
}

/**
 * Counts an attempt that did not get as far as {@link TierRegistry.replace}: what was to be put in force could not be read
 * (`'failed'`), or is in force already (`'unchanged'`).
 */
export function noteReload(registry: TierRegistry, attempt: 'failed' | 'unchanged'): void {
	// A registry of somebody else's making keeps no such count.
	(registry as TierRegistry & Partial<Bindable>)[NOTE]?.(attempt);
}

function checkPriorities(next: Tiers, bindings: Iterable<Binding>): void {
	const { tiers } = compiledTiers(next);
	verify('tiers', (must) => {
		for (const { label, priorities } of bindings) {
			const rule = `a priority of ${label} (${priorities.map(show).join(', ')})`;
			tiers.forEach(({ priority }, index) => {
				const path = index < tiers.length - 1 ? `tiers[${index}]` : 'fallback';
				must(priorities.includes(priority), `${path}.priority`, priority, rule);
			});
		}
	});
}

function join<T>(set: Set<T>, member: T): () => void {
	set.add(member);
	return () => {
		set.delete(member);
	};
}
