import type { RequestShedder } from '../ports/shedder.js';
import type { CheckedGuardOptions } from './options.js';

/** How long an answer is good for, ms. Clients are told whole seconds, and refusing has to be cheap. */
const GOOD_FOR_MS = 1_000;

/**
 * When a client that is refused now should come again, whole seconds: when the ladder can recover at the earliest, as far as
 * its holds tell. Not spread out at random: who wants that adds it in `refuse`.
 */
export function retryAfterS(
	shedder: RequestShedder<never, unknown>,
	{ retryAfter: { minS, maxS, defaultS }, clock }: CheckedGuardOptions,
): () => number {
	let answer = defaultS;
	let saidAtMs = Number.NEGATIVE_INFINITY;
	let saidFor = '';
	return () => {
		const nowMs = clock.nowMs();
		const { level, accepting } = shedder;
		const state = `${level} ${accepting}`;
		if (nowMs - saidAtMs >= GOOD_FOR_MS || state !== saidFor) {
			// The difference of two times is not whole where they are.
			const seconds = Math.ceil(Math.round(waitMs(shedder, nowMs)) / 1_000);
			answer = Number.isFinite(seconds) ? Math.min(maxS, Math.max(minS, seconds)) : defaultS;
			saidAtMs = nowMs;
			saidFor = state;
		}
		return answer;
	};
}

/** `NaN` where nothing tells. */
function waitMs(shedder: RequestShedder<never, unknown>, nowMs: number): number {
	const { gradual, cooldownMs } = shedder.ladder.spec;
	const { accepting } = shedder;
	const { holds } = shedder.stats();
	// Under gradual treatment requests are let in as soon as the severity falls, whatever level a cooldown still holds.
	const binding = holds.filter(
		({ reason }) => reason !== 'probe' && (reason === 'override' || gradual !== true || !accepting),
	);
	// While it is still loud, a whole cooldown is the least that is to come.
	const known = binding
		.map(({ reason, untilMs }) => untilMs ?? (reason === 'cooldown' ? nowMs + cooldownMs : undefined))
		.filter((untilMs) => untilMs !== undefined);
	const recovery = known.length > 0 ? [Math.max(...known)] : [];
	// A probe opens intake before the ladder recovers.
	const probe = accepting ? [] : holds.flatMap(({ reason, untilMs }) => (reason === 'probe' ? (untilMs ?? []) : []));
	const ways = [...recovery, ...probe];
	return ways.length > 0 ? Math.min(...ways) - nowMs : Number.NaN;
}
