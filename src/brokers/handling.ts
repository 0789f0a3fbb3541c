import type { Must } from '../core/errors.js';

/** How the messages of a broker are handled: `Raw` as the client delivers them, `M` as the shedder sees them. */
export interface Handling<Raw, M, C, V = unknown> {
	/**
	 * The plain value of a delivered message, which can be stored and replayed. When it throws, the message counts as one whose
	 * handler threw: to skip what cannot be decoded, return a value that says so.
	 */
	readonly decode: (raw: Raw) => M;
	/** Handles one message; also one that comes back from the spill. When it resolves, the message may be acknowledged. */
	readonly handle: (message: M, context: C) => V | Promise<V>;
	/** Finds the handler again when spilled messages come back after a restart. Default `'default'`. */
	readonly name?: string | undefined;
}

/** Notes what is wrong with it. */
export function checkHandling(
	must: Must,
	{ decode, handle, name }: { readonly [K in keyof Handling<never, never, never>]: unknown },
): void {
	must(typeof decode === 'function', 'decode', decode, 'a function');
	must(typeof handle === 'function', 'handle', handle, 'a function');
	must(name === undefined || typeof name === 'string', 'name', name, 'a string');
}
