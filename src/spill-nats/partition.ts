import type { SpillError } from '../ports/spill.js';
import type { NatsStoredMessage } from './client.js';
import { isGone } from './failure.js';
import { decodeFrame, type Frame } from './frame.js';
import type { Options } from './options.js';
import type { Position } from './state.js';
import { subjects } from './stream.js';
import { bounded } from './writer.js';

/** A record in the stream: its frame, by its number and its mark, and its index there. */
export interface Place {
	readonly seq: number;
	readonly index: number;
	readonly mark: number;
}

/** One partition of the stream: what it was given, what of that was acknowledged, and its frames. */
export class Partition {
	readonly index: number;
	readonly subject: string;
	/** All that was ever appended, and the number of the last frame of it. */
	readonly given = { records: 0, bytes: 0, seq: 0 };
	position: Position = { seq: 0, index: 0, records: 0, bytes: 0 };
	readonly #options: Options;
	readonly #onGone: () => void;
	#purgedTo = 0;
	/** The frame that was read last, and from where on it is the first: acknowledgements and figures ask for it again. */
	#latest: { readonly from: number; readonly frame: Frame } | undefined;
	/** Records that were expected before a frame and are not there, by the number of that frame. */
	readonly #gaps = new Map<number, number>();

	/** @param onGone  called when the stream may be gone: who acquires it next makes it anew. */
	constructor(options: Options, index: number, onGone: () => void) {
		this.#options = options;
		this.#onGone = onGone;
		this.index = index;
		this.subject = subjects.frames(options.stream, index);
	}

	get records(): number {
		return this.given.records - this.position.records;
	}

	get bytes(): number {
		return this.given.bytes - this.position.bytes;
	}

	get missing(): number {
		return [...this.#gaps.values()].reduce((sum, records) => sum + records, 0);
	}

	/** @param position as it was written last; the first frame tells when somebody removed that. */
	async load(position: Position | undefined): Promise<void> {
		const { manager, stream } = this.#options;
		const query = { last_by_subj: this.subject };
		const message = await bounded('reading the last frame', () => manager.streams.getMessage(stream, query));
		const last = message ? decodeFrame(message.seq, message.data) : undefined;
		this.given.seq = last?.seq ?? 0;
		if (position) this.position = position;
		else if (last) {
			const first = (await this.#read(0)) ?? last;
			this.position = { seq: first.seq, index: 0, records: first.recordsBefore, bytes: first.bytesBefore };
		}
		const { seq, records, bytes } = this.position;
		const waiting = last && last.seq >= seq ? last : undefined;
		this.given.records = waiting ? waiting.recordsBefore + waiting.records.length : records;
		this.given.bytes = waiting ? waiting.bytesBefore + waiting.bytes : bytes;
		// What is missing at the front shows when the first frame is looked at.
		await this.oldest();
	}

	/** Where to read on: after a record, or after what was acknowledged when that is later, or when that record is gone. */
	async start(after: Place | undefined): Promise<{ seq: number; index: number }> {
		const { seq, index } = this.position;
		if (after === undefined || !(await this.#frameOf(after))) return { seq, index };
		return { seq: after.seq, index: after.seq === seq ? Math.max(index, after.index + 1) : after.index + 1 };
	}

	/** The frame of a record; `undefined` when it was acknowledged, or when its number is another's by now. */
	async #frameOf({ seq, index, mark }: Place): Promise<Frame | undefined> {
		if (seq < this.position.seq) return undefined;
		const frame = await this.frameFrom(seq);
		return frame?.seq === seq && frame.mark === mark && index < frame.records.length ? frame : undefined;
	}

	/** The first frame with at least this number. */
	async frameFrom(seq: number): Promise<Frame | undefined> {
		if (this.#latest && this.#latest.from <= seq && seq <= this.#latest.frame.seq) return this.#latest.frame;
		const before = this.#latest?.frame;
		const frame = await this.#read(seq);
		if (frame === undefined) return undefined;
		this.#latest = { from: seq, frame };
		// Unless an acknowledgement has removed frames in the meantime, nothing lies between what is known and this one.
		const { position } = this;
		if (position.seq > seq) return frame;
		if (before && seq === before.seq + 1) this.#expect(frame, before.recordsBefore + before.records.length);
		else if (position.seq === seq && frame.seq > seq) this.#expect(frame, position.records);
		return frame;
	}

	/** The position after this record was acknowledged; `undefined` when that changes nothing. */
	async positionAfter(place: Place): Promise<Position | undefined> {
		const { seq, index } = this.position;
		if (place.seq === seq && place.index < index) return undefined;
		const frame = await this.#frameOf(place);
		if (frame === undefined) return undefined;
		const count = place.index + 1;
		const records = frame.recordsBefore + count;
		return count === frame.records.length
			? { seq: frame.seq + 1, index: 0, records, bytes: frame.bytesBefore + frame.bytes }
			: { seq: frame.seq, index: count, records, bytes: frame.bytesBefore };
	}

	/** Removes the frames that are done with. */
	async purge(): Promise<void> {
		const { seq } = this.position;
		if (seq <= this.#purgedTo) return;
		const { manager, stream } = this.#options;
		const done = { filter: this.subject, seq };
		await bounded('removing frames', () => manager.streams.purge(stream, done));
		this.#purgedTo = seq;
	}

	/** Epoch ms of the first record that waits. */
	async oldest(): Promise<number | undefined> {
		if (this.records === 0) return undefined;
		const { seq, index } = this.position;
		const frame = await this.frameFrom(seq);
		return frame?.records[frame.seq === seq ? index : 0]?.enqueuedAtMs;
	}

	async #read(seq: number): Promise<Frame | undefined> {
		const message = await bounded('reading a frame', () => this.#messageFrom(seq)).catch((error: SpillError) => {
			if (isGone(error)) this.#onGone();
			throw error;
		});
		return message ? decodeFrame(message.seq, message.data) : undefined;
	}

	async #messageFrom(seq: number): Promise<NatsStoredMessage | null> {
		const { manager, stream } = this.#options;
		const query = { seq, next_by_subj: this.subject };
		const message = await manager.direct.getMessage(stream, query);
		// A replica that lags behind has what comes first, and may lack the end: its leader knows.
		return message === null && seq <= this.given.seq ? manager.streams.getMessage(stream, query) : message;
	}

	#expect(frame: Frame, recordsBefore: number): void {
		const missing = frame.recordsBefore - recordsBefore;
		if (missing > 0) this.#gaps.set(frame.seq, missing);
	}
}
