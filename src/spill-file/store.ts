import { crc32 } from 'node:zlib';
import { type Damage, SpillError, type Spilled, SpillFullError, type SpillRecord } from '../ports/spill.js';
import { asSpillError, messageOf } from './errors.js';
import { type OpenLog, openLog, type World } from './open-log.js';
import type { Settings } from './options.js';
import type { Partition } from './partition.js';
import { type Measured, measure } from './record.js';
import type { FileSpill, FileSpillStats } from './types.js';

/** The store on the partitions of a directory: admission, figures, opening and closing. */
export class FileSpillStore implements FileSpill {
	readonly capabilities: FileSpill['capabilities'];
	readonly #settings: Settings;
	readonly #world: World;
	#log: OpenLog | undefined;
	#opening: Promise<OpenLog> | undefined;
	#closing: Promise<void> | undefined;
	#regaining: Promise<OpenLog> | undefined;
	/** Epoch ms of the last attempt to have the directory again that failed. */
	#refusedAtMs = Number.NEGATIVE_INFINITY;

	constructor(settings: Settings, world: World) {
		const { durability, partitions, maxRecordBytes } = settings;
		this.#settings = settings;
		this.#world = world;
		this.capabilities = {
			durability: durability === 'fsync' ? 'os-crash' : 'process',
			partitions,
			maxRecordBytes,
			dedupesById: false,
		};
	}

	async open({ signal }: { readonly signal?: AbortSignal } = {}): Promise<Damage> {
		signal?.throwIfAborted();
		// Set before anything is awaited, so that a close from now on knows of it.
		const opening = this.#opening ?? this.#open(this.#closing);
		this.#opening = opening;
		try {
			const log = await opening;
			return damageOf(log.hold.isLost ? await this.#regain(log) : log);
		} catch (error) {
			if (this.#opening === opening) this.#opening = undefined;
			throw error;
		}
	}

	async #open(closing: Promise<void> | undefined): Promise<OpenLog> {
		try {
			// An error of the closing was told to who closed.
			await closing?.catch(() => undefined);
			this.#log = await openLog(this.#settings, this.#world);
			return this.#log;
		} catch (error) {
			throw asSpillError(`cannot open the spill in ${this.#settings.directory}`, error, 'SPILL_OPEN');
		}
	}

	async append(batch: readonly SpillRecord[], { signal }: { readonly signal?: AbortSignal } = {}): Promise<void> {
		signal?.throwIfAborted();
		const opened = this.#opened();
		const log = opened.hold.isLost ? await this.#regain(opened) : opened;
		const parts = this.#spread(batch);
		// Up to here and on to the encoding nothing is awaited, so that appends keep the order in which they were called.
		const dropped = this.#admit(log, parts);
		const appended = [...parts].map(([index, records]) => this.#partition(log, index).append(records));
		if (dropped) appended.push(...log.partitions.map((partition) => partition.persist()));
		const done = Promise.all(appended);
		await (signal === undefined ? done : Promise.race([done, aborted(signal, done)]));
	}

	async read({
		partition,
		after,
		maxRecords,
		maxBytes = Number.POSITIVE_INFINITY,
		signal,
	}: Parameters<FileSpill['read']>[0]): Promise<readonly Spilled[]> {
		signal?.throwIfAborted();
		this.#opened();
		try {
			return await this.#on((log) => this.#partition(log, partition).read(after, { maxRecords, maxBytes }));
		} catch (error) {
			throw asSpillError(`cannot read ${this.#settings.directory}`, error, 'SPILL_READ');
		}
	}

	async ack(partition: number, upTo: string): Promise<void> {
		this.#opened();
		try {
			await this.#on((log) => this.#partition(log, partition).ack(upTo));
		} catch (error) {
			throw asSpillError(`cannot acknowledge in ${this.#settings.directory}`, error, 'SPILL_ACK');
		}
	}

	async stats(): Promise<FileSpillStats> {
		this.#opened();
		try {
			return await this.#on((log) => this.#figures(log));
		} catch (error) {
			throw asSpillError(`cannot read ${this.#settings.directory}`, error, 'SPILL_READ');
		}
	}

	async #figures(log: OpenLog): Promise<FileSpillStats> {
		// Who only looks, or has nothing to append, learns of it too.
		await log.hold.check();
		this.#dropAged(log);
		await Promise.all(log.partitions.map((partition) => partition.persist()));
		const oldest = await Promise.all(log.partitions.map((partition) => partition.oldest()));
		const known = oldest.filter((ms) => ms !== null);
		return {
			records: sum(log, ({ log: { waiting } }) => waiting),
			bytes: bytesOf(log),
			capacityBytes: this.#settings.maxBytes,
			oldestEnqueuedAtMs: known.length > 0 ? Math.min(...known) : null,
			damage: damageOf(log),
			agedOutRecords: log.losses().agedOut,
		};
	}

	close(): Promise<void> {
		const opening = this.#opening;
		// Nothing is under way but a closing, if that.
		if (opening === undefined) return this.#closing ?? Promise.resolve();
		this.#opening = undefined;
		this.#log = undefined;
		const closing = this.#close(opening).finally(() => {
			if (this.#closing === closing) this.#closing = undefined;
		});
		this.#closing = closing;
		return closing;
	}

	async #close(opening: Promise<OpenLog> | undefined): Promise<void> {
		// An opening that fails was told to who opened, and has released everything.
		const log = await opening?.catch(() => undefined);
		if (log === undefined) return;
		this.#log = undefined;
		try {
			await log.close();
		} catch (error) {
			throw asSpillError(`cannot close the spill in ${this.#settings.directory}`, error, 'SPILL_WRITE');
		}
	}

	#opened(): OpenLog {
		if (this.#log !== undefined) return this.#log;
		throw new SpillError(`the spill in ${this.#settings.directory} is not open`, { code: 'SPILL_CLOSED' });
	}

	/** Does some work on the log, and once more on a new one when the directory turns out to have been taken away. */
	async #on<T>(work: (log: OpenLog) => Promise<T>): Promise<T> {
		const log = this.#opened();
		try {
			log.hold.throwIfLost();
			return await work(log);
		} catch (error) {
			if (!log.hold.isLost) throw error;
		}
		return work(await this.#regain(log));
	}

	/** The log that takes the place of a lost one. @throws SpillError `SPILL_LOCK_LOST` */
	async #regain(lost: OpenLog): Promise<OpenLog> {
		const log = this.#opened();
		if (log !== lost) return log;
		if (this.#regaining === undefined) {
			this.#regaining = this.#reopen(lost).finally(() => {
				this.#regaining = undefined;
			});
			// Whoever closes in the meantime waits for it, and closes what came of it.
			this.#opening = this.#regaining.catch(() => lost);
		}
		return this.#regaining;
	}

	/** Locks and recovers the directory anew, for somebody may have worked in it. It is made again if it is gone. */
	async #reopen(lost: OpenLog): Promise<OpenLog> {
		const { directory } = this.#settings;
		const sinceMs = this.#world.now() - this.#refusedAtMs;
		if (sinceMs >= 0 && sinceMs < REGAIN_EVERY_MS) lost.hold.throwIfLost();
		// Nobody waits any more, and what could not be settled was told to those who did.
		await lost.close().catch(() => undefined);
		try {
			this.#log = await openLog(this.#settings, this.#world, lost);
			return this.#log;
		} catch (cause) {
			this.#refusedAtMs = this.#world.now();
			const why = `the lock of ${directory} was lost, and it cannot be had again: ${messageOf(cause)}`;
			throw new SpillError(why, { code: 'SPILL_LOCK_LOST', cause });
		}
	}

	#partition({ partitions }: OpenLog, index: number): Partition {
		const partition = partitions[index];
		if (partition !== undefined) return partition;
		throw new SpillError(`partition: ${index} must be a whole number of 0 to ${partitions.length - 1}`, {
			code: 'SPILL_PARTITION',
		});
	}

	/** The records of each partition. A key always goes to the same one. */
	#spread(batch: readonly SpillRecord[]): ReadonlyMap<number, readonly Measured[]> {
		const { partitions, maxRecordBytes } = this.#settings;
		const parts = new Map<number, Measured[]>();
		for (const record of batch) {
			const index = partitions === 1 ? 0 : crc32(record.key) % partitions;
			let part = parts.get(index);
			if (part === undefined) {
				part = [];
				parts.set(index, part);
			}
			part.push(measure(record, maxRecordBytes));
		}
		return parts;
	}

	/** @returns whether old records were dropped to make room. @throws SpillFullError, or SpillError `SPILL_BUSY`. */
	#admit(log: OpenLog, parts: ReadonlyMap<number, readonly Measured[]>): boolean {
		const { directory, maxBytes, maxPendingBytes } = this.#settings;
		let bytes = 0;
		let overhead = 0;
		for (const [index, records] of parts) {
			const size = records.reduce((total, record) => total + record.bytes, 0);
			bytes += size;
			overhead += this.#partition(log, index).overhead(size);
		}
		const pending = sum(log, ({ pendingBytes }) => pendingBytes);
		if (pending > 0 && pending + bytes > maxPendingBytes) {
			throw new SpillError(
				`${pending} bytes wait to be written to ${directory}; with ${bytes} more it is above maxPendingBytes, ${maxPendingBytes}`,
				{ code: 'SPILL_BUSY' },
			);
		}
		const fits = () => bytesOf(log) + bytes + overhead <= maxBytes;
		if (fits()) return false;
		if (this.#dropAged(log) && fits()) return true;
		throw new SpillFullError(
			`the spill in ${directory} is full: ${bytesOf(log)} of ${maxBytes} bytes are taken and the batch needs ${bytes + overhead}`,
		);
	}

	/** @returns whether there was something to drop. */
	#dropAged({ partitions }: OpenLog): boolean {
		const before = this.#world.now() - this.#settings.maxAgeMs;
		return partitions.map((partition) => partition.dropOlderThan(before)).includes(true);
	}
}

/** Under load each append would try to have its directory again; another owner stays for longer than that. */
const REGAIN_EVERY_MS = 1000;

function damageOf(log: OpenLog): Damage {
	const { truncatedBytes, corrupt, missing } = log.losses();
	return { truncatedBytes, corruptRecords: corrupt, missingRecords: missing, quarantined: log.quarantine.names };
}

function bytesOf(log: OpenLog): number {
	return sum(log, ({ bytes }) => bytes) + log.quarantine.bytes;
}

function sum({ partitions }: OpenLog, figure: (partition: Partition) => number): number {
	return partitions.reduce((total, partition) => total + figure(partition), 0);
}

/** Rejects when the signal is aborted, and lets go of it once `done` is settled. */
function aborted(signal: AbortSignal, done: Promise<unknown>): Promise<never> {
	return new Promise((_, reject) => {
		const abort = () => reject(signal.reason);
		signal.addEventListener('abort', abort, { once: true });
		const letGo = () => signal.removeEventListener('abort', abort);
		done.then(letGo, letGo);
	});
}
