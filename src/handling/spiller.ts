import { show } from '../core/errors.js';
import type { Clock } from '../ports/clock.js';
import { isBytes, SpillError, type SpillRecord, type SpillStats, type SpillStore } from '../ports/spill.js';
import { within } from '../ports/time.js';
import { insistOnSync } from './thenable.js';

/** How a message becomes bytes and a message again. */
export interface Codec<M> {
	encode(message: M): Uint8Array;
	decode(payload: Uint8Array): M;
}

export interface SpillOptions<M> {
	/** Of this shedder alone. */
	readonly store: SpillStore;
	/** Default: JSON in UTF-8. */
	readonly codec?: Codec<M> | undefined;
	/** A message's own id, so that a store can drop duplicates. Default: a number unique to this process. */
	readonly idOf?: ((message: M) => string) | undefined;
	/**
	 * Messages older than this, by `timeOf` or else since they were spilled, are not worth replaying, unless they are
	 * protected. Default: all are for ever.
	 */
	readonly expiresAfterMs?: number | undefined;
	/**
	 * Where records go whose handler has failed `replay.attempts` times. Several shedders may share it. Default: nowhere, so the
	 * replay waits for them.
	 */
	readonly deadLetters?: SpillStore | undefined;
	/**
	 * While a key has messages waiting, its new sheddable ones are spilled behind them, so that no live message overtakes
	 * the backlog (rule M4). Needs `keyOf`. Default `false`: live first.
	 */
	readonly keyFence?: boolean | undefined;
	/** What becomes of a message that could not be kept (rule M2): processed all the same, or handed back. Default `'process'`. */
	readonly whenSpillFails?: 'process' | 'reject' | undefined;
}

const APPEND_TIMEOUT_MS = 10_000;
/** Of the text of an error, in a header. */
const REASON_MAX = 1_000;

/** Which shedders a store serves, while it is open. */
const users = new WeakMap<SpillStore, Set<{ readonly store: SpillStore }>>();

/** A spill store as the shedder uses it: opened once, every wait bounded, messages for records. */
export class Spiller<M> {
	readonly store: SpillStore;
	readonly codec: Codec<M>;
	readonly whenFails: 'process' | 'reject';
	/** The store's own figures as of the last check. */
	stats: SpillStats | undefined;
	readonly #options: SpillOptions<M>;
	readonly #clock: Clock;
	// Not a UUID: a page of an insecure origin cannot make one.
	readonly #prefix = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
	#next = 0;
	#closed = false;
	#opening: Promise<number | null> | undefined;
	#openingDead: Promise<unknown> | undefined;

	constructor(options: SpillOptions<M>, clock: Clock) {
		this.#options = options;
		this.#clock = clock;
		this.store = options.store;
		this.codec = options.codec ?? jsonCodec();
		this.whenFails = options.whenSpillFails ?? 'process';
	}

	/** Opens the store once. @returns how many records it already held, `null` when it cannot tell. */
	open(): Promise<number | null> {
		// A message that comes after the end must not open what nobody would close.
		if (this.#closed) return Promise.reject(new SpillError('the shedder has stopped', { code: 'SPILL_CLOSED' }));
		this.#opening ??= this.#open().catch((error: unknown) => {
			// The next append tries again.
			this.#opening = undefined;
			throw error;
		});
		return this.#opening;
	}

	async #open(): Promise<number | null> {
		await this.#openStore(this.store, 'spill');
		this.stats = await within(this.#clock, APPEND_TIMEOUT_MS, 'spill.stats', this.store.stats());
		return this.stats.records;
	}

	/** To open an open store changes nothing. @throws SpillError when it serves another shedder that it cannot be shared with. */
	async #openStore(store: SpillStore, name: 'spill' | 'dead-letter'): Promise<void> {
		await within(this.#clock, APPEND_TIMEOUT_MS, `${name}.open`, store.open());
		const all = users.get(store) ?? new Set();
		// Dead letters may lie together, but two would hand each other's records to their own handlers.
		if ([...all].some((other) => other !== this && (name === 'spill' || other.store === store)))
			throw new SpillError(`the ${name} store serves another shedder`, { code: 'SPILL_LOCKED' });
		users.set(store, all.add(this));
	}

	/**
	 * @param ageOf  how old a message is already, ms; `NaN` = that cannot be told. Asked where messages expire; absent for one
	 *   that never does.
	 */
	record(
		message: M,
		key: string,
		headers: { readonly [name: string]: string },
		nowMs: number,
		ageOf: ((message: M) => number) | undefined,
	): SpillRecord {
		const { expiresAfterMs } = this.#options;
		const payload = this.codec.encode(message);
		// A text, a promise of bytes, or numbers that are no bytes.
		if (!isBytes(payload)) {
			throw new SpillError(`codec.encode gave a ${typeof payload}, no Uint8Array`, {
				code: 'SPILL_CODEC',
			});
		}
		const { maxRecordBytes } = this.store.capabilities;
		if (payload.byteLength > maxRecordBytes) {
			throw new SpillError(
				`a message of ${payload.byteLength} bytes is larger than the ${maxRecordBytes} that the store keeps`,
				{ code: 'SPILL_RECORD_TOO_LARGE' },
			);
		}
		return {
			id: this.#idOf(message),
			key,
			payload,
			enqueuedAtMs: nowMs,
			expiresAtMs: ageOf && expiresAfterMs && nowMs - finite(ageOf(message)) + expiresAfterMs,
			headers,
		};
	}

	/** An object as a text would be the id of all messages, and all but one would be taken for duplicates. */
	#idOf(message: M): string {
		const id: unknown = this.#options.idOf?.(message) ?? `${this.#prefix}-${this.#next++}`;
		insistOnSync('idOf', id);
		if (typeof id === 'string' || Number.isFinite(id)) return String(id);
		throw new SpillError(`idOf gave ${show(id)}, neither a text nor a number`, { code: 'SPILL_CODEC' });
	}

	/** Resolves when the records are durable (rule M2). */
	async append(records: readonly SpillRecord[]): Promise<void> {
		await this.open();
		const abort = new AbortController();
		try {
			await within(
				this.#clock,
				APPEND_TIMEOUT_MS,
				'spill.append',
				this.store.append(records, { signal: abort.signal }),
			);
		} catch (error) {
			abort.abort(error);
			throw error;
		}
	}

	/** There is a place for dead letters. */
	get buries(): boolean {
		return this.#options.deadLetters !== undefined;
	}

	/**
	 * Puts a record with the dead letters, if there is a place for them. Resolves when it is durable there.
	 * Its headers say why, as far as there is room: `error`, `attempts`, `failedAtMs` (epoch ms).
	 */
	async bury(record: SpillRecord, error: unknown, attempts: number, nowMs: number): Promise<void> {
		const deadLetters = this.#options.deadLetters as SpillStore;
		// Each time anew: a store that could not be opened, or was closed by somebody else, may work now.
		this.#openingDead = this.#openStore(deadLetters, 'dead-letter');
		await this.#openingDead;
		const { id, key, payload, enqueuedAtMs, headers } = record;
		const reason = { error: textOf(error).slice(0, REASON_MAX), attempts: String(attempts), failedAtMs: String(nowMs) };
		const put = (letter: SpillRecord) =>
			within(this.#clock, APPEND_TIMEOUT_MS, 'deadLetters.append', deadLetters.append([letter]));
		try {
			await put({ id, key, payload, enqueuedAtMs, headers: { ...headers, ...reason } });
		} catch (cause) {
			if (!isUnfit(cause)) throw cause;
			// Better without the reason than never.
			await put({ id, key, payload, enqueuedAtMs, headers });
		}
	}

	/** How full the store is, 0..1; 0 where it cannot tell. Reads the figures of the open store anew. */
	async full(): Promise<number> {
		this.stats = await this.store.stats();
		const { bytes, capacityBytes } = this.stats;
		return bytes === null || capacityBytes === null || capacityBytes === 0 ? 0 : bytes / capacityBytes;
	}

	/** Closes what was opened, for good. */
	async close(): Promise<void> {
		this.#closed = true;
		await this.#closeStore(this.store, this.#opening);
		const { deadLetters } = this.#options;
		if (deadLetters !== undefined) await this.#closeStore(deadLetters, this.#openingDead);
	}

	async #closeStore(store: SpillStore, opening: Promise<unknown> | undefined): Promise<void> {
		try {
			if (opening === undefined) return;
			await opening;
		} catch {
			// It never opened, which was told when it failed; what it holds is released all the same.
		}
		// Whatever becomes of the closing, it is not ours any more.
		const others = users.get(store);
		others?.delete(this);
		if (!others?.size) await within(this.#clock, APPEND_TIMEOUT_MS, 'spill.close', store.close());
	}
}

/** The record is to blame: a store takes others. */
export function isUnfit(error: unknown): boolean {
	return error instanceof SpillError && (error.code === 'SPILL_RECORD_TOO_LARGE' || error.code === 'SPILL_CODEC');
}

/** Anything can be thrown, also what has no text. */
function textOf(error: unknown): string {
	try {
		const text = String(error);
		return text === '[object Object]' ? String((error as { readonly message?: unknown }).message ?? text) : text;
	} catch (cause) {
		return `${typeof error} that has no text: ${cause instanceof Error ? cause.message : typeof cause}`;
	}
}

function finite(value: number): number {
	return Number.isFinite(value) ? value : 0;
}

function jsonCodec<M>(): Codec<M> {
	const encoder = new TextEncoder();
	const decoder = new TextDecoder();
	return {
		encode(message) {
			const text = JSON.stringify(message);
			// undefined and functions have no JSON; better an error now than a record that cannot be read back.
			if (text === undefined)
				throw new SpillError('a message that JSON cannot write needs a codec', { code: 'SPILL_CODEC' });
			return encoder.encode(text);
		},
		decode: (payload) => JSON.parse(decoder.decode(payload)) as M,
	};
}
