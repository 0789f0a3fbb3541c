import { unlessAborted } from '../ports/abort.js';
import { type Cursor, type Damage, SpillError, type SpillRecord, type SpillStore } from '../ports/spill.js';
import { Appends } from './appends.js';
import { type PostgresSpillOptions, readOptions } from './options.js';
import { Owned } from './owned.js';
import { RECORD_OVERHEAD, type Row, toRow } from './rows.js';

const UNDAMAGED: Damage = Object.freeze({
	truncatedBytes: 0,
	corruptRecords: 0,
	missingRecords: 0,
	quarantined: Object.freeze([]),
});

/** A payload travels as hexadecimal text, which must stay well below the longest string of JavaScript. */
const RECORD_BYTES_MAX = 16 * 1024 * 1024;
const SEQ_MAX = 2n ** 63n - 1n;

/**
 * A spill store in a table of PostgreSQL 12 or later.
 *
 * One owner at a time, by an advisory lock on a connection of its own. When that connection is lost, what is under way
 * rejects, and the next call connects again: it goes on only if it gets the lock. Concurrent appends share a commit.
 *
 * @throws ConfigError when an option is impossible. Its methods reject with SpillError, of code `SPILL_LOCKED` (another
 * owner), `SPILL_DURABILITY` (the server keeps less than declared), `SPILL_FORMAT` (another table of that name),
 * `SPILL_CONNECTION`, `SPILL_LOCK_LOST` (a pooler lends the connection to others), `SPILL_RECORD_TOO_LARGE`, `SPILL_BUSY`
 * (64 MiB wait for the server), `SPILL_CURSOR`, `SPILL_PARTITION` or `SPILL_CLOSED`; with SpillFullError at `maxBytes` or on a full disk.
 * @see docs/spill-postgres.md
 */
export function postgresSpill(options: PostgresSpillOptions): SpillStore {
	const checked = readOptions(options);
	const { partitions, maxBytes, durability } = checked;
	const maxRecordBytes = Math.min(RECORD_BYTES_MAX, Math.floor(maxBytes) - RECORD_OVERHEAD);
	let closed = true;
	let current: Owned | undefined;
	let opening: Promise<Owned> | undefined;
	let closing: Promise<void> | undefined;

	/** The table as we own it: now, or again after a lost connection. */
	function owned(): Promise<Owned> {
		if (current && !current.session.lost) return Promise.resolve(current);
		opening ??= Owned.open(checked)
			.then((table) => {
				current = table;
				return table;
			})
			.finally(() => {
				opening = undefined;
			});
		return opening;
	}

	const appends = new Appends(async (group) => {
		// What was accepted before the end is still written, unless that takes a new connection.
		if (closed && (current === undefined || current.session.lost)) throw isClosed();
		await (await owned()).append(group);
	});

	async function close(): Promise<void> {
		await appends.settled();
		// Its failure is told to whoever waits for it.
		await opening?.catch(() => {});
		await current?.session.close();
		current = undefined;
	}

	const store: SpillStore = {
		capabilities: { durability, partitions, maxRecordBytes, dedupesById: false },
		async open({ signal } = {}) {
			signal?.throwIfAborted();
			await closing;
			closed = false;
			try {
				await unlessAborted(signal, owned());
			} catch (error) {
				// What an open that was given up still gets, it gives back.
				const ended = store.close();
				if (!signal?.aborted) await ended;
				throw error;
			}
			if (closed) throw isClosed();
			return UNDAMAGED;
		},
		async append(batch, { signal } = {}) {
			if (closed) throw isClosed();
			signal?.throwIfAborted();
			if (batch.length === 0) return;
			await appends.add(
				batch.map((record) => fitting(record)),
				signal,
			);
		},
		async read({ partition, after, maxRecords, maxBytes: most = Number.POSITIVE_INFINITY, signal }) {
			if (closed) throw isClosed();
			signal?.throwIfAborted();
			const from = after === undefined ? 0n : toSeq(after);
			return unlessAborted(
				signal,
				owned().then((table) => table.read(partition, from, maxRecords, most)),
			);
		},
		async ack(partition, upTo) {
			if (closed) throw isClosed();
			const seq = toSeq(upTo);
			await (await owned()).ack(partition, seq);
		},
		async stats() {
			if (closed) throw isClosed();
			const table = await owned();
			const oldestEnqueuedAtMs = await table.oldest();
			return {
				records: table.records,
				bytes: table.bytes,
				capacityBytes: maxBytes,
				oldestEnqueuedAtMs,
				damage: UNDAMAGED,
			};
		},
		close() {
			closed = true;
			closing ??= close().finally(() => {
				closing = undefined;
			});
			return closing;
		},
	};
	return store;

	function fitting(record: SpillRecord): Row {
		const { byteLength } = record.payload;
		if (byteLength <= maxRecordBytes) {
			const row = toRow(record, partitions);
			if (row.bytes <= maxBytes) return row;
		}
		throw new SpillError(
			`a payload of ${byteLength} bytes, with its texts, is too large: the postgres spill keeps ${maxRecordBytes}, ${maxBytes} with its texts`,
			{ code: 'SPILL_RECORD_TOO_LARGE' },
		);
	}
}

const isClosed = () => new SpillError('the postgres spill is not open', { code: 'SPILL_CLOSED' });

function toSeq(cursor: Cursor): bigint {
	const seq = /^\d{1,19}$/.test(cursor) ? BigInt(cursor) : -1n;
	if (seq >= 0n && seq <= SEQ_MAX) return seq;
	throw new SpillError(`${JSON.stringify(cursor)} is not a cursor of the postgres spill`, { code: 'SPILL_CURSOR' });
}
