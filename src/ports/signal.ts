/**
 * One measured quantity: consumer lag, heap ratio, queue delay.
 *
 * A reading is a finite number >= 0 in the unit of its thresholds. Anything else (`NaN`, `Infinity`, a negative number,
 * a throw, a rejection, an answer after the time-out) is a bad reading: unknown, never healthy (rule R5).
 */
export interface SignalSource {
	/** Called once a check, never concurrently with itself. */
	read(): number | Promise<number>;
	/**
	 * `false` when the reading cannot go down while intake is paused (broker lag). A controller refuses a source that
	 * says `false` where its ladder assumes `true` on a level that pauses intake (rule R8). Default `true`.
	 */
	readonly fallsWhilePaused?: boolean | undefined;
	/** Ends timers and connections of its own. Called by `stop()`. */
	close?(): void | Promise<void>;
}

/** A signal that is fed by the messages of every shedder of its controller, rather than asked. */
export interface FedSignal extends SignalSource {
	/**
	 * A message was offered, whatever becomes of it.
	 *
	 * @param ageMs  now - its time, less the difference of the clocks; `NaN` where messages have no time.
	 */
	offered(ageMs: number): void;
	/** It is done with: handled, kept, dropped or handed back. */
	left(): void;
}

/** A gauge may well have a property of such a name, but hardly these functions. */
export function isFed(source: SignalSource): source is FedSignal {
	const { offered, left } = source as Partial<FedSignal>;
	return typeof offered === 'function' && typeof left === 'function';
}

/** A signal that is fed by the spill stores of every shedder of its controller. */
export interface SpillFedSignal extends SignalSource {
	/** An append begins. @returns what is to be called when it has ended, however. */
	appending(): () => void;
	/** A store is this full, 0..1. Told at each check. */
	filled(ratio: number): void;
}

export function isSpillFed(source: SignalSource): source is SpillFedSignal {
	const { appending, filled } = source as Partial<SpillFedSignal>;
	return typeof appending === 'function' && typeof filled === 'function';
}
