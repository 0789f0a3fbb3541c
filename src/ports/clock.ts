/**
 * Where the drivers get time from. The default reads `performance.now()`; tests pass `manualClock()` of `brownout/testing`.
 */
export interface Clock {
	/** Monotonic milliseconds from an arbitrary origin. Never the wall clock (rule R9). */
	nowMs(): number;
	/** Calls `run` every `periodMs` ms (> 0) without keeping the process alive; returns a function that ends it. */
	every(periodMs: number, run: () => void): () => void;
}
