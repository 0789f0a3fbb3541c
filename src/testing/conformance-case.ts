/** One case of a conformance suite, for any test runner. */
export interface ConformanceCase {
	/** A sentence about what the implementation does. */
	readonly name: string;
	/** Resolves when it does so; rejects with what it did instead. Makes its own places and destroys them. */
	readonly run: () => Promise<void>;
	/** What to give the runner for this case, ms: it is longer than every bound inside, so that the case itself says what hung. */
	readonly timeoutMs: number;
}
