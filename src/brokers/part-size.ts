/** So many messages are decided on at once at first. */
const FIRST = 64;
/**
 * Handling those of one part should take about this long, ms: what is decided on too early is treated by yesterday's level, and
 * handlers that wait for nothing block the event loop for as long.
 */
const LEAST_MS = 5;
const MOST_MS = 25;

/**
 * How many messages are decided on at once: more while they are handled in no time, as spilled ones are, so that one durable
 * append carries many; fewer while handling takes long, so that a change of the level is followed at once.
 *
 * @param most  never more than this.
 */
export function partSize(most: number): { readonly next: number; took(ms: number, messages: number): void } {
	let next = Math.min(FIRST, most);
	return {
		get next() {
			return next;
		},
		/** @param ms  that handling took, without the wait for the append. @param messages  in the part; a short one says nothing. */
		took(ms, messages) {
			if (ms > MOST_MS) next = Math.max(1, next >> 1);
			else if (ms < LEAST_MS && messages >= next) next = Math.min(most, next * 2);
		},
	};
}
