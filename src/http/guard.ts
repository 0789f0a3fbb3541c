import type { Admission, RequestShedder } from '../ports/shedder.js';
import { checkedGuard, type GuardOptions } from './options.js';
import { retryAfterS } from './retry-after.js';

/** Why a request is turned away, and what its client should do. */
export interface Refusal {
	/** The decision, or `paused` where nothing is served while intake is paused. */
	readonly why: 'drop' | 'reject' | 'paused';
	/** When the client should come again, whole seconds. */
	readonly retryAfterS: number;
	readonly level: string;
}

/** Lets a request in, or says why not. */
export type Guard<M, C> = (message: () => M) => { readonly admission: Admission<C> } | { readonly refusal: Refusal };

/** @throws ConfigError */
export function guarded<M, C>(subject: string, shedder: RequestShedder<M, C>, options: GuardOptions): Guard<M, C> {
	const checked = checkedGuard(subject, shedder, options);
	const waitS = retryAfterS(shedder, checked);
	const refused = (why: Refusal['why']) => ({ refusal: { why, retryAfterS: waitS(), level: shedder.level } });
	const refusesAll = checked.whilePaused === 'refuse-all';
	return (message) => {
		if (refusesAll && !shedder.accepting) return refused('paused');
		const admission = shedder.begin(message());
		const { action } = admission;
		return action === 'process' ? { admission } : refused(action);
	};
}
