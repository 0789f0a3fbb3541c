import { show, verify } from '../core/errors.js';
import type { SpillStore } from '../ports/spill.js';
import type { SpillOptions } from './spiller.js';
import type { ShedderOptions } from './types.js';

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
		const oneOf = (known: readonly string[], path: string, value: string) =>
			must(known.includes(value), path, value, `one of ${known.map(show).join(', ')}`);
		oneOf(MODES, 'mode', mode);

		const { upTo, maxPerS = 1, attempts = 1, concurrency = 1, order = 'oldest-first' } = replay;
		must(upTo === undefined || levels.includes(upTo), 'replay.upTo', upTo, `a level (${levels.join(', ')})`);
		must(maxPerS > 0, 'replay.maxPerS', maxPerS, 'above 0');
		must(Number.isInteger(attempts) && attempts >= 1, 'replay.attempts', attempts, 'an integer of at least 1');
		const few = Number.isInteger(concurrency) && concurrency >= 1 && concurrency <= CONCURRENCY_MAX;
		must(few, 'replay.concurrency', concurrency, `an integer of 1 .. ${CONCURRENCY_MAX}`);
		oneOf(ORDERS, 'replay.order', order);

		if (skipToLive !== undefined) {
			must(skipToLive.afterMs > 0, 'skipToLive.afterMs', skipToLive.afterMs, 'above 0');
			must(timeOf !== undefined, 'timeOf', timeOf, 'given together with skipToLive');
			must(keeping !== undefined, 'spill', spill, 'given together with skipToLive');
		}
		const isStore = spill === undefined || typeof keeping?.store?.append === 'function';
		must(isStore, 'spill', spill, 'a spill store, or options with a store');
		if (!keeping) return;
		const { store, whenSpillFails = 'process', expiresAfterMs = 1, keyFence = false, deadLetters } = keeping;
		oneOf(FAILING, 'spill.whenSpillFails', whenSpillFails);
		must(expiresAfterMs > 0, 'spill.expiresAfterMs', expiresAfterMs, 'above 0');
		must(deadLetters !== store, 'spill.deadLetters', 'the spill store itself', 'another store');
		must(keyOf !== undefined || !keyFence, 'keyOf', keyOf, 'given together with spill.keyFence');
		const aged = order === 'latest-per-key';
		must(keyOf !== undefined || !aged, 'keyOf', keyOf, 'given together with replay.order "latest-per-key"');
	});
	const own = { ...options, replay: { ...replay }, skipToLive: skipToLive && { ...skipToLive } };
	return { keeping, own };
}

function optionsOf<M>(spill: SpillStore | SpillOptions<M>): SpillOptions<M> {
	return 'store' in spill ? { ...spill } : { store: spill };
}
