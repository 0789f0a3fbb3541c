import type { Decision } from '../core/decide.js';
import type { Action, LadderSpec } from '../core/spec.js';
import type { Hold } from '../core/state.js';
import type { BatchOptions, Outcome } from './outcome.js';

/** A message in the hands of a caller that handles it himself and cannot keep it. */
export interface Admission<C> {
	/** `process` it, or turn it away. */
	readonly action: Exclude<Action, 'spill'>;
	/** What a handler is told. */
	readonly context: C;
	/**
	 * The message is done with. Of several calls the first counts, and none where the action is not `process`.
	 *
	 * @param as  `failed` where a handler would have thrown.
	 */
	end(as: 'processed' | 'failed'): void;
}

/** What a server of requests needs of a load shedder, so that any shedder fits: `M` its requests, `C` what handlers are told. */
export interface RequestShedder<M, C> {
	readonly accepting: boolean;
	readonly level: string;
	readonly ladder: {
		readonly spec: Pick<LadderSpec<string, string, string, string, string>, 'gradual' | 'cooldownMs'>;
	};
	/** A property and no method, so that the compiler refuses a shedder of other messages. */
	readonly begin: (message: M) => Admission<C>;
	stats(): { readonly holds: readonly Hold[] };
}

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
