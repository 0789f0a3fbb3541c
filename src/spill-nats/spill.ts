import { SpillError, type SpillStore } from '../ports/spill.js';
import { exclusiveSpill } from '../spill/exclusive.js';
import { failure } from './failure.js';
import { type Encoded, encodeRecord, RECORD_OVERHEAD } from './frame.js';
import { maxPayload } from './framing.js';
import { type NatsSpillOptions, readOptions } from './options.js';
import { OwnedStream } from './owned.js';

/** Appends that wait are written in groups of this size, each cut into frames. */
const GROUP_RECORDS = 10_000;
const GROUP_BYTES = 4 * 1024 * 1024;

/**
 * A spill store in a stream of NATS JetStream 2.9 or later.
 *
 * Records that arrive together become one message, so a batch costs one acknowledgement and has one order. One owner at a
 * time: it answers on a subject, and each write says which message it expects to be the last, so that a former owner that
 * comes back cannot write after its successor.
 *
 * @throws ConfigError when an option is impossible. Its methods reject with SpillError, of code `SPILL_LOCKED` (another
 * owner), `SPILL_SETTINGS` (a stream that would lose or refuse records), `SPILL_DURABILITY`, `SPILL_FORMAT` (a message that is
 * not ours), `SPILL_CONNECTION`, `SPILL_RECORD_TOO_LARGE`, `SPILL_BUSY` (64 MiB wait for the server), `SPILL_CODEC` (a payload that is no `Uint8Array`), `SPILL_CURSOR`,
 * `SPILL_PARTITION` or `SPILL_CLOSED`; with SpillFullError at `maxBytes` or when the server has no room.
 * @see docs/spill-nats.md
 */
export function natsSpill(options: NatsSpillOptions): SpillStore {
	const checked = readOptions(options);
	const { connection, partitions, maxBytes, durability } = checked;
	const largest = () => Math.min(maxPayload(connection), Math.floor(maxBytes)) - RECORD_OVERHEAD;
	return exclusiveSpill<Encoded, OwnedStream>({
		name: 'nats',
		capabilities: () => ({ durability, partitions, maxRecordBytes: largest(), dedupesById: false }),
		acquire: (before) => OwnedStream.open(checked, before),
		failure,
		groupRecords: GROUP_RECORDS,
		groupBytes: GROUP_BYTES,
		encode(record) {
			const { byteLength } = record.payload;
			const maxRecordBytes = largest();
			if (byteLength <= maxRecordBytes) {
				const row = encodeRecord(record, partitions);
				// Half of the reserve is for the texts, the rest for what a message takes by itself.
				if (row.facts.byteLength + byteLength <= maxRecordBytes + RECORD_OVERHEAD / 2) return row;
			}
			throw new SpillError(
				`a payload of ${byteLength} bytes, with its texts, is too large: the nats spill keeps ${maxRecordBytes}, ` +
					`${maxRecordBytes + RECORD_OVERHEAD / 2} with its texts`,
				{ code: 'SPILL_RECORD_TOO_LARGE' },
			);
		},
	});
}
