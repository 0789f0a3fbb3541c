import { show, verify } from '../core/errors.js';
import type { Ladder } from '../core/ladder.js';

/** A person's word over the automatic level (rule R10): one level, or bounds. It ends by itself. */
export type Override<N extends string> = {
	/** How long it lasts, ms > 0. */
	readonly ttlMs: number;
	/** Why; it is shown wherever the level is. */
	readonly reason: string;
	/** Who. */
	readonly actor?: string | undefined;
} & (
	| { readonly level: N; readonly floor?: never; readonly ceiling?: never }
	| { readonly level?: never; readonly floor?: N | undefined; readonly ceiling?: N | undefined }
);

/** A checked override with both bounds and the time of its end on the controller's clock. */
export interface ActiveOverride<N extends string = string> {
	readonly floor: N;
	readonly ceiling: N;
	readonly untilMs: number;
	readonly reason: string;
	readonly actor?: string | undefined;
}

/** @throws ConfigError with every problem. */
export function checkOverride<N extends string>(
	ladder: Ladder<N>,
	override: Override<N>,
	nowMs: number,
): ActiveOverride<N> {
	// It often comes from a request.
	const given = Object(override) as Override<N>;
	const { ttlMs, reason, actor } = given;
	const floor = given.level ?? given.floor ?? (ladder.levels[0] as N);
	const ceiling = given.level ?? given.ceiling ?? (ladder.levels.at(-1) as N);
	return verify('override', (must) => {
		const named = (['level', 'floor', 'ceiling'] as const).filter((key) => given[key] !== undefined);
		must(named.length > 0, 'override', given, 'one that names a level, a floor or a ceiling');
		must(given.level === undefined || named.length === 1, 'level', given.level, 'given without a floor and a ceiling');
		for (const key of named)
			must(ladder.levels.includes(given[key] as N), key, given[key], `a level (${ladder.levels.join(', ')})`);
		const below = ladder.levels.indexOf(floor) <= ladder.levels.indexOf(ceiling);
		must(below || !ladder.levels.includes(ceiling), 'floor', floor, `at or below the ceiling ${show(ceiling)}`);
		must(Number.isFinite(ttlMs) && ttlMs > 0, 'ttlMs', ttlMs, 'a finite number above 0: an override ends by itself');
		must(typeof reason === 'string' && reason.trim() !== '', 'reason', reason, 'a text that says why');
		return { floor, ceiling, untilMs: nowMs + ttlMs, reason, actor };
	});
}
