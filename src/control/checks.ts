import { type Must, show, verify } from '../core/errors.js';
import { compiled, type Ladder } from '../core/ladder.js';
import { part } from '../core/validate.js';
import type { ControllerOptions } from './types.js';

type Options = ControllerOptions<string, string, string, string, string>;

/** Their names. */
export const CONTROLLER_OPTIONS: { readonly [K in keyof Required<Options>]: true } = {
	ladder: true,
	signals: true,
	intake: true,
	checkEveryMs: true,
	clock: true,
	capacityPerS: true,
};

/** @throws ConfigError */
export function checkOptions(options: Options): void {
	// Also where there are no options at all.
	compiled(Object(options).ladder);
	verify('controller', (must) => {
		part(must, 'controller', options, Object.keys(CONTROLLER_OPTIONS));
		checkSources(must, options.ladder, options.signals);
		const { intake, checkEveryMs = 1, capacityPerS = 1 } = options;
		const opens = intake === undefined || (typeof intake?.pause === 'function' && typeof intake.resume === 'function');
		must(opens, 'intake', intake, 'an object with pause() and resume()');
		// A timer takes what is longer for 1 ms.
		const ticks = Number.isFinite(checkEveryMs) && checkEveryMs > 0 && checkEveryMs < 2 ** 31;
		must(ticks, 'checkEveryMs', checkEveryMs, 'a number above 0 and below 2 ** 31');
		const flows = Number.isFinite(capacityPerS) && capacityPerS > 0;
		must(flows, 'capacityPerS', capacityPerS, 'a finite number above 0');
	});
}

/** A reload may move levels and thresholds; what messages, sources and stored records refer to stays. @throws ConfigError */
export function checkReload(now: Ladder, next: Ladder, signals: Options['signals']): void {
	compiled(next);
	verify('reload', (must) => {
		for (const key of ['signals', 'priorities', 'features'] as const) {
			const [a, b] = [[...now[key]].sort(), [...next[key]].sort()];
			must(a.join() === b.join(), key, b.join(', '), `the same set as before (${a.join(', ')})`);
		}
		must(
			now.priorities[0] === next.priorities[0],
			'priorities.protected',
			next.priorities[0],
			`${show(now.priorities[0])} as before`,
		);
		if (now.signals.length === next.signals.length) checkSources(must, next, signals);
	});
}

/** A source per signal, and none that contradicts the ladder (rule R8). */
function checkSources(must: Must, ladder: Ladder, signals: Options['signals']): void {
	const form = compiled(ladder);
	for (const { name, policy, at } of form.signals) {
		const source = Object(signals)[name] as Options['signals'][string] | undefined;
		const path = `signals.${name}`;
		const given = typeof source === 'function' || typeof source?.read === 'function';
		must(given, path, source, 'a source: a function, or an object with read()');
		const pausing = form.pauses.some((pauses, level) => pauses && at[level] !== undefined);
		const falls = !given || typeof source === 'function' || source.fallsWhilePaused !== false;
		must(
			falls || !pausing || policy.fallsWhilePaused === false,
			`${path}.fallsWhilePaused`,
			policy.fallsWhilePaused,
			'false in the ladder: its source does not fall while intake is paused (R8)',
		);
	}
	for (const name of Object.keys(Object(signals))) {
		const known = ladder.signals.includes(name);
		must(known, `signals.${name}`, name, `a signal of the ladder (${ladder.signals.join(', ')})`);
	}
}
