import {
	type Cursor,
	type Damage,
	SpillError,
	type Spilled,
	type SpillRecord,
	type SpillStats,
	type SpillStore,
} from '../ports/spill.js';
import { partitionOf } from '../spill/partition.js';
import { refuseNoBytes } from '../spill/payload.js';
import { Calls } from './calls.js';
import { closedError } from './errors.js';
import { type Keys, keysOf } from './keys.js';
import type { Placed } from './line.js';
import { Opening } from './opening.js';
import { completed, type Options, type RedisSpillOptions } from './options.js';
import { encode, enqueuedAt, TEXTS_MAX_BYTES } from './record.js';
import { ACK, FIGURES } from './scripts.js';

/**
 * A spill store on Redis Streams (6.2 or later, a single primary), for services whose own disk does not last.
 *
 * A resolved append is on the disk of the server (`durability: 'os-crash'`, which needs `appendfsync always`), or as durable as
 * the server is (`'process'`). It is on that server alone: replicas follow later, and a failover may lose what was resolved.
 * One instance owns a place at a time; that of a dead owner may be taken over once its lease has ended.
 *
 * Rejections: `SpillFullError` at `maxBytes` and where the server is out of memory; `SpillError` with `SPILL_LOCKED` (another
 * owner), `SPILL_LOCK_LOST` (taken over), `SPILL_DURABILITY` (a setting of the server), `SPILL_SERVER`, `SPILL_FORMAT`
 * (another layout or number of partitions), `SPILL_CONNECTION` (no answer: the records may be kept), `SPILL_BUSY`
 * (`maxPendingBytes`), `SPILL_RECORD_TOO_LARGE`, `SPILL_CODEC` (a payload that is no `Uint8Array`), `SPILL_PARTITION`, `SPILL_CURSOR`,
 * `SPILL_CLOSED`, `SPILL_FAILED`.
 *
 * @throws ConfigError for wrong options. @see docs/spill-redis.md
 */
export function redisSpill(options: RedisSpillOptions): SpillStore {
	return new RedisSpill(completed(options));
}

class RedisSpill implements SpillStore {
	readonly capabilities: SpillStore['capabilities'];
	readonly #options: Options;
	readonly #keys: Keys;
	readonly #calls: Calls;
	/** Since the last `open`, until `close`. */
	#opening: Opening | undefined;
	#closing: Promise<void> | undefined;

	constructor(options: Options) {
		const { name, partitions, maxRecordBytes, durability } = options;
		this.capabilities = Object.freeze({ durability, partitions, maxRecordBytes, dedupesById: false });
		this.#options = options;
		this.#keys = keysOf(name, partitions);
		this.#calls = new Calls(options.client, options.timeoutMs);
	}

	async open({ signal }: { readonly signal?: AbortSignal } = {}): Promise<Damage> {
		signal?.throwIfAborted();
		this.#opening ??= new Opening(this.#options, this.#calls, this.#keys, this.#closing);
		const opening = this.#opening;
		await opening.take(signal);
		return opening.reader.damage;
	}

	async append(batch: readonly SpillRecord[], { signal }: { readonly signal?: AbortSignal } = {}): Promise<void> {
		const { lease, writer } = this.#opened();
		signal?.throwIfAborted();
		if (lease.trouble) throw again(lease.trouble);
		if (batch.length === 0) return;
		await writer.append(
			batch.map((record) => this.#place(record)),
			signal,
		);
	}

	#place(record: SpillRecord): Placed {
		const { name, partitions, maxRecordBytes } = this.#options;
		refuseNoBytes(record);
		const encoded = encode(record);
		const { texts, payload } = encoded;
		if (payload.byteLength > maxRecordBytes || texts.byteLength > TEXTS_MAX_BYTES)
			throw new SpillError(
				`the redis spill "${name}" keeps payloads of up to ${maxRecordBytes} bytes and texts of up to ${TEXTS_MAX_BYTES}: a record has ${payload.byteLength} and ${texts.byteLength}`,
				{ code: 'SPILL_RECORD_TOO_LARGE' },
			);
		return { ...encoded, partition: partitionOf(record.key, partitions) };
	}

	async read(options: Parameters<SpillStore['read']>[0]): Promise<readonly Spilled[]> {
		const { lease, reader } = this.#opened();
		options.signal?.throwIfAborted();
		const { isLost, trouble } = lease;
		// Someone else replays these records by now.
		if (isLost && trouble) throw again(trouble);
		this.#check(options.partition, options.after);
		return reader.read(options);
	}

	async ack(partition: number, upTo: Cursor): Promise<void> {
		const { lease, account } = this.#opened();
		this.#check(partition, upTo);
		const [ms = '', n = ''] = upTo.split('-');
		const next = `${ms}-${BigInt(n) + 1n}`;
		const { token } = lease;
		const args = [...this.#keys.with(partition), token, partition, upTo, next] as const;
		const [outcome, told, exists] = await this.#calls.script('ack', ACK, args);
		if (outcome === 'lost') throw lease.lost(token, told, exists);
		account.freed(Number(told));
	}

	async stats(): Promise<SpillStats> {
		const { reader } = this.#opened();
		const [bytes, records, ...firsts] = await this.#calls.script('stats', FIGURES, this.#keys.all);
		const times = firsts.map(enqueuedAt).filter((atMs) => atMs !== null);
		return {
			records: Number(records),
			bytes: Number(bytes),
			capacityBytes: this.#options.maxBytes,
			oldestEnqueuedAtMs: times.length > 0 ? Math.min(...times) : null,
			damage: reader.damage,
		};
	}

	close(): Promise<void> {
		const opening = this.#opening;
		// Nothing is under way but a closing, if that.
		if (opening === undefined) return this.#closing ?? Promise.resolve();
		this.#opening = undefined;
		const closing = opening.close().finally(() => {
			if (this.#closing === closing) this.#closing = undefined;
		});
		this.#closing = closing;
		return closing;
	}

	#opened(): Opening {
		if (this.#opening?.isOpen) return this.#opening;
		throw closedError(this.#options.name);
	}

	#check(partition: number, cursor: Cursor | undefined): void {
		const { name, partitions } = this.#options;
		if (!(Number.isInteger(partition) && partition >= 0 && partition < partitions))
			throw new SpillError(`the redis spill "${name}" has no partition ${partition}: they are 0 to ${partitions - 1}`, {
				code: 'SPILL_PARTITION',
			});
		if (cursor !== undefined && !/^\d{1,20}-\d{1,20}$/.test(cursor))
			throw new SpillError(`${JSON.stringify(cursor)} is no cursor of the redis spill "${name}"`, {
				code: 'SPILL_CURSOR',
			});
	}
}

/** A fresh object for every throw: its stack is that of the caller. */
function again({ message, code, cause }: SpillError): SpillError {
	return new SpillError(message, { code, cause });
}
