/** What was typed or handed in is wrong: shown without a stack, exit code 2. */
export class InputError extends Error {
	override readonly name = 'InputError';
	readonly code = 'INPUT';
}

/** Runs `read`; whatever it throws is the fault of the input that `what` names, or that the error itself names. */
export async function blame<T>(what: string | null, read: () => T | Promise<T>): Promise<T> {
	try {
		return await read();
	} catch (cause) {
		const message = cause instanceof Error ? cause.message : String(cause);
		throw new InputError(what === null ? message : `${what}: ${message}`, { cause });
	}
}
