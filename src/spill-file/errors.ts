import { SpillError, SpillFullError } from '../ports/spill.js';

const FULL = new Set<unknown>(['ENOSPC', 'EDQUOT']);

/** What the system said, as the port says it. Errors of ours stay what they are. */
export function asSpillError(doing: string, cause: unknown, code: string): SpillError {
	if (cause instanceof SpillError) return cause;
	const text = `${doing}: ${messageOf(cause)}`;
	return FULL.has(codeOf(cause)) ? new SpillFullError(text, { cause }) : new SpillError(text, { code, cause });
}

export function codeOf(error: unknown): unknown {
	return error instanceof Error && 'code' in error ? error.code : undefined;
}

export function messageOf(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}
