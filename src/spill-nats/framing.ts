import type { NatsConnection } from './client.js';
import { type Encoded, PER_FRAME, RECORD_OVERHEAD } from './frame.js';

/** What a server takes unless it is set up otherwise, as long as it has not said what it takes. */
const MAX_PAYLOAD = 1024 * 1024;
/** Large enough for few round trips, small enough to be read twice. */
const FRAME_BYTES = 256 * 1024;

/** The largest message that the server takes, bytes, with its headers. */
export const maxPayload = ({ info }: NatsConnection): number => info?.max_payload ?? MAX_PAYLOAD;

/** How much goes into one frame, unless a single record has more. */
export const frameLimit = (connection: NatsConnection): number =>
	Math.min(FRAME_BYTES, maxPayload(connection) - RECORD_OVERHEAD / 2);

/** Cuts records into frames. */
export function* frames(rows: readonly Encoded[], limit: number): Generator<readonly Encoded[]> {
	let from = 0;
	let bytes = 0;
	for (const [i, row] of rows.entries()) {
		if (i > from && bytes + row.bytes > limit) {
			yield rows.slice(from, i);
			from = i;
			bytes = 0;
		}
		bytes += row.bytes;
	}
	if (from < rows.length) yield rows.slice(from);
}

/**
 * What the rows take at most, in as many frames as they may come to lie in: each frame has a row at least, and two frames
 * one behind the other have more than the limit.
 */
export function chargeOf(rows: readonly Encoded[], limit: number): number {
	const bytes = rows.reduce((sum, row) => sum + row.bytes, 0);
	const partitions = new Set(rows.map(({ partition }) => partition)).size;
	return bytes + PER_FRAME * Math.min(rows.length, partitions + Math.ceil((2 * bytes) / limit));
}
