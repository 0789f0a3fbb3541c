/** How far one consumer has come, partition by partition. */
export interface Positions {
	/** Something of it was taken up. */
	has(id: string): boolean;
	/** Takes a message up. `false` for one that was taken up before: the client fetches anew after each join of its group. */
	take(id: string, offset: bigint): boolean;
	/** It is done with, and may be committed once all before it are. */
	settle(id: string, offset: bigint): void;
	/**
	 * What may be committed now and was not yet, by partition: the offset of the next message. At first the one that a partition begins
	 * with: a client that loses a partition of which nothing is committed, and gets it back, goes on where it had been.
	 */
	due(): ReadonlyMap<string, bigint>;
	committed(offsets: ReadonlyMap<string, bigint>): void;
	/** Forgets the partitions that are not ours any more. */
	keep(isOurs: (id: string) => boolean): void;
}

interface Position {
	/** Of the messages taken up: the offset after the last one, and those that are not settled, in order. */
	next: bigint;
	readonly open: bigint[];
	/** What we have committed. */
	committed: bigint | undefined;
}

export function positions(): Positions {
	const byPartition = new Map<string, Position>();
	return {
		has: (id) => byPartition.has(id),
		take(id, offset) {
			const position = byPartition.get(id);
			if (position === undefined) {
				byPartition.set(id, { next: offset + 1n, open: [offset], committed: undefined });
				return true;
			}
			if (offset < position.next) return false;
			position.next = offset + 1n;
			position.open.push(offset);
			return true;
		},
		settle(id, offset) {
			const open = byPartition.get(id)?.open;
			const at = open?.indexOf(offset) ?? -1;
			if (at >= 0) open?.splice(at, 1);
		},
		due() {
			const due = new Map<string, bigint>();
			for (const [id, { open, next, committed }] of byPartition) {
				const upTo = open[0] ?? next;
				if (committed === undefined || upTo > committed) due.set(id, upTo);
			}
			return due;
		},
		committed(offsets) {
			for (const [id, offset] of offsets) {
				const position = byPartition.get(id);
				if (position !== undefined) position.committed = offset;
			}
		},
		keep(isOurs) {
			for (const id of byPartition.keys()) if (!isOurs(id)) byPartition.delete(id);
		},
	};
}
