import { verify } from '../core/errors.js';
import type { Clock } from '../ports/clock.js';
import { systemClock } from '../ports/time.js';

/** Within which bounds a client is told when to come again, seconds; whole numbers >= 1. */
export interface RetryAfterOptions {
	/** At least this. Default 1. */
	readonly minS?: number | undefined;
	/** At most this. Default 60. */
	readonly maxS?: number | undefined;
	/** Where nothing says when the ladder will recover. Default 5, within the other two. */
	readonly defaultS?: number | undefined;
}

/** When requests are turned away, and what the client is told. */
export interface GuardOptions {
	/**
	 * What happens while a level pauses intake. `'serve-protected'` (default): protected requests are served, all others are
	 * refused. `'refuse-all'`: nothing is served and nothing is offered to the shedder, so these requests are not in its ledger.
	 */
	readonly whilePaused?: 'serve-protected' | 'refuse-all' | undefined;
	readonly retryAfter?: RetryAfterOptions | undefined;
	/** The clock of the shedder. Default: the system's, as there. */
	readonly clock?: Clock | undefined;
}

export type CheckedGuardOptions = {
	readonly whilePaused: 'serve-protected' | 'refuse-all';
	readonly retryAfter: { readonly [K in keyof RetryAfterOptions]-?: number };
	readonly clock: Clock;
};

/** @throws ConfigError with everything that is wrong. */
export function checkedGuard(subject: string, { begin }: { readonly begin: unknown }, options: GuardOptions) {
	const { whilePaused = 'serve-protected', retryAfter = {}, clock = systemClock } = options;
	const { minS = 1, maxS = Math.max(60, minS) } = retryAfter;
	const { defaultS = Math.min(Math.max(5, minS), maxS) } = retryAfter;
	verify(`${subject} options`, (must) => {
		must(typeof begin === 'function', 'shedder', begin, 'made by createLoadShedder');
		must(
			whilePaused === 'serve-protected' || whilePaused === 'refuse-all',
			'whilePaused',
			whilePaused,
			'"serve-protected" or "refuse-all"',
		);
		const whole = (path: string, value: number, least: number, most: number, rule: string) =>
			must(Number.isInteger(value) && value >= least && value <= most, `retryAfter.${path}`, value, rule);
		whole('minS', minS, 1, Number.MAX_SAFE_INTEGER, 'a whole number of at least 1');
		whole('maxS', maxS, minS, Number.MAX_SAFE_INTEGER, `a whole number of at least minS (${minS})`);
		if (minS <= maxS) whole('defaultS', defaultS, minS, maxS, `a whole number from minS (${minS}) to maxS (${maxS})`);
	});
	return { whilePaused, retryAfter: { minS, maxS, defaultS }, clock } satisfies CheckedGuardOptions;
}
