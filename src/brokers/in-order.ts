/**
 * Follows a batch whose messages are settled in any order, for brokers that acknowledge everything up to a position.
 *
 * @param settledUpTo  called with the index of the last message of the settled beginning, each time it grows.
 * @returns to be called with the index of each message that may be acknowledged.
 */
export function inOrder(settledUpTo: (at: number) => void): (at: number) => void {
	const settled = new Set<number>();
	let next = 0;
	return (at) => {
		settled.add(at);
		const before = next;
		while (settled.delete(next)) next++;
		if (next > before) settledUpTo(next - 1);
	};
}
