/** What is known of a group and its stream at one instant. `NaN` = the server does not know. */
export interface GroupFacts {
	/** Entries in the stream. */
	readonly length: number;
	/** Entries delivered and not acknowledged, but for those that were trimmed since; some may be deleted by now. */
	readonly pending: number;
	/** Entries after the last one that was delivered, counted up to {@link COUNTED_MAX}. */
	readonly counted: number;
	/** What the server says of it (Redis 7). */
	readonly lag: number;
	/** Entries that were ever added, and those of them that the group has read (Redis 7). */
	readonly added: number;
	readonly read: number;
	/** An id. */
	readonly lastDelivered: string;
	/** The id of the first entry; '' for an empty stream. */
	readonly first: string;
}

/** Entries that were not delivered are counted one by one up to here. The server needs about 1 µs for each. */
export const COUNTED_MAX = 1_000;

/**
 * The lag of a group, messages, from what a server knows.
 *
 * Up to {@link COUNTED_MAX} it is counted. Beyond, the server's own figure is a difference of two counters, which is wrong for
 * good once entries were trimmed that the group had not read (100 000 added, 500 read, trimmed to 1 000: it says 99 500, and
 * 98 500 when all are read), and none after some deletions. So it is corrected by how wrong it was when it was last counted,
 * and it is never more than there are entries. What remains wrong is too high, until the lag can be counted again.
 *
 * @returns to be called with the facts of each read; NaN when there is nothing to tell it from.
 */
export function unreadOf(): (facts: GroupFacts) => number {
	// Each source of the figure has an error of its own.
	let drift = { lag: 0, counters: 0 };
	let readBefore = Number.NEGATIVE_INFINITY;
	return (facts) => {
		const { length, pending, counted, lag, added, read, lastDelivered, first } = facts;
		// The group was set back, or made anew, and its counter with it.
		if (read < readBefore) drift = { lag: 0, counters: 0 };
		readBefore = read;
		const counters = added - read;
		let unread: number;
		if (counted < COUNTED_MAX) {
			unread = counted;
			drift = { lag: known(lag - counted), counters: known(counters - counted) };
		} else if (isAfter(first, lastDelivered)) {
			unread = length;
		} else {
			const claimed = Number.isNaN(lag) ? counters - drift.counters : lag - drift.lag;
			unread = Math.max(COUNTED_MAX, claimed);
		}
		// What was delivered and deleted since cannot be handled any more, though it counts as pending until it is claimed.
		return Math.min(unread + pending, length);
	};
}

const known = (error: number): number => (Number.isNaN(error) ? 0 : error);

/** Whether an id comes after another: `<ms>-<sequence>`, each of 64 bits. */
function isAfter(id: string, other: string): boolean {
	const [ms = 0n, sequence = 0n] = id.split('-').map(BigInt);
	const [otherMs = 0n, otherSequence = 0n] = other.split('-').map(BigInt);
	return ms > otherMs || (ms === otherMs && sequence > otherSequence);
}
