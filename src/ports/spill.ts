/** One message at rest: what was kept instead of processed. */
export interface SpillRecord {
	/**
	 * Unique per message; the same id may be appended again after a crash (at least once). Like the key and the headers any
	 * well-formed text, control characters and the empty text included.
	 */
	readonly id: string;
	/** Records of one key come back in the order in which they were appended. */
	readonly key: string;
	readonly payload: Uint8Array;
	/** Epoch ms at which the record was handed to the store, not necessarily whole. */
	readonly enqueuedAtMs: number;
	/** Epoch ms after which it is no longer worth replaying, not necessarily whole. */
	readonly expiresAtMs?: number | undefined;
	/** Small text facts that travel with the record, such as the handler's name. */
	readonly headers?: { readonly [name: string]: string } | undefined;
}

/** An opaque position in a partition of a store. */
export type Cursor = string;

/** A record as `read` gives it back. */
export interface Spilled extends SpillRecord {
	readonly partition: number;
	readonly cursor: Cursor;
}

/** What a store could not give back. */
export interface Damage {
	readonly truncatedBytes: number;
	readonly corruptRecords: number;
	readonly missingRecords: number;
	/** Names of files or streams set aside for a person to look at. */
	readonly quarantined: readonly string[];
}

/** Figures of a store; `null` where it cannot tell. */
export interface SpillStats {
	readonly records: number | null;
	readonly bytes: number | null;
	readonly capacityBytes: number | null;
	/** Epoch ms. */
	readonly oldestEnqueuedAtMs: number | null;
	readonly damage: Damage;
}

/**
 * The port of a spill store. Retry, dead letter, expiry and pacing live above it, once, so that a store stays small.
 */
export interface SpillStore {
	readonly capabilities: {
		/** What a resolved append survives. */
		readonly durability: 'process' | 'os-crash' | 'replicated';
		/** Partitions 0 .. partitions - 1, each in append order. */
		readonly partitions: number;
		/**
		 * The largest payload, bytes; it fits into an empty store. A larger one is refused with `SPILL_RECORD_TOO_LARGE`.
		 * Some stores know it only once they are open.
		 */
		readonly maxRecordBytes: number;
		/** Whether a record whose id the store already holds is kept once. */
		readonly dedupesById: boolean;
	};
	/** Makes the store ready; resolves with the damage found. Reading may find more (see `stats`). */
	open(options?: { readonly signal?: AbortSignal }): Promise<Damage>;
	/**
	 * Resolves when every record of the batch is as durable as `capabilities.durability` says.
	 *
	 * @throws SpillFullError when there is no room; SpillError otherwise. On a rejection the records may or may not be kept.
	 */
	append(batch: readonly SpillRecord[], options?: { readonly signal?: AbortSignal }): Promise<void>;
	/**
	 * The next records after a cursor (from the first unacknowledged one when it is absent): at least one when there is any,
	 * at most `maxRecords`, and no more payload than `maxBytes` unless the first record alone has it. Never removes anything.
	 */
	read(options: {
		readonly partition: number;
		readonly after?: Cursor | undefined;
		readonly maxRecords: number;
		readonly maxBytes?: number;
		readonly signal?: AbortSignal;
	}): Promise<readonly Spilled[]>;
	/** Forgets everything up to and including the cursor. Cumulative, idempotent, never moves back. */
	ack(partition: number, upTo: Cursor): Promise<void>;
	stats(): Promise<SpillStats>;
	/**
	 * Settles what is under way and releases everything. Idempotent. Afterwards `append`, `read` and `ack` reject with the
	 * code `SPILL_CLOSED`, until the store is opened again; one whose records outlive it can be.
	 */
	close(): Promise<void>;
}

/**
 * An operating error of a spill store. `code` is stable (`SPILL_CLOSED`, `SPILL_RECORD_TOO_LARGE`, `SPILL_FULL`, or one of
 * the store's own; default `SPILL_FAILED`), `cause` the underlying error.
 */
export class SpillError extends Error {
	readonly code: string;
	constructor(message: string, options: { readonly code?: string; readonly cause?: unknown } = {}) {
		super(message, 'cause' in options ? { cause: options.cause } : undefined);
		// Not the name of the class, which a bundler may shorten.
		this.name = 'SpillError';
		this.code = options.code ?? 'SPILL_FAILED';
	}
}

/** The store has no room for a batch. Nothing that was acknowledged is lost; appends work again when space is back. */
export class SpillFullError extends SpillError {
	constructor(message: string, options: { readonly cause?: unknown } = {}) {
		super(message, { code: 'SPILL_FULL', ...options });
		this.name = 'SpillFullError';
	}
}

/** Whether a payload is what its type says: in JavaScript a codec may give anything, of which a store would keep bytes of its own. */
export function isBytes(payload: unknown): payload is Uint8Array {
	// One of another realm is no instance of ours, but has the name.
	return payload instanceof Uint8Array || Object.prototype.toString.call(payload) === '[object Uint8Array]';
}
