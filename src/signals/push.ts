import { verify } from '../core/errors.js';
import type { Clock } from '../ports/clock.js';
import type { SignalSource } from '../ports/signal.js';
import { systemClock } from '../ports/time.js';

export interface PushOptions {
	/**
	 * For how long a value counts after it was set, ms; then the reading is unknown. `Infinity` for a value that is set only
	 * when it changes: then nobody notices when its sender dies.
	 *
	 * @default 10_000
	 */
	readonly maxAgeMs?: number | undefined;
}

/** A signal that is told instead of asked. */
export interface PushSignal extends SignalSource {
	/** The value from now on, in the unit of the thresholds; `NaN` = unknown. */
	set(value: number): void;
}

/**
 * A signal fed from outside: a callback, a broker's statistics event, another part of the program.
 *
 * The reading is the value last set, and `NaN` (unknown) before the first one and when the last one is older than
 * `maxAgeMs`. Events that fall silent while intake is paused, such as the lag in a consumer's batch events, make an
 * unknown signal just then: poll those instead.
 *
 * @throws ConfigError when `maxAgeMs` is not a number >= 0.
 * @see docs/signals.md (rule R5)
 */
export function pushSignal(options: PushOptions = {}): PushSignal {
	return pushOn(systemClock, options);
}

/** {@link pushSignal} on any clock. */
export function pushOn(clock: Clock, { maxAgeMs = 10_000 }: PushOptions = {}): PushSignal {
	verify('pushSignal options', (must) => must(maxAgeMs >= 0, 'maxAgeMs', maxAgeMs, 'at least 0'));
	let reading = Number.NaN;
	let setAtMs = 0;
	return {
		set(value) {
			reading = value;
			setAtMs = clock.nowMs();
		},
		read: () => (clock.nowMs() - setAtMs <= maxAgeMs ? reading : Number.NaN),
	};
}
