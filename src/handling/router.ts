import type { LadderController } from '../control/controller.js';
import { type Decision, decide, decideGradually } from '../core/decide.js';
import { verify } from '../core/errors.js';
import type { Treatment } from '../core/estimate.js';
import { compiled } from '../core/ladder.js';
import { positionOf } from '../core/position.js';
import { bindRegistry, type TierRegistry } from '../core/tier-registry.js';
import { type CompiledTiers, compiledTiers, isTiers, type Tiers } from '../core/tiers.js';
import type { DecisionCount } from '../ports/observable.js';
import { insistOnSync } from './thenable.js';

/** What a handler is told about its message. One frozen object per treatment. */
export interface HandlerContext<N extends string, P extends string, F extends string> {
	readonly level: N;
	readonly priority: P;
	readonly features: { readonly [K in F]: boolean };
	/** The message was spilled before and comes back now, possibly behind newer ones. */
	readonly replayed: boolean;
}

/** Everything that a message of one tier and priority meets while the ladder stands where it stands. */
export interface Route<N extends string = string, P extends string = string, F extends string = string> {
	/** What the tables say. */
	readonly decision: Decision<N, P, F>;
	/** What is done: the same, but everything is processed with all features on in a passive mode (rule D5). */
	readonly done: Decision<N, P, F>;
	readonly context: HandlerContext<N, P, F>;
	readonly tier: string;
	readonly priority: number;
	readonly treatment: Treatment;
	readonly count: DecisionCount;
	/** It would be processed, but older messages of its key are waiting (rule M4). */
	readonly fenced: boolean;
	/** It would be processed, but it is too old already, and fresh ones are waiting behind it (rule D7). */
	readonly skipped: boolean;
}

/** How messages are told apart: by tiers and a key, by a function, or both (rule D4). */
export interface Classification<M, P extends string> {
	/** Needs `keyOf`. Without tiers, `priorityOf` must name a priority for every message. */
	readonly tiers?: Tiers<P> | TierRegistry<P> | undefined;
	/** The key of a message: symbol, tenant, account. */
	readonly keyOf?: ((message: M) => string) | undefined;
	/** A message's own priority; `undefined` leaves it to its tier. */
	readonly priorityOf?: ((message: M) => P | undefined) | undefined;
}

/** Stands in where a shedder has no tiers. */
const NO_TIERS: CompiledTiers = { indexOf: new Map(), tiers: [{ name: 'all', priority: '' }] };
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/**
 * Message -> route. The tables are made anew when the ladder moves or the tiers are replaced, so that a message costs one
 * look-up: each decision sees exactly one version of both (rules D1 and T1).
 */
export class Router<M, N extends string, S extends string, G extends string, R extends string, F extends string> {
	readonly counts = new Map<string, DecisionCount>();
	tiersVersion = 1;
	readonly registry: TierRegistry | undefined;
	readonly #controller: LadderController<N, S, G, R, F>;
	readonly #by: Classification<M, G | R>;
	readonly #passive: boolean;
	readonly #unbind: (() => void)[] = [];
	#ladder: unknown;
	#tiers: CompiledTiers = NO_TIERS;
	/** By tier: the route of its own priority, while all keys are treated alike. */
	#whole: Route<N, G | R, F>[] = [];
	/** By tier: every route met so far, by its decision. */
	#routes: Map<Decision<N, G | R, F>, Route<N, G | R, F>>[] = [];
	readonly #kept = {
		fenced: new WeakMap<object, Route<N, G | R, F>>(),
		skipped: new WeakMap<object, Route<N, G | R, F>>(),
		unkept: new WeakMap<object, Route<N, G | R, F>>(),
	};
	readonly #lean = new WeakMap<object, Route<N, G | R, F>>();
	#keys: { readonly of: CompiledTiers; readonly counts: readonly number[] } = { of: NO_TIERS, counts: [] };
	#gradual = false;
	#keyless = 0;

	constructor(
		controller: LadderController<N, S, G, R, F>,
		by: Classification<M, G | R>,
		passive: boolean,
		replaced: (version: number) => void,
	) {
		const { tiers, keyOf, priorityOf } = by;
		const { priorities } = controller.ladder;
		verify('shedder', (must) => {
			must(tiers === undefined || keyOf !== undefined, 'keyOf', keyOf, 'given together with tiers');
			must(
				tiers !== undefined || priorityOf !== undefined,
				'tiers',
				tiers,
				'given together with keyOf, unless a total priorityOf is',
			);
		});
		this.#controller = controller;
		this.#by = by;
		this.#passive = passive;
		if (tiers !== undefined && 'current' in tiers) {
			this.registry = tiers;
			this.#unbind.push(
				bindRegistry(tiers, 'the shedder', priorities),
				tiers.subscribe((next, version) => {
					this.tiersVersion = version;
					this.#use(next);
					replaced(version);
				}),
			);
			this.tiersVersion = tiers.version;
			this.#use(tiers.current);
		} else if (tiers !== undefined) {
			verify('shedder', (must) => must(isTiers(tiers), 'tiers', tiers, 'made by defineTiers or createTierRegistry'));
			verify('tiers', (must) => {
				for (const { name, priority } of compiledTiers(tiers).tiers) {
					must(
						(priorities as readonly string[]).includes(priority),
						`${name}.priority`,
						priority,
						`a priority of the ladder (${priorities.join(', ')})`,
					);
				}
			});
			this.#use(tiers);
		} else this.refresh();
	}

	#use(tiers: Tiers<G | R>): void {
		this.#tiers = compiledTiers(tiers);
		this.#routes = [];
		this.refresh();
	}

	/** The ladder or the tiers have changed. */
	refresh(): void {
		const { ladder, rules, severity } = this.#controller;
		if (ladder !== this.#ladder) this.#routes = [];
		this.#ladder = ladder;
		// Below severity 1 nothing is given up, so no key needs to be hashed (rule D8).
		this.#gradual = compiled(ladder).spec.gradual === true && severity > 1 && severity < rules + 1;
		this.#whole = this.#tiers.tiers.map(({ priority }, tier) =>
			this.#route(tier, this.#cell((priority || ladder.priorities[0]) as G | R, 0)),
		);
	}
	/** What happens to a message. Allocates nothing once every treatment was met. */
	of(message: M): Route<N, G | R, F> {
		const { keyOf, priorityOf } = this.#by;
		const key = keyOf?.(message);
		const tier = this.#tiers.indexOf.get(key as string) ?? this.#tiers.tiers.length - 1;
		const own = priorityOf?.(message);
		// What is typed as a string is one, or classification was not synchronous (rule D4).
		if (own !== undefined && typeof own !== 'string') insistOnSync('priorityOf', own);
		if (own === undefined && (this.#tiers === NO_TIERS || typeof key !== 'string')) this.#unclassified(key);
		if (own === undefined && !this.#gradual) return this.#whole[tier] as Route<N, G | R, F>;
		const priority = own ?? ((this.#tiers.tiers[tier] as { readonly priority: string }).priority as G | R);
		return this.#route(tier, this.#cell(priority, this.#gradual ? this.#positionOf(key) : 0));
	}

	/** 42 is not in the tier that lists '42': a key of another kind says nothing about how important a message is. */
	#unclassified(key: unknown): never {
		insistOnSync('keyOf', key);
		if (this.#tiers === NO_TIERS) throw new TypeError('priorityOf returned undefined, and there are no tiers to ask');
		throw new TypeError(`keyOf returned ${String(key)}, which is no string`);
	}

	/** The same route behind the fence: spilled instead of processed (rule M4). */
	fenced(route: Route<N, G | R, F>): Route<N, G | R, F> {
		return this.#keep(route, 'fenced');
	}

	/** The same route for a message that is too old already: spilled instead of processed (rule D7). */
	skipped(route: Route<N, G | R, F>): Route<N, G | R, F> {
		return this.#keep(route, 'skipped');
	}

	/**
	 * The same route for a message that nobody can keep: handed back where it would be spilled, and, unless it is protected,
	 * where it would be processed while intake is closed.
	 */
	unkept(route: Route<N, G | R, F>, closed: boolean): Route<N, G | R, F> {
		const { action } = route.decision;
		const refused = action === 'spill' || (closed && action === 'process' && route.priority > 0);
		return refused ? this.#keep(route, 'unkept') : route;
	}

	#keep(route: Route<N, G | R, F>, why: 'fenced' | 'skipped' | 'unkept'): Route<N, G | R, F> {
		let kept = this.#kept[why].get(route);
		if (kept === undefined) {
			const action = why === 'unkept' ? 'reject' : 'spill';
			const decision = Object.freeze({ ...route.decision, action } as const);
			const count = this.#count(decision, route.tier, why === 'skipped');
			const done = this.#passive ? route.done : decision;
			const treatment = this.#passive ? route.treatment : why === 'unkept' ? 'shed' : 'spill';
			kept = { ...route, decision, done, treatment, count, [why]: true };
			this.#kept[why].set(route, kept);
		}
		return kept;
	}

	/** The same route for a message that could not be kept and is processed instead: without any feature (rule M2). */
	lean(route: Route<N, G | R, F>): Route<N, G | R, F> {
		let lean = this.#lean.get(route);
		if (lean === undefined) {
			const features = Object.freeze(
				Object.fromEntries(Object.keys(route.context.features).map((feature) => [feature, false])),
			) as { readonly [K in F]: boolean };
			lean = { ...route, context: Object.freeze({ ...route.context, features }) };
			this.#lean.set(route, lean);
		}
		return lean;
	}

	/** The route of a record that comes back, under today's tables. */
	ofReplayed(tierName: string | undefined, priority: string | undefined): Route<N, G | R, F> {
		const tier = this.#tiers.tiers.findIndex(({ name }) => name === tierName);
		const { priorities } = this.#controller.ladder;
		const known = priorities.includes(priority as G | R) ? (priority as G | R) : (priorities[0] as G | R);
		return this.#route(tier < 0 ? this.#tiers.tiers.length - 1 : tier, this.#cell(known, 0));
	}

	/** The tier names, the fallback last. */
	get tierNames(): readonly string[] {
		return this.#tiers.tiers.map(({ name }) => name);
	}

	/** The priorities that messages of a tier may have, most important first; the fallback last. */
	get tierPriorities(): readonly (readonly string[])[] {
		const { priorities } = this.#controller.ladder;
		const any = this.#by.priorityOf !== undefined;
		return this.#tiers.tiers.map(({ priority }) => (any || priority === '' ? priorities : [priority]));
	}

	/** How many keys each tier lists, the fallback excepted. Counted once for each set of tiers. */
	get tierKeys(): readonly number[] {
		if (this.#keys.of !== this.#tiers) {
			const counts = this.#tiers.tiers.slice(0, -1).map(() => 0);
			for (const tier of this.#tiers.indexOf.values()) counts[tier] = (counts[tier] ?? 0) + 1;
			this.#keys = { of: this.#tiers, counts };
		}
		return this.#keys.counts;
	}

	close(): void {
		for (const end of this.#unbind) end();
	}

	#cell(priority: G | R, position: number): Decision<N, G | R, F> {
		const { ladder, rules, severity } = this.#controller;
		return compiled(ladder).spec.gradual === true
			? decideGradually(ladder, rules, severity, priority, position)
			: decide(ladder, rules, priority);
	}

	/** Messages without a key share one treatment out evenly instead: each next one is the farthest from all before it. */
	#positionOf(key: string | undefined): number {
		if (key !== undefined) return positionOf(String(key));
		this.#keyless = (this.#keyless + GOLDEN) % 1;
		return this.#keyless;
	}

	#route(tier: number, decision: Decision<N, G | R, F>): Route<N, G | R, F> {
		this.#routes[tier] ??= new Map();
		const routes = this.#routes[tier] as Map<Decision<N, G | R, F>, Route<N, G | R, F>>;
		let route = routes.get(decision);
		if (route === undefined) {
			route = this.#newRoute(tier, decision);
			routes.set(decision, route);
		}
		return route;
	}

	#newRoute(tier: number, decision: Decision<N, G | R, F>): Route<N, G | R, F> {
		const { ladder, rules } = this.#controller;
		const { level, priority } = decision;
		const name = this.#tiers.tiers[tier]?.name as string;
		const done = this.#passive ? decideGradually(ladder, rules, 0, priority, 0) : decision;
		const { features } = done;
		const full = Object.values(features).every(Boolean);
		return {
			decision,
			done,
			context: Object.freeze({ level, priority, features, replayed: false }),
			tier: name,
			priority: ladder.priorities.indexOf(priority),
			treatment: done.action === 'process' ? (full ? 'full' : 'lean') : done.action === 'spill' ? 'spill' : 'shed',
			count: this.#count(decision, name),
			fenced: false,
			skipped: false,
		};
	}

	#count({ action, level, priority }: Decision<N, G | R, F>, tier: string, skipped = false): DecisionCount {
		const id = JSON.stringify([action, level, priority, tier, skipped]);
		const count = this.counts.get(id) ?? { action, level, priority, tier, ...(skipped ? { skipped } : {}), n: 0 };
		this.counts.set(id, count);
		return count;
	}
}
