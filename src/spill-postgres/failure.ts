import { SpillError, SpillFullError } from '../ports/spill.js';

/** `disk_full` and `undefined_table`: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const DISK_FULL = '53100';
const UNDEFINED_TABLE = '42P01';

/** What went wrong with the server, in the port's words. Always a fresh object. */
export function failure(cause: unknown): SpillError {
	if (cause instanceof SpillFullError) return new SpillFullError(cause.message, { cause: cause.cause });
	if (cause instanceof SpillError) return new SpillError(cause.message, { code: cause.code, cause: cause.cause });
	const text = cause instanceof Error ? cause.message : String(cause);
	if (sqlState(cause) === DISK_FULL)
		return new SpillFullError(`the disk of the postgres spill is full: ${text}`, { cause });
	return new SpillError(`the postgres spill failed: ${text}`, { cause });
}

/** The five characters by which PostgreSQL names an error; `undefined` when it is not from the server. */
export function sqlState(error: unknown): string | undefined {
	const { code, severity } = (error ?? {}) as { readonly code?: unknown; readonly severity?: unknown };
	return typeof code === 'string' && severity !== undefined ? code : undefined;
}

/** Somebody has dropped the table, or its schema, under us. */
export const isDropped = (error: unknown): boolean => sqlState(error) === UNDEFINED_TABLE;

/** Whether the connection is of no use after this error: it is broken, or the server is about to close it. */
export function isFatal(error: unknown): boolean {
	const { severity } = (error ?? {}) as { readonly severity?: unknown };
	return sqlState(error) === undefined || severity === 'FATAL' || severity === 'PANIC';
}
