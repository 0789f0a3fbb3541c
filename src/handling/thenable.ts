/** Whether there is something to wait for. */
export function isThenable<V>(value: V | Promise<V>): value is Promise<V> {
	return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

/**
 * A promise is no answer, and nobody else would hear that it was rejected.
 *
 * @throws TypeError when it is one.
 */
export function insistOnSync(name: string, answer: unknown): void {
	if (!isThenable(answer)) return;
	answer.then(undefined, () => undefined);
	throw new TypeError(`${name} returned a promise: it has to be synchronous (rule D4)`);
}
