import type { MessageShedder } from '../ports/shedder.js';
import type { Handling } from './handling.js';

/** How a message ends at a broker that acknowledges each by itself. */
export interface Settling<Raw> {
	/** It was processed, durably kept, or given up on purpose. */
	readonly done: (raw: Raw) => void;
	/** It is to come again, later: it was rejected, or its handler threw. */
	readonly back: (raw: Raw) => void;
	/** It was not begun, and somebody else may have it at once. */
	readonly release: (raw: Raw) => void;
}

/**
 * Handles batches of a broker that acknowledges each message by itself. One whose handler throws goes back alone, and the
 * others are handled all the same. Rejects at the end with what was thrown, an AggregateError when there is more than one.
 */
export function settleEach<Raw, M, C, V>(
	shedder: MessageShedder<M, C>,
	{ decode, handle, name = 'default' }: Handling<Raw, M, C, V>,
	{ done, back, release }: Settling<Raw>,
): (raws: readonly Raw[], options?: { readonly signal?: AbortSignal | undefined }) => Promise<void> {
	const handleBatch = shedder.wrapBatch(handle, { name });
	return async (raws, { signal } = {}) => {
		const errors: unknown[] = [];
		let left: { readonly raw: Raw; readonly message: M }[] = [];
		for (const raw of raws) {
			try {
				left.push({ raw, message: decode(raw) });
			} catch (error) {
				errors.push(error);
				back(raw);
			}
		}
		while (left.length > 0 && signal?.aborted !== true) {
			const settled = new Set<number>();
			const batch = left;
			try {
				await handleBatch(
					batch.map(({ message }) => message),
					{
						signal,
						onOutcome(at, { action }) {
							settled.add(at);
							const { raw } = batch[at] as { readonly raw: Raw };
							if (action === 'reject') back(raw);
							else done(raw);
						},
					},
				);
				left = batch.filter((_, at) => !settled.has(at));
				break;
			} catch (error) {
				errors.push(error);
				left = batch.filter((_, at) => !settled.has(at));
				// What could not be kept has no outcome either; the one that threw was to be processed, unless all of these were to be kept.
				const threw = left.findIndex(({ message }) => shedder.decide(message).action !== 'spill');
				for (const { raw } of left.splice(Math.max(0, threw), 1)) back(raw);
			}
		}
		for (const { raw } of left) release(raw);
		if (errors.length === 1) throw errors[0];
		if (errors.length > 1) throw new AggregateError(errors, `${errors.length} messages were not handled`);
	};
}
