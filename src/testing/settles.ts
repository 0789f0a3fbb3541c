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
