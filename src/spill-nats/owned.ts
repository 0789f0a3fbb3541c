import { randomUUID } from 'node:crypto';
import { Mutex } from 'async-mutex';
import { type Cursor, type Damage, SpillError, type Spilled, SpillFullError, type SpillStats } from '../ports/spill.js';
import type { Append } from '../spill/appends.js';
import type { Owned } from '../spill/exclusive.js';
import { type Encoded, encodeFrame, type Frame, frameBytes } from './frame.js';
import { chargeOf, frameLimit, frames } from './framing.js';
import { refuseIfDown } from './link.js';
import type { Options } from './options.js';
import { answer, refuseIfOwned } from './owner.js';
import { Partition, type Place } from './partition.js';
import { decodeState, encodeState, type Position } from './state.js';
import { ensureStream, subjects } from './stream.js';
import { bounded, Writer } from './writer.js';

/** What a read gives back at most. */
const READ_BYTES_MAX = 16 * 1024 * 1024;
const READ_RECORDS_MAX = 10_000;
/** States in the stream before the old ones are removed. */
const STATES_MAX = 64;

/** The stream while it is ours. Nobody else changes it then, so its figures are read once and kept. */
export class OwnedStream implements Owned<Encoded> {
	readonly #options: Options;
	readonly #owner = randomUUID();
	readonly #writer: Writer;
	readonly #partitions: readonly Partition[];
	/** Writes go one after the other, since each names the one before it. */
	readonly #turns = new Mutex();
	#states = 0;
	/** Records that were resolved, not acknowledged, and gone when the stream was acquired again. */
	#vanished = 0;

	/** @param before  the stream as it was ours until it was lost. */
	static async open(options: Options, before: OwnedStream | undefined): Promise<OwnedStream> {
		const { connection, stream } = options;
		refuseIfDown(connection);
		// This order leaves one winner: who sees an old number here is refused when it claims the stream, and who sees a
		// new one finds the winner already answering.
		const info = await bounded('looking at the stream', () => ensureStream(options));
		await refuseIfOwned(connection, stream);
		const writer = new Writer(
			options,
			info.state.last_seq,
			await bounded('answering', () => answer(connection, stream)),
		);
		try {
			const owned = new OwnedStream(options, writer);
			await owned.#load(before);
			return owned;
		} catch (error) {
			writer.lose();
			throw error;
		}
	}

	private constructor(options: Options, writer: Writer) {
		this.#options = options;
		this.#writer = writer;
		this.#partitions = Array.from(
			{ length: options.partitions },
			(_, n) => new Partition(options, n, () => writer.lose()),
		);
	}

	get lost(): boolean {
		return this.#writer.lost;
	}

	get damage(): Damage {
		const missingRecords = this.#partitions.reduce((sum, { missing }) => sum + missing, this.#vanished);
		return { truncatedBytes: 0, corruptRecords: 0, missingRecords, quarantined: [] };
	}

	get #bytes(): number {
		return this.#partitions.reduce((sum, { bytes }) => sum + bytes, 0);
	}

	async #load(before: OwnedStream | undefined): Promise<void> {
		const { manager, stream, partitions } = this.#options;
		const query = { last_by_subj: subjects.state(stream) };
		const last = await bounded('reading the state', () => manager.streams.getMessage(stream, query));
		const state = last ? decodeState(last.data, partitions) : undefined;
		for (const [n, partition] of this.#partitions.entries()) await partition.load(state?.positions[n]);
		if (before) {
			// Without a state nobody has owned this stream, which is new then. Another owner may have acknowledged what is gone.
			const alone = state === undefined || state.owner === before.#owner;
			this.#vanished = before.#vanished + (alone ? this.#vanishedSince(before) : 0);
		}
		// The claim: it succeeds only if nobody wrote since the look at the stream.
		await this.#writeState(this.#partitions.map(({ position }) => position));
		for (const partition of this.#partitions) await partition.purge();
		await this.#purgeStates();
	}

	/** What was given and not acknowledged, and is not there any more. What lies before frames that are there shows as a gap. */
	#vanishedSince(before: OwnedStream): number {
		return before.#partitions.reduce((sum, { given, position }, n) => {
			const there = Math.max(position.records, this.#partition(n).given.records);
			return sum + Math.max(0, given.records - there);
		}, 0);
	}

	append(group: readonly Append<Encoded>[]): Promise<void> {
		return this.#turns.runExclusive(async () => {
			const { maxBytes, connection } = this.#options;
			const limit = frameLimit(connection);
			const fitting: Append<Encoded>[] = [];
			let bytes = this.#bytes;
			for (const append of group) {
				const charge = chargeOf(append.rows, limit);
				if (bytes + charge > maxBytes) {
					const text = `${bytes} of ${maxBytes} bytes are taken and the batch needs ${charge}`;
					append.reject(new SpillFullError(`the nats spill is full: ${text}`));
				} else {
					bytes += charge;
					fitting.push(append);
				}
			}
			const rows = fitting.flatMap((append) => append.rows);
			for (const partition of this.#partitions) {
				for (const frame of frames(
					rows.filter((row) => row.partition === partition.index),
					limit,
				)) {
					partition.given.seq = await this.#writer.write(partition.subject, encodeFrame(frame, partition.given));
					partition.given.records += frame.length;
					partition.given.bytes += frameBytes(frame);
				}
			}
			for (const append of fitting) append.resolve();
		});
	}

	async read(
		index: number,
		after: Cursor | undefined,
		maxRecords: number,
		maxBytes: number,
	): Promise<readonly Spilled[]> {
		const partition = this.#partition(index);
		const found: Spilled[] = [];
		const most = Math.min(maxRecords, READ_RECORDS_MAX);
		const mostBytes = Math.min(maxBytes, READ_BYTES_MAX);
		let at = await partition.start(after === undefined ? undefined : toPlace(after));
		let size = 0;
		for (;;) {
			const frame: Frame | undefined = await partition.frameFrom(at.seq);
			if (frame === undefined) return found;
			for (const [n, record] of frame.records.entries()) {
				if (frame.seq === at.seq && n < at.index) continue;
				size += record.payload.byteLength;
				if (found.length >= most || (found.length > 0 && size > mostBytes)) return found;
				const cursor = `${frame.seq}-${n}-${frame.mark}`;
				found.push({ ...record, payload: copyOf(record.payload), partition: index, cursor });
			}
			at = { seq: frame.seq + 1, index: 0 };
		}
	}

	ack(index: number, upTo: Cursor): Promise<void> {
		const partition = this.#partition(index);
		const place = toPlace(upTo);
		return this.#turns.runExclusive(async () => {
			const position = await partition.positionAfter(place);
			if (position !== undefined) {
				// Written before anything is removed, so that the newest message of the stream is always there: a server
				// finds the number of the next one by it, even if everything else is gone.
				await this.#writeState(this.#partitions.map((other) => (other === partition ? position : other.position)));
				partition.position = position;
			}
			await partition.purge();
			if (this.#states > STATES_MAX) await this.#purgeStates();
		});
	}

	async stats(): Promise<SpillStats> {
		const instants: number[] = [];
		for (const partition of this.#partitions) {
			const oldest = await partition.oldest();
			if (oldest !== undefined) instants.push(oldest);
		}
		return {
			records: this.#partitions.reduce((sum, { records }) => sum + records, 0),
			bytes: this.#bytes,
			capacityBytes: this.#options.maxBytes,
			oldestEnqueuedAtMs: instants.length > 0 ? Math.min(...instants) : null,
			damage: this.damage,
		};
	}

	close(): Promise<void> {
		return this.#turns.runExclusive(async () => {
			if (this.lost) return;
			this.#writer.lose();
			try {
				// Only then does the server know that nobody answers any more.
				await bounded('closing', () => this.#options.connection.flush());
			} catch {
				// A connection that is gone answers for nobody either.
			}
		});
	}

	async #writeState(positions: readonly Position[]): Promise<void> {
		await this.#writer.write(subjects.state(this.#options.stream), encodeState({ owner: this.#owner, positions }));
		this.#states++;
	}

	async #purgeStates(): Promise<void> {
		const { manager, stream } = this.#options;
		const last = { filter: subjects.state(stream), keep: 1 };
		await bounded('removing old states', () => manager.streams.purge(stream, last));
		this.#states = 1;
	}

	#partition(index: number): Partition {
		const partition = this.#partitions[index];
		if (partition) return partition;
		throw new SpillError(`the nats spill has no partition ${index}, only 0 .. ${this.#partitions.length - 1}`, {
			code: 'SPILL_PARTITION',
		});
	}
}

/** The frame may be read again, and the reader's bytes are its own. Node's pool makes small copies cheap. */
function copyOf(payload: Uint8Array): Uint8Array {
	const { buffer, byteOffset, byteLength } = Buffer.from(payload);
	return new Uint8Array(buffer, byteOffset, byteLength);
}

function toPlace(cursor: Cursor): Place {
	const [, seq, index, mark] = /^(\d{1,15})-(\d{1,7})-(\d{1,10})$/.exec(cursor) ?? [];
	if (seq !== undefined) return { seq: Number(seq), index: Number(index), mark: Number(mark) };
	throw new SpillError(`${JSON.stringify(cursor)} is not a cursor of the nats spill`, { code: 'SPILL_CURSOR' });
}
