import { SpillError, SpillFullError } from '../ports/spill.js';

/** Numbers of the errors of JetStream: https://github.com/nats-io/nats-server/blob/main/server/errors.json */
export const STREAM_NOT_FOUND = 10_059;
const WRONG_LAST_SEQUENCE = 10_071;

/** What a server says when there is no room: in the stream, the account or on its disk. */
const FULL =
	/maximum (bytes|messages) exceeded|insufficient (storage )?resources|resource limits? exceeded|no space left/i;

/** What went wrong, in the port's words. Always a fresh object. */
export function failure(cause: unknown): SpillError {
	if (cause instanceof SpillFullError) return new SpillFullError(cause.message, { cause: cause.cause });
	if (cause instanceof SpillError) return new SpillError(cause.message, { code: cause.code, cause: cause.cause });
	const text = cause instanceof Error ? cause.message : String(cause);
	if (apiCode(cause) === undefined)
		return new SpillError(`the nats spill did not reach its stream: ${text}`, { code: 'SPILL_CONNECTION', cause });
	if (FULL.test(text)) return new SpillFullError(`the server of the nats spill has no room: ${text}`, { cause });
	return new SpillError(`the nats spill failed: ${text}`, { cause });
}

/** The number of an answer of JetStream; `undefined` when it did not answer. */
export function apiCode(error: unknown): number | undefined {
	const { code } = (error ?? {}) as { readonly code?: unknown };
	return typeof code === 'number' ? code : undefined;
}

/** There is no such stream, or nobody answers for it, which is how a server says that of a direct question. */
export const isGone = ({ code, cause }: SpillError): boolean =>
	code === 'SPILL_CONNECTION' || apiCode(cause) === STREAM_NOT_FOUND;

/** Somebody else wrote to the stream. */
export const isFenced = (error: unknown): boolean => apiCode(error) === WRONG_LAST_SEQUENCE;

/** Nobody took a message for the stream, which clients tell as a server without JetStream. */
export const isUnheard = (error: unknown): boolean =>
	hasNoResponders(error) || (error instanceof Error && hasNoResponders(error.cause));

/** Nobody listens on the subject of a request. */
export function hasNoResponders(error: unknown): boolean {
	const { isNoResponders } = (error ?? {}) as { readonly isNoResponders?: () => boolean };
	return typeof isNoResponders === 'function' && isNoResponders.call(error);
}
