import { type Cursor, type Damage, SpillError, type Spilled, SpillFullError, type SpillStats } from '../ports/spill.js';
import type { Append } from '../spill/appends.js';
import type { Owned } from '../spill/exclusive.js';
import { checkDurability } from './durability.js';
import { quoted } from './names.js';
import type { Options } from './options.js';
import { columns, type Row, toColumns, toSpilled } from './rows.js';
import { owns, Session } from './session.js';
import { statements } from './statements.js';
import { ensureTable } from './table.js';

/** What a read gives back at most when it names no limit. */
const READ_BYTES_MAX = 16 * 1024 * 1024;
const READ_RECORDS_MAX = 10_000;

/** The table while one connection owns it. Nobody else changes it then, so its figures are counted once and kept. */
export class OwnedTable implements Owned<Row> {
	readonly damage = UNDAMAGED;
	readonly #session: Session;
	readonly #options: Options;
	readonly #table: string;
	readonly #partitions: { records: number; bytes: number; floor: bigint }[];

	static async open(options: Options): Promise<OwnedTable> {
		const session = await Session.open(options);
		try {
			await checkDurability(session, options, await ensureTable(session, options));
			const counts = await session.query(
				`SELECT partition::text, count(*)::text AS records, sum(bytes)::text AS bytes, (min(seq) - 1)::text AS floor
				FROM ${quoted(options)} GROUP BY partition`,
			);
			await session.readInOrder();
			return new OwnedTable(session, options, counts);
		} catch (error) {
			await session.close();
			throw error;
		}
	}

	private constructor(session: Session, options: Options, counts: readonly { readonly [name: string]: unknown }[]) {
		this.#session = session;
		this.#options = options;
		this.#table = quoted(options);
		this.#partitions = Array.from({ length: options.partitions }, () => ({ records: 0, bytes: 0, floor: 0n }));
		for (const { partition, records, bytes, floor } of counts) {
			this.#partitions[Number(partition)] = {
				records: Number(records),
				bytes: Number(bytes),
				floor: BigInt(String(floor)),
			};
		}
	}

	get lost(): boolean {
		return this.#session.lost;
	}

	get #records(): number {
		return this.#partitions.reduce((sum, { records }) => sum + records, 0);
	}

	get #bytes(): number {
		return this.#partitions.reduce((sum, { bytes }) => sum + bytes, 0);
	}

	async append(group: readonly Append<Row>[]): Promise<void> {
		const { maxBytes } = this.#options;
		const fitting: Append<Row>[] = [];
		let bytes = this.#bytes;
		for (const append of group) {
			if (bytes + append.bytes > maxBytes) {
				const text = `${bytes} of ${maxBytes} bytes are taken and the batch needs ${append.bytes}`;
				append.reject(new SpillFullError(`the postgres spill is full: ${text}`));
			} else {
				bytes += append.bytes;
				fitting.push(append);
			}
		}
		for (const rows of statements(fitting.flatMap((append) => append.rows))) await this.#insert(rows);
		for (const append of fitting) append.resolve();
	}

	async #insert(rows: readonly Row[]): Promise<void> {
		const names = columns.map(({ name }) => name).join(', ');
		const arrays = columns.map(({ type }, i) => `$${i + 1}::${type}[]`).join(', ');
		// Sequence numbers are taken after the sort, so their order is that of the rows.
		const { rowCount } = await this.#session.run(
			`INSERT INTO ${this.#table} (${names}) SELECT ${names} FROM unnest(${arrays}) WITH ORDINALITY AS r (${names}, nth)
			WHERE ${owns(columns.length + 1)} ORDER BY nth`,
			[...toColumns(rows), this.#session.token],
		);
		if (rowCount !== rows.length) throw this.#session.abandon();
		for (const row of rows) {
			const counts = this.#partition(row.partition);
			counts.records++;
			counts.bytes += row.bytes;
		}
	}

	async read(
		partition: number,
		cursor: Cursor | undefined,
		maxRecords: number,
		maxBytes: number,
	): Promise<readonly Spilled[]> {
		const { floor } = this.#partition(partition);
		// Not from the beginning of the index, where deleted rows may still be in the way.
		let from = floor;
		if (cursor !== undefined && toSeq(cursor) > floor) from = toSeq(cursor);
		const rows = await this.#session.query(
			`SELECT seq::text, id, key, payload, enqueued_at_ms::text, expires_at_ms::text, headers FROM (
				SELECT *, sum(bytes) OVER (ORDER BY seq) AS total
				FROM (SELECT * FROM ${this.#table} WHERE partition = $1 AND seq > $2 ORDER BY seq LIMIT $3) AS page
			) AS sized WHERE total <= $4 OR total = bytes ORDER BY sized.seq`,
			[partition, String(from), Math.min(maxRecords, READ_RECORDS_MAX), Math.min(maxBytes, READ_BYTES_MAX)],
		);
		return rows.map((row) => toSpilled(row, partition));
	}

	async ack(partition: number, cursor: Cursor): Promise<void> {
		const counts = this.#partition(partition);
		const upTo = toSeq(cursor);
		if (upTo <= counts.floor) return;
		const [gone] = await this.#session.query(
			`WITH gone AS (
				DELETE FROM ${this.#table} WHERE partition = $1 AND seq > $2 AND seq <= $3 AND ${owns(4)}
				AND EXISTS (SELECT FROM ${this.#table} WHERE partition = $1 AND seq = $3) RETURNING seq, bytes
			)
			SELECT count(*)::text AS records, coalesce(sum(bytes), 0)::text AS bytes, max(seq)::text AS floor,
				(${owns(4)})::text AS owned FROM gone`,
			[partition, String(counts.floor), String(upTo), this.#session.token],
		);
		if (gone?.owned !== 'true') throw this.#session.abandon();
		counts.records -= Number(gone.records);
		counts.bytes -= Number(gone.bytes);
		// Only as far as there was something: a cursor that is nobody's must not hide what is appended later.
		if (gone.floor !== null) counts.floor = BigInt(String(gone.floor));
	}

	async stats(): Promise<SpillStats> {
		const oldestEnqueuedAtMs = await this.#oldest();
		const capacityBytes = this.#options.maxBytes;
		return { records: this.#records, bytes: this.#bytes, capacityBytes, oldestEnqueuedAtMs, damage: UNDAMAGED };
	}

	close(): Promise<void> {
		return this.#session.close();
	}

	/** Epoch ms of the first record of each partition, the least of them; `null` when there is none. */
	async #oldest(): Promise<number | null> {
		if (this.#records === 0) return null;
		const [found] = await this.#session.query(
			`SELECT min(at)::text AS at FROM unnest($1::smallint[], $2::bigint[]) AS p (partition, floor), LATERAL (
				SELECT enqueued_at_ms AS at FROM ${this.#table} AS t
				WHERE t.partition = p.partition AND t.seq > p.floor ORDER BY seq LIMIT 1
			) AS first`,
			[[...this.#partitions.keys()], this.#partitions.map(({ floor }) => String(floor))],
		);
		return typeof found?.at === 'string' ? Number(found.at) : null;
	}

	#partition(index: number) {
		const partition = this.#partitions[index];
		if (partition) return partition;
		throw new SpillError(`the postgres spill has no partition ${index}, only 0 .. ${this.#partitions.length - 1}`, {
			code: 'SPILL_PARTITION',
		});
	}
}

const UNDAMAGED: Damage = Object.freeze({
	truncatedBytes: 0,
	corruptRecords: 0,
	missingRecords: 0,
	quarantined: Object.freeze([]),
});

const SEQ_MAX = 2n ** 63n - 1n;

function toSeq(cursor: Cursor): bigint {
	const seq = /^\d{1,19}$/.test(cursor) ? BigInt(cursor) : -1n;
	if (seq >= 0n && seq <= SEQ_MAX) return seq;
	throw new SpillError(`${JSON.stringify(cursor)} is not a cursor of the postgres spill`, { code: 'SPILL_CURSOR' });
}
