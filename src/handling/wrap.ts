import type { BatchOptions, Outcome } from '../ports/outcome.js';
import type { Run } from './handlers.js';
import type { Leaving } from './ledger.js';
import type { Route } from './router.js';
import { isThenable } from './thenable.js';

/** What the wrappers need of a shedder. */
export interface Desk<M, N extends string, P extends string, F extends string> {
	/** Decides; counts nothing. What is to be kept fences its key from here on (rule M4): {@link keep} has to follow at once. */
	plan(message: M): Route<N, P, F>;
	/** The message is in our hands from here on. */
	enter(route: Route<N, P, F>, message: M): void;
	/** It is not any more. */
	leave(route: Route<N, P, F>, as: Leaving): void;
	/** Its route when it could not be kept and is processed instead. */
	lean(route: Route<N, P, F>): Route<N, P, F>;
	/** Keeps messages together; `undefined` stands for one that is to be processed instead. Never rejects. */
	keep<V>(messages: readonly Planned<M, N, P, F>[], handler: string): Promise<(Outcome<V> | undefined)[]>;
}

export interface Planned<M, N extends string, P extends string, F extends string> {
	readonly message: M;
	readonly route: Route<N, P, F>;
}

const DROPPED = Object.freeze({ action: 'drop' } as const);
const REJECTED = Object.freeze({ action: 'reject' } as const);

/** One message: one decision, one counter, then process, append, skip or hand back (rule M1). */
export function wrapOne<M, N extends string, P extends string, F extends string, V>(
	desk: Desk<M, N, P, F>,
	run: Run<M, N, P, F, V>,
	name: string,
): (message: M) => Promise<Outcome<V>> {
	return (message) => {
		const route = desk.plan(message);
		desk.enter(route, message);
		switch (route.done.action) {
			case 'process':
				try {
					return Promise.resolve(run(route, message));
				} catch (error) {
					return Promise.reject(error);
				}
			case 'spill':
				return desk.keep<V>([{ route, message }], name).then(([kept]) => kept ?? run(desk.lean(route), message));
			default:
				return Promise.resolve(refuse(desk, route));
		}
	};
}

/**
 * A batch: decided on at once, appended together and awaited once (rule M2), handled one after the other. What is not
 * reached, because a handler has thrown or the signal has ended the batch, was never offered.
 */
export function wrapMany<M, N extends string, P extends string, F extends string, V>(
	desk: Desk<M, N, P, F>,
	run: Run<M, N, P, F, V>,
	name: string,
): (messages: readonly M[], options?: BatchOptions<V>) => Promise<Outcome<V>[]> {
	return async (messages, { onOutcome, signal } = {}) => {
		const planned = messages.map((message) => ({ message, route: desk.plan(message) }));
		const spilled = [...planned.entries()].filter(([, { route }]) => route.done.action === 'spill');
		for (const [, { route, message }] of spilled) desk.enter(route, message);
		// The append is under way while the others are handled.
		const toKeep = spilled.map(([, plan]) => plan);
		const keeping = toKeep.length > 0 ? desk.keep<V>(toKeep, name) : Promise.resolve([]);
		const outcomes: Outcome<V>[] = [];
		const settle = (at: number, outcome: Outcome<V>): void => {
			outcomes[at] = outcome;
			onOutcome?.(at, outcome);
		};
		/** Settles what went to the store. What could not be kept is handled now, or goes back from `upTo` on. */
		const settleSpilled = async (upTo: number): Promise<void> => {
			const kept = await keeping;
			let failure: { readonly error: unknown } | undefined;
			for (const [i, [at, { route, message }]] of spilled.entries()) {
				const outcome = kept[i];
				if (outcome !== undefined) settle(at, outcome);
				else if (at >= upTo || failure !== undefined) desk.leave(route, 'rejected');
				else {
					try {
						settle(at, await run(desk.lean(route), message));
					} catch (error) {
						failure = { error };
					}
				}
			}
			if (failure !== undefined) throw failure.error;
		};
		let reached = 0;
		try {
			for (const { message, route } of planned) {
				if (signal?.aborted === true) break;
				const { action } = route.done;
				if (action !== 'spill') {
					desk.enter(route, message);
					const outcome = action === 'process' ? run(route, message) : refuse(desk, route);
					// To wait for what is there already would cost more than the decision.
					settle(reached, isThenable(outcome) ? await outcome : outcome);
				}
				reached++;
			}
		} catch (error) {
			await settleSpilled(0);
			throw error;
		}
		await settleSpilled(reached);
		return outcomes.slice(0, reached);
	};
}

function refuse<M, N extends string, P extends string, F extends string>(
	desk: Desk<M, N, P, F>,
	route: Route<N, P, F>,
) {
	const dropped = route.done.action === 'drop';
	desk.leave(route, dropped ? 'dropped' : 'rejected');
	return dropped ? DROPPED : REJECTED;
}
