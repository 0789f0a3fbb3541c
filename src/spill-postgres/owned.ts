import { randomInt } from 'node:crypto';
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

/** One partition. Numbers of rows that were never there are zero. */
interface Counts {
	records: number;
	bytes: number;
	/** Everything up to this number is gone. */
	floor: bigint;
	/** The highest number. */
	last: bigint;
}

/** The table while one connection owns it. Nobody else changes it then, so its figures are counted once and kept. */
export class OwnedTable implements Owned<Row> {
	readonly #session: Session;
	readonly #options: Options;
	readonly #table: string;
	readonly #partitions: readonly Counts[];
	/** Records that were resolved, not acknowledged, and are gone. */
	#missing = 0;

	/** @param before  the table as it was ours until the connection was lost. */
	static async open(options: Options, before: OwnedTable | undefined): Promise<OwnedTable> {
		const session = await Session.open(options);
		try {
			await checkDurability(session, options, await ensureTable(session, options));
			const owned = new OwnedTable(session, options);
			await owned.#count();
			if (before) owned.#missing = before.#missing + owned.#lostSince(before);
			await session.readInOrder();
			return owned;
		} catch (error) {
			await session.close();
			throw error;
		}
	}

	private constructor(session: Session, options: Options) {
		this.#session = session;
		this.#options = options;
		this.#table = quoted(options);
		this.#partitions = Array.from({ length: options.partitions }, () => ({ ...NOTHING }));
	}

	get lost(): boolean {
		return this.#session.lost;
	}

	get damage(): Damage {
		return { truncatedBytes: 0, corruptRecords: 0, missingRecords: this.#missing, quarantined: [] };
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
		const put = await this.#session.query(
			`WITH put AS (
				INSERT INTO ${this.#table} (${names}, mark)
				SELECT ${names}, $${columns.length + 2}::integer FROM unnest(${arrays}) WITH ORDINALITY AS r (${names}, nth)
				WHERE ${owns(columns.length + 1)} ORDER BY nth RETURNING partition, seq
			)
			SELECT partition::text, count(*)::text AS records, min(seq)::text AS first, max(seq)::text AS last
			FROM put GROUP BY partition`,
			[...toColumns(rows), this.#session.token, randomInt(MARK_MAX)],
		);
		if (put.reduce((sum, { records }) => sum + Number(records), 0) !== rows.length) throw this.#session.abandon();
		for (const row of rows) {
			const counts = this.#partition(row.partition);
			counts.records++;
			counts.bytes += row.bytes;
		}
		let again = false;
		for (const { partition, first, last } of put) {
			const counts = this.#partition(Number(partition));
			again ||= BigInt(String(first)) <= counts.last;
			counts.last = BigInt(String(last));
		}
		// Numbers that were given before: somebody has emptied the table, so what is known of it is wrong.
		if (again) await this.#recount();
	}

	async read(
		partition: number,
		cursor: Cursor | undefined,
		maxRecords: number,
		maxBytes: number,
	): Promise<readonly Spilled[]> {
		const { floor } = this.#partition(partition);
		const { seq, mark } = cursor === undefined ? NOWHERE : toPlace(cursor);
		// Without the row of the cursor from the first one: it was acknowledged, or it is gone and its number may be another's.
		// Not from the beginning of the index, where deleted rows may still be in the way.
		const rows = await this.#session.query(
			`SELECT seq::text, mark::text, id, key, payload, enqueued_at_ms::text, expires_at_ms::text, headers FROM (
				SELECT *, sum(bytes) OVER (ORDER BY seq) AS total
				FROM (
					SELECT * FROM ${this.#table} WHERE partition = $1
					AND seq > coalesce((SELECT seq FROM ${this.#table} WHERE partition = $1 AND seq = $2 AND mark = $3), $4)
					ORDER BY seq LIMIT $5
				) AS page
			) AS sized WHERE total <= $6 OR total = bytes ORDER BY sized.seq`,
			[
				...[partition, String(seq), mark, String(floor)],
				...[Math.min(maxRecords, READ_RECORDS_MAX), Math.min(maxBytes, READ_BYTES_MAX)],
			],
		);
		return rows.map((row) => toSpilled(row, partition));
	}

	async ack(partition: number, cursor: Cursor): Promise<void> {
		const counts = this.#partition(partition);
		const { seq, mark } = toPlace(cursor);
		if (seq <= counts.floor) return;
		const [gone] = await this.#session.query(
			`WITH gone AS (
				DELETE FROM ${this.#table} WHERE partition = $1 AND seq > $2 AND seq <= $3 AND ${owns(4)}
				AND EXISTS (SELECT FROM ${this.#table} WHERE partition = $1 AND seq = $3 AND mark = $5) RETURNING seq, bytes
			)
			SELECT count(*)::text AS records, coalesce(sum(bytes), 0)::text AS bytes, max(seq)::text AS floor,
				(${owns(4)})::text AS owned FROM gone`,
			[partition, String(counts.floor), String(seq), this.#session.token, mark],
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
		return { records: this.#records, bytes: this.#bytes, capacityBytes, oldestEnqueuedAtMs, damage: this.damage };
	}

	close(): Promise<void> {
		return this.#session.close();
	}

	/** Epoch ms of the first record of each partition, the least of them; `null` when there is none. */
	async #oldest(): Promise<number | null> {
		const waiting = [...this.#partitions.keys()].filter((n) => this.#partition(n).records > 0);
		if (waiting.length === 0) return null;
		const [first] = await this.#session.query(
			`SELECT min(at)::text AS at, count(*)::text AS partitions
			FROM unnest($1::smallint[], $2::bigint[]) AS p (partition, floor), LATERAL (
				SELECT enqueued_at_ms AS at FROM ${this.#table} AS t
				WHERE t.partition = p.partition AND t.seq > p.floor ORDER BY seq LIMIT 1
			) AS first`,
			[waiting, waiting.map((n) => String(this.#partition(n).floor))],
		);
		// Less than there should be, also after what was acknowledged meanwhile: somebody has emptied the table.
		const still = waiting.filter((n) => this.#partition(n).records > 0).length;
		if (Number(first?.partitions) < still) await this.#recount();
		return typeof first?.at === 'string' ? Number(first.at) : null;
	}

	/** Counts what is there. @returns how many records were known and are not there. */
	async #count(): Promise<number> {
		const counts = await this.#session.query(
			`SELECT partition::text, count(*)::text AS records, sum(bytes)::text AS bytes, (min(seq) - 1)::text AS floor,
				max(seq)::text AS last FROM ${this.#table} GROUP BY partition`,
		);
		// Known when the server had answered everything before this: acknowledgements may have been under way.
		const known = this.#records;
		for (const partition of this.#partitions) Object.assign(partition, NOTHING);
		for (const { partition, records, bytes, floor, last } of counts) {
			Object.assign(this.#partition(Number(partition)), {
				...{ records: Number(records), bytes: Number(bytes) },
				...{ floor: BigInt(String(floor)), last: BigInt(String(last)) },
			} satisfies Counts);
		}
		return Math.max(0, known - this.#records);
	}

	/** Counts anew what was taken away under us. Nobody else acknowledges, so what is not there is missing. */
	async #recount(): Promise<void> {
		this.#missing += await this.#count();
	}

	/**
	 * What the table had when the connection was lost, and is gone. Another owner may have acknowledged in between, but from
	 * the front only: where the last rows are gone and some before them are not, it was not him.
	 */
	#lostSince(before: OwnedTable): number {
		return this.#partitions.reduce((sum, { records, last }, n) => {
			const then = before.#partition(n);
			const gone = before.#session.dropped || (records > 0 && last < then.last);
			return gone ? sum + Math.max(0, then.records - records) : sum;
		}, 0);
	}

	#partition(index: number) {
		const partition = this.#partitions[index];
		if (partition) return partition;
		throw new SpillError(`the postgres spill has no partition ${index}, only 0 .. ${this.#partitions.length - 1}`, {
			code: 'SPILL_PARTITION',
		});
	}
}

const NOTHING: Counts = Object.freeze({ records: 0, bytes: 0, floor: 0n, last: 0n });

const SEQ_MAX = 2n ** 63n - 1n;
const MARK_MAX = 2 ** 31;

/** A row: its number, and the mark of the statement that wrote it. */
interface Place {
	readonly seq: bigint;
	readonly mark: number;
}

const NOWHERE: Place = { seq: 0n, mark: 0 };

function toPlace(cursor: Cursor): Place {
	const [, seq = SEQ_MAX + 1n, mark] = /^(\d{1,19})\.(\d{1,10})$/.exec(cursor) ?? [];
	const place = { seq: BigInt(seq), mark: Number(mark) };
	if (place.seq <= SEQ_MAX && place.mark < MARK_MAX) return place;
	throw new SpillError(`${JSON.stringify(cursor)} is not a cursor of the postgres spill`, { code: 'SPILL_CURSOR' });
}
