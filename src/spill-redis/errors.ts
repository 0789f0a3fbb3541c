import { SpillError, SpillFullError } from '../ports/spill.js';

/** What the port says of an error of the client. `what` is the operation. */
export function spillError(what: string, error: unknown): SpillError {
	if (error instanceof SpillError) return error;
	const message = messageOf(error);
	// `OOM command not allowed when used memory > 'maxmemory'`; MISCONF: the log or the snapshot cannot be written.
	if (/^OOM |^MISCONF .*No space left/s.test(message))
		return new SpillFullError(`redis refused the ${what} for want of room: ${message}`, { cause: error });
	const refused = /^[A-Z]{3,} /.test(message);
	return new SpillError(`redis ${refused ? 'refused' : 'did not do'} the ${what}: ${message}`, {
		code: refused ? 'SPILL_FAILED' : 'SPILL_CONNECTION',
		cause: error,
	});
}

export const closedError = (name: string): SpillError =>
	new SpillError(`the redis spill "${name}" is not open`, { code: 'SPILL_CLOSED' });

export function messageOf(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}
