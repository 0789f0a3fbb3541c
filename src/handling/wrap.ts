import { isThenable, type Run } from './handlers.js';
import type { Leaving } from './ledger.js';
import type { Route } from './router.js';
import type { Outcome } from './types.js';

/** What the wrappers need of a shedder. */
export interface Desk<M, N extends string, P extends string, F extends string> {
	/** Decides; counts nothing. */
	route(message: M): Route<N, P, F>;
	/** The message is in our hands from here on. */
	enter(route: Route<N, P, F>, message: M): void;
	/** It is not any more. */
	leave(route: Route<N, P, F>, as: Leaving): void;
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
		const route = desk.route(message);
		desk.enter(route, message);
		switch (route.done.action) {
			case 'process':
				try {
					return Promise.resolve(run(route, message));
				} catch (error) {
					return Promise.reject(error);
				}
			case 'spill':
				return desk.keep<V>([{ route, message }], name).then(([kept]) => kept ?? run(route, message));
			default:
				return Promise.resolve(refuse(desk, route));
		}
	};
}

/**
 * A batch: decided on at once, appended together and awaited once (rule M2), handled one after the other. What is not
 * reached after a handler has thrown was never offered.
 */
export function wrapMany<M, N extends string, P extends string, F extends string, V>(
	desk: Desk<M, N, P, F>,
	run: Run<M, N, P, F, V>,
	name: string,
): (messages: readonly M[]) => Promise<Outcome<V>[]> {
	return async (messages) => {
		const planned = messages.map((message) => ({ message, route: desk.route(message) }));
		const spilled = planned.filter(({ route }) => route.done.action === 'spill');
		for (const { route, message } of spilled) desk.enter(route, message);
		// The append is under way while the others are handled.
		const keeping = spilled.length > 0 ? desk.keep<V>(spilled, name) : Promise.resolve([]);
		const outcomes: (Outcome<V> | undefined)[] = [];
		/** What could not be kept goes back with the rest of the batch. */
		const handBack = (kept: readonly (Outcome<V> | undefined)[], from: number) => {
			for (const [i, { route }] of spilled.entries()) {
				if (i >= from && kept[i] === undefined) desk.leave(route, 'rejected');
			}
		};
		try {
			for (const { message, route } of planned) {
				const { action } = route.done;
				if (action !== 'spill') desk.enter(route, message);
				const outcome =
					action === 'process' ? run(route, message) : action === 'spill' ? undefined : refuse(desk, route);
				// To wait for what is there already would cost more than the decision.
				outcomes.push(isThenable(outcome) ? await outcome : outcome);
			}
		} catch (error) {
			handBack(await keeping, 0);
			throw error;
		}
		const kept = await keeping;
		let next = 0;
		for (const [i, { message, route }] of planned.entries()) {
			if (outcomes[i] !== undefined) continue;
			try {
				outcomes[i] = kept[next++] ?? (await run(route, message));
			} catch (error) {
				handBack(kept, next);
				throw error;
			}
		}
		return outcomes as Outcome<V>[];
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
