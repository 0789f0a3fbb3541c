import { SpillError, type SpillStore } from '../ports/spill.js';
import { exclusiveSpill } from '../spill/exclusive.js';
import { failure } from './failure.js';
import { type PostgresSpillOptions, readOptions } from './options.js';
import { OwnedTable } from './owned.js';
import { RECORD_OVERHEAD, type Row, toRow } from './rows.js';
import { STATEMENT_BYTES, STATEMENT_RECORDS } from './statements.js';

/** A payload travels as hexadecimal text, which must stay well below the longest string of JavaScript. */
const RECORD_BYTES_MAX = 16 * 1024 * 1024;

/**
 * A spill store in a table of PostgreSQL 12 or later.
 *
 * One owner at a time, by an advisory lock on a connection of its own. When that connection is lost, what is under way
 * rejects, and the next call connects again: it goes on only if it gets the lock. Concurrent appends share a commit.
 *
 * @throws ConfigError when an option is impossible. Its methods reject with SpillError, of code `SPILL_LOCKED` (another
 * owner), `SPILL_DURABILITY` (the server keeps less than declared), `SPILL_FORMAT` (another table of that name),
 * `SPILL_CONNECTION`, `SPILL_LOCK_LOST` (a pooler lends the connection to others), `SPILL_RECORD_TOO_LARGE`, `SPILL_BUSY`
 * (64 MiB wait for the server), `SPILL_CODEC` (a payload that is no `Uint8Array`), `SPILL_CURSOR`, `SPILL_PARTITION` or `SPILL_CLOSED`; with SpillFullError at `maxBytes` or on a full disk.
 * @see docs/spill-postgres.md
 */
export function postgresSpill(options: PostgresSpillOptions): SpillStore {
	const checked = readOptions(options);
	const { partitions, maxBytes, durability } = checked;
	const maxRecordBytes = Math.min(RECORD_BYTES_MAX, Math.floor(maxBytes) - RECORD_OVERHEAD);
	return exclusiveSpill<Row, OwnedTable>({
		name: 'postgres',
		capabilities: () => ({ durability, partitions, maxRecordBytes, dedupesById: false }),
		acquire: (before) => OwnedTable.open(checked, before),
		failure,
		groupRecords: STATEMENT_RECORDS,
		groupBytes: STATEMENT_BYTES,
		encode(record) {
			const { byteLength } = record.payload;
			if (byteLength <= maxRecordBytes) {
				const row = toRow(record, partitions);
				if (row.bytes <= maxBytes) return row;
			}
			throw new SpillError(
				`a payload of ${byteLength} bytes, with its texts, is too large: the postgres spill keeps ${maxRecordBytes}, ${maxBytes} with its texts`,
				{ code: 'SPILL_RECORD_TOO_LARGE' },
			);
		},
	});
}
