import { CONTROLLER_OPTIONS } from '../control/checks.js';
import { show, verify } from '../core/errors.js';
import { part } from '../core/validate.js';
import type { SpillStore } from '../ports/spill.js';
import type { SpillOptions } from './spiller.js';
import type { ReplayOptions, ShedderOptions } from './types.js';

type Names<Options> = { readonly [K in keyof Required<Options>]: true };

const SHEDDER: Names<ShedderOptions<unknown, string, string>> = {
	tiers: true,
	keyOf: true,
	priorityOf: true,
	timeOf: true,
	spill: true,
	replay: true,
	skipToLive: true,
	mode: true,
};
const SPILL: Names<SpillOptions<unknown>> = {
	store: true,
	codec: true,
	idOf: true,
	expiresAfterMs: true,
	deadLetters: true,
	keyFence: true,
	whenSpillFails: true,
};
const REPLAY: Names<ReplayOptions<string>> = {
	upTo: true,
	maxPerS: true,
	attempts: true,
	concurrency: true,
	order: true,
};

const MODES: readonly string[] = ['enforce', 'observe', 'off'];
const ORDERS: readonly string[] = ['oldest-first', 'latest-per-key'];
const FAILING: readonly string[] = ['process', 'reject'];
const CONCURRENCY_MAX = 256;

/**
 * Checks what does not need the tiers.
 *
 * @returns how messages are kept, and the options as they were: changing them later changes nothing.
 * @throws ConfigError with every problem.
 */
export function checkShedder<M, P extends string, N extends string>(
	options: ShedderOptions<M, P, N>,
	levels: readonly string[],
): { readonly keeping: SpillOptions<M> | undefined; readonly own: ShedderOptions<M, P, N> } {
	const { mode = 'enforce', keyOf, timeOf, spill, replay = {}, skipToLive } = options;
	const keeping = spill && optionsOf(spill);
	verify('shedder', (must) => {
		const controlled = 'controller' in options ? { controller: true } : CONTROLLER_OPTIONS;
		part(must, 'shedder', options, Object.keys({ ...SHEDDER, ...controlled }));
		const oneOf = (known: readonly string[], path: string, value: string) =>
			must(known.includes(value), path, value, `one of ${known.map(show).join(', ')}`);
		oneOf(MODES, 'mode', mode);

		const given = part(must, 'replay', replay, Object.keys(REPLAY)) as ReplayOptions<N>;
		const { upTo, maxPerS = 1, attempts = 1, concurrency = 1, order = 'oldest-first' } = given;
		must(upTo === undefined || levels.includes(upTo), 'replay.upTo', upTo, `a level (${levels.join(', ')})`);
		must(maxPerS > 0, 'replay.maxPerS', maxPerS, 'above 0');
		must(Number.isInteger(attempts) && attempts >= 1, 'replay.attempts', attempts, 'an integer of at least 1');
		const few = Number.isInteger(concurrency) && concurrency >= 1 && concurrency <= CONCURRENCY_MAX;
		must(few, 'replay.concurrency', concurrency, `an integer of 1 .. ${CONCURRENCY_MAX}`);
		oneOf(ORDERS, 'replay.order', order);

		if (skipToLive !== undefined) {
			const { afterMs } = part(must, 'skipToLive', skipToLive, ['afterMs']);
			must((afterMs as number) > 0, 'skipToLive.afterMs', afterMs, 'above 0');
			must(timeOf !== undefined, 'timeOf', timeOf, 'given together with skipToLive');
			must(keeping !== undefined, 'spill', spill, 'given together with skipToLive');
		}
		const isStore = spill === undefined || typeof keeping?.store?.append === 'function';
		must(isStore, 'spill', spill, 'a spill store, or options with a store');
		if (!keeping) return;
		part(must, 'spill', keeping, Object.keys(SPILL));
		const { store, whenSpillFails = 'process', expiresAfterMs = 1, keyFence = false, deadLetters } = keeping;
		oneOf(FAILING, 'spill.whenSpillFails', whenSpillFails);
		must(expiresAfterMs > 0, 'spill.expiresAfterMs', expiresAfterMs, 'above 0');
		must(
			deadLetters === undefined || deadLetters !== store,
			'spill.deadLetters',
			'the spill store itself',
			'another store',
		);
		must(keyOf !== undefined || !keyFence, 'keyOf', keyOf, 'given together with spill.keyFence');
		const aged = order === 'latest-per-key';
		must(keyOf !== undefined || !aged, 'keyOf', keyOf, 'given together with replay.order "latest-per-key"');
	});
	const own = { ...options, replay: { ...replay }, skipToLive: skipToLive && { ...skipToLive } };
	return { keeping, own };
}

function optionsOf<M>(spill: SpillStore | SpillOptions<M>): SpillOptions<M> {
	const given = spill as SpillStore & SpillOptions<M>;
	// A store may well have a property of that name.
	return typeof given === 'object' && typeof given.append !== 'function' ? { ...given } : { store: given };
}
