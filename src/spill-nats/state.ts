import { SpillError } from '../ports/spill.js';

/** How far a partition was acknowledged. */
export interface Position {
	/** Frames with a lower number are done with. */
	readonly seq: number;
	/** So are the first `index` records of the frame with this number. */
	readonly index: number;
	/** All records that were acknowledged, ever. */
	readonly records: number;
	/** All bytes of the frames that are done with, ever. */
	readonly bytes: number;
}

/** What the store knows about itself: the last message of its kind in the stream. */
export interface State {
	/** A name that the owner made up for itself. */
	readonly owner: string;
	readonly positions: readonly Position[];
}

export const encodeState = (state: State): Uint8Array => Buffer.from(JSON.stringify({ format: 1, ...state }));

/** @throws SpillError `SPILL_FORMAT` for a message that is not a state of as many partitions. */
export function decodeState(data: Uint8Array, partitions: number): State {
	const text = Buffer.from(data).toString();
	try {
		const { format, owner, positions } = JSON.parse(text);
		if (format === 1 && typeof owner === 'string' && positions.length === partitions) return { owner, positions };
	} catch {
		// Told below, with the text.
	}
	throw new SpillError(
		`${JSON.stringify(text.slice(0, 200))} is not a state of a nats spill of ${partitions} partitions`,
		{
			code: 'SPILL_FORMAT',
		},
	);
}
