import type { SpillStore } from '../../ports/spill.js';
import { settles } from '../settles.js';

/** The store with a bound on every wait, so that one that hangs fails with the name of the operation. */
export function bounded(store: SpillStore, timeoutMs: number): SpillStore {
	const within = <T>(what: string, call: () => Promise<T>) => settles(what, timeoutMs, begin(what, call));
	return {
		get capabilities() {
			return store.capabilities;
		},
		open: (options) => within('open', () => store.open(options)),
		append: (batch, options) => within(`append of ${batch.length} records`, () => store.append(batch, options)),
		read: (options) => within('read', () => store.read(options)),
		ack: (partition, upTo) => within('ack', () => store.ack(partition, upTo)),
		stats: () => within('stats', () => store.stats()),
		close: () => within('close', () => store.close()),
	};
}

/** Callers put `catch` on the promise: an operation that throws instead would go past it. */
function begin<T>(what: string, call: () => Promise<T>): Promise<T> {
	try {
		const promise = call();
		if (typeof promise?.then === 'function') return promise;
	} catch (cause) {
		return Promise.reject(new Error(`${what} threw instead of rejecting`, { cause }));
	}
	return Promise.reject(new Error(`${what} did not return a promise`));
}
