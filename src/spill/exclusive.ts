import {
	type Cursor,
	type Damage,
	SpillError,
	type Spilled,
	type SpillRecord,
	type SpillStats,
	type SpillStore,
} from '../ports/spill.js';
import { unlessAborted } from './abort.js';
import { type Append, Appends, type AppendsOptions, type Sized } from './appends.js';
import { refuseNoBytes } from './payload.js';

/** A place while it is ours. Nobody else changes it then. */
export interface Owned<R extends Sized> {
	/** It is not ours any more, or nobody knows: what is called next acquires it again. */
	readonly lost: boolean;
	/** What it could not give back so far. */
	readonly damage: Damage;
	/** Writes the appends for which there is room, in order, and settles all of them unless it rejects. */
	append(group: readonly Append<R>[]): Promise<void>;
	read(partition: number, after: Cursor | undefined, maxRecords: number, maxBytes: number): Promise<readonly Spilled[]>;
	ack(partition: number, upTo: Cursor): Promise<void>;
	stats(): Promise<SpillStats>;
	/** Lets go of it. Never rejects. */
	close(): Promise<void>;
}

/** What differs from one store on a server to another. */
export interface ExclusiveOptions<R extends Sized, P extends Owned<R>> extends Omit<AppendsOptions<R>, 'write'> {
	/** Asked again each time: a store may know its limits only once it is connected. */
	readonly capabilities: () => SpillStore['capabilities'];
	/**
	 * Makes the place ours.
	 *
	 * @param before  the place as it was ours until it was lost; `undefined` after an `open`.
	 * @throws SpillError `SPILL_LOCKED` when it is another's.
	 */
	readonly acquire: (before: P | undefined) => Promise<P>;
	/** The record as it is written, a copy. @throws SpillError `SPILL_RECORD_TOO_LARGE`. */
	readonly encode: (record: SpillRecord) => R;
}

/**
 * A store on a server, which has one owner at a time: opens and closes it, acquires it again after it was lost, groups the
 * appends and bounds every wait by the caller's signal.
 */
export function exclusiveSpill<R extends Sized, P extends Owned<R>>(options: ExclusiveOptions<R, P>): SpillStore {
	const { name, acquire, encode } = options;
	let closed = true;
	let current: P | undefined;
	let acquiring: Promise<P> | undefined;
	let closing: Promise<void> | undefined;

	const isClosed = () => new SpillError(`the ${name} spill is not open`, { code: 'SPILL_CLOSED' });

	/** The place as we own it: now, or again. */
	function owned(): Promise<P> {
		if (current && !current.lost) return Promise.resolve(current);
		acquiring ??= acquire(current)
			.then((place) => {
				current = place;
				return place;
			})
			.finally(() => {
				acquiring = undefined;
			});
		return acquiring;
	}

	const appends = new Appends<R>({
		...options,
		async write(group) {
			// What was accepted before the end is still written, unless the place has to be acquired for it.
			if (closed && (current === undefined || current.lost)) throw isClosed();
			await (await owned()).append(group);
		},
	});

	async function close(): Promise<void> {
		await appends.settled();
		// Its failure is told to whoever waits for it.
		await acquiring?.catch(() => {});
		await current?.close();
		current = undefined;
	}

	const store: SpillStore = {
		get capabilities() {
			return options.capabilities();
		},
		async open({ signal } = {}) {
			signal?.throwIfAborted();
			await closing;
			closed = false;
			try {
				const { damage } = await unlessAborted(signal, owned());
				if (closed) throw isClosed();
				return damage;
			} catch (error) {
				// What an open that was given up still gets, it gives back.
				const ended = store.close();
				if (!signal?.aborted) await ended;
				throw error;
			}
		},
		async append(batch, { signal } = {}) {
			if (closed) throw isClosed();
			signal?.throwIfAborted();
			batch.forEach(refuseNoBytes);
			if (batch.length > 0) await appends.add(batch.map(encode), signal);
		},
		async read({ partition, after, maxRecords, maxBytes = Number.POSITIVE_INFINITY, signal }) {
			if (closed) throw isClosed();
			signal?.throwIfAborted();
			const reading = owned().then((place) => place.read(partition, after, maxRecords, maxBytes));
			return unlessAborted(signal, reading);
		},
		async ack(partition, upTo) {
			if (closed) throw isClosed();
			await (await owned()).ack(partition, upTo);
		},
		async stats() {
			if (closed) throw isClosed();
			return (await owned()).stats();
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
}
