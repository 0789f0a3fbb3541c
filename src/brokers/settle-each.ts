import type { MessageShedder } from '../ports/shedder.js';
import { systemClock } from '../ports/time.js';
import type { Handling } from './handling.js';
import { partSize } from './part-size.js';

/** How a message ends at a broker that acknowledges each by itself. */
export interface Settling<Raw> {
	/** It was processed, durably kept, or given up on purpose. */
	readonly done: (raw: Raw) => void;
	/** It is to come again, later: it was rejected, or its handler threw. */
	readonly back: (raw: Raw) => void;
	/** It was not begun, and somebody else may have it at once. */
	readonly release: (raw: Raw) => void;
}

/** Most messages that are decided on at once, and appended together. */
const PART_MAX = 1_000;

/**
 * Handles batches of a broker that acknowledges each message by itself, in parts that are small while handling takes long. One whose handler throws goes back alone, and the
 * others are handled all the same. Rejects at the end with what was thrown, an AggregateError when there is more than one.
 */
export function settleEach<Raw, M, C, V>(
	shedder: MessageShedder<M, C>,
	{ decode, handle, name = 'default' }: Handling<Raw, M, C, V>,
	{ done, back, release }: Settling<Raw>,
): (raws: readonly Raw[], options?: { readonly signal?: AbortSignal | undefined }) => Promise<void> {
	const handleBatch = shedder.wrapBatch(handle, { name });
	const size = partSize(PART_MAX);
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
			const part = left.slice(0, size.next);
			const rest = left.slice(size.next);
			const settled = new Set<number>();
			const sinceMs = systemClock.nowMs();
			let handledMs = sinceMs;
			// A look at the clock for every message would show in the cost of quick ones.
			const every = size.next >= 64 ? 16 : 1;
			try {
				await handleBatch(
					part.map(({ message }) => message),
					{
						signal,
						onOutcome(at, { action }) {
							settled.add(at);
							// What is spilled is told of when the append has resolved, after all others.
							if (action === 'process' && at % every === 0) handledMs = systemClock.nowMs();
							const { raw } = part[at] as { readonly raw: Raw };
							if (action === 'reject') back(raw);
							else done(raw);
						},
					},
				);
				size.took(handledMs - sinceMs, part.length);
				left = [...part.filter((_, at) => !settled.has(at)), ...rest];
			} catch (error) {
				errors.push(error);
				const open = part.filter((_, at) => !settled.has(at));
				// What could not be kept has no outcome either; the one that threw was to be processed, unless all of these were to be kept.
				const threw = open.findIndex(({ message }) => shedder.decide(message).action !== 'spill');
				for (const { raw } of open.splice(Math.max(0, threw), 1)) back(raw);
				left = [...open, ...rest];
			}
			// Handlers that wait for nothing would keep timers and answers, those of the controller too, from having their turn.
			if (left.length > 0) await new Promise((resolve) => setImmediate(resolve));
		}
		for (const { raw } of left) release(raw);
		if (errors.length === 1) throw errors[0];
		if (errors.length > 1) throw new AggregateError(errors, `${errors.length} messages were not handled`);
	};
}
