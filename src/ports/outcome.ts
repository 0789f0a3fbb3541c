/** What became of a message (rule M2). After a rejected promise the caller must not acknowledge it. */
export type Outcome<V> =
	| { readonly action: 'process'; readonly value: V }
	/** Durably kept; the caller may acknowledge. */
	| { readonly action: 'spill' }
	/** Given up on purpose; the caller may acknowledge. */
	| { readonly action: 'drop' }
	/** Handed back: the caller must not acknowledge. */
	| { readonly action: 'reject'; readonly cause?: unknown };

/** How the caller of a wrapped batch follows it. */
export interface BatchOptions<V> {
	/**
	 * Told what became of each message, by its index in the batch: of those that are spilled once all others are done and the
	 * append has resolved. Not told of one whose handler threw. So a caller knows what may be acknowledged, also when the
	 * promise rejects. Must not throw.
	 */
	readonly onOutcome?: ((at: number, outcome: Outcome<V>) => void) | undefined;
	/** Ends the batch before its next message: what is not reached is not offered, except what was on its way to the store. */
	readonly signal?: AbortSignal | undefined;
}
