import type { Outcome } from '../ports/outcome.js';
import { SpillError, type SpillRecord } from '../ports/spill.js';
import type { Holdings } from './holdings.js';
import type { Tally } from './ledger.js';
import { isUnfit } from './spiller.js';
import { insistOnSync } from './thenable.js';
import type { Planned } from './wrap.js';

/** What keeping messages touches. */
export interface Keeping<M> {
	readonly holdings: Holdings<M>;
	readonly tally: Tally;
	readonly keyOf: ((message: M) => string) | undefined;
	readonly nowMs: number;
	/** How old a message is, ms; NaN = that cannot be told. */
	ageOf(message: M): number;
	failed(error: unknown, name: string): void;
}

const REFUSED: readonly string[] = ['SPILL_FULL', 'SPILL_UNAVAILABLE'];
const SPILLED = Object.freeze({ action: 'spill' } as const);

/**
 * Appends messages together (rule M2). `undefined` stands for one that could not be kept and is to be processed instead;
 * with `whenSpillFails: 'reject'` it is handed back, unless it is protected. Never rejects.
 */
export async function keep<M, N extends string, P extends string, F extends string, V>(
	{ holdings, tally, keyOf, nowMs, ageOf, failed }: Keeping<M>,
	messages: readonly Planned<M, N, P, F>[],
	handler: string,
): Promise<(Outcome<V> | undefined)[]> {
	const { spiller, fence } = holdings;
	const outcomes: (Outcome<V> | undefined)[] = messages.map(() => undefined);
	const records: { readonly at: number; readonly record: SpillRecord }[] = [];
	const causes: unknown[] = [];
	for (const [at, { route, message }] of messages.entries()) {
		let key: string | undefined;
		try {
			key = keyFor(keyOf, message);
			const headers = { handler, tier: route.tier, priority: route.decision.priority };
			// What is protected never expires (rule D3).
			const age = route.priority === 0 ? undefined : ageOf;
			records.push({ at, record: spiller.record(message, key, headers, nowMs, age) });
		} catch (error) {
			// One message that cannot be written does not keep the others from being kept.
			causes[at] = error;
			failed(error, 'encode');
			if (key !== undefined) fence?.remove(key);
		}
	}
	tally.appending(records.length);
	let kept = 0;
	const settle = (
		{ at, record }: (typeof records)[number],
		rejection: { readonly error: unknown } | undefined,
	): void => {
		const route = messages[at]?.route;
		if (rejection === undefined) {
			outcomes[at] = SPILLED;
			kept++;
			if (route?.skipped === true) tally.ledger.skipped++;
			if (route?.fenced === true) tally.ledger.fenced++;
			return;
		}
		causes[at] = rejection.error;
		// What the store has rejected may be in it all the same. A key that is held for nothing is let go when it is empty.
		if (!ready || isRefusal(rejection.error)) fence?.remove(record.key);
	};
	/** Appends them together, or each half on its own where one of them is to blame, so that it costs only itself. */
	const append = async (some: typeof records): Promise<void> => {
		try {
			if (some.length > 0) await holdings.append(some.map(({ record }) => record));
			for (const one of some) settle(one, undefined);
		} catch (error) {
			const half = some.length >> 1;
			if (half > 0 && isUnfit(error)) {
				await append(some.slice(0, half));
				await append(some.slice(half));
				return;
			}
			failed(error, 'append');
			for (const one of some) settle(one, { error });
		}
	};
	let ready = false;
	try {
		await holdings.ready();
		ready = true;
		for (const { at, record } of records) if (messages[at]?.route.fenced === true) fence?.press(record.key);
		await append(records);
	} catch (error) {
		failed(error, 'append');
		for (const one of records) settle(one, { error });
	}
	tally.appended(records.length, kept);
	if (spiller.whenFails !== 'reject') return outcomes;
	return outcomes.map((outcome, at) => {
		// What is protected was only too old to go first: it is processed (rule D3).
		if (outcome !== undefined || messages[at]?.route.skipped === true) return outcome;
		tally.leave('rejected');
		return { action: 'reject', cause: causes[at] };
	});
}

/** Nothing was kept, for certain. Any other rejection of an append leaves that open. */
function isRefusal(error: unknown): boolean {
	return isUnfit(error) || (error instanceof SpillError && REFUSED.includes(error.code));
}

/** The key under which a message is kept, and fenced. Those that have none share one. */
export function keyFor<M>(keyOf: ((message: M) => string) | undefined, message: M): string {
	const key: unknown = keyOf?.(message);
	insistOnSync('keyOf', key);
	return String(key ?? '');
}

/** There is nowhere to keep them. */
export function missing(): SpillError {
	return new SpillError('the level spills, but the shedder has no spill store', {
		code: 'SPILL_MISSING',
	});
}
