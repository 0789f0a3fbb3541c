import type { Decision } from '../core/decide.js';
import type { LadderSpec } from '../core/spec.js';
import type { BatchOptions, Outcome } from './outcome.js';

/** What a consumer of a broker needs of a load shedder, so that any shedder fits: `M` its messages, `C` what handlers are told. */
export interface MessageShedder<M, C> {
	readonly ladder: { readonly spec: Pick<LadderSpec<string, string, string, string, string>, 'levels'> };
	/** Looks, counts nothing. */
	decide(message: M): Pick<Decision, 'action'>;
	wrap<V>(
		handler: (message: M, context: C) => V | Promise<V>,
		options?: { readonly name?: string | undefined },
	): (message: M) => Promise<Outcome<V>>;
	wrapBatch<V>(
		handler: (message: M, context: C) => V | Promise<V>,
		options?: { readonly name?: string | undefined },
	): (messages: readonly M[], options?: BatchOptions<V>) => Promise<Outcome<V>[]>;
}
