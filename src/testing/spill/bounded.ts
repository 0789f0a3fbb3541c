import type { SpillStore } from '../../ports/spill.js';

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

/** An operation was still pending when its time was up. */
class HungError extends Error {}

/** What the work rejects with, `undefined` when it resolves: for operations that may end either way, but have to end. */
export async function outcomeOf(work: Promise<unknown>): Promise<unknown> {
	try {
		await work;
		return undefined;
	} catch (error) {
		if (error instanceof HungError) throw error;
		return error;
	}
}

/** Rejects when the work has not settled in time, whatever it does later. */
export function settles<T>(what: string, timeoutMs: number, work: PromiseLike<T>): Promise<T> {
	return new Promise((resolve, reject) => {
		const timer = setTimeout(() => reject(new HungError(`${what} has not settled within ${timeoutMs} ms`)), timeoutMs);
		const settled = () => clearTimeout(timer);
		work.then(
			(value) => {
				settled();
				resolve(value);
			},
			(error: unknown) => {
				settled();
				reject(error);
			},
		);
	});
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
