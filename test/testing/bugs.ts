import {
	memorySpill,
	SpillError,
	type Spilled,
	SpillFullError,
	type SpillRecord,
	type SpillStore,
} from '../../src/index.js';
import type { SpillPlace, SpillStoreSubject } from '../../src/testing/index.js';
import { shelf } from './shelf.js';

/** A store with one fault, and the case that finds it. */
export interface Bug {
	/** Completes the sentence `a store that …`. */
	readonly does: string;
	readonly subject: SpillStoreSubject;
	readonly caughtBy: string;
	/** Part of what the case says. */
	readonly saying: string | RegExp;
}

/** What is different about an instance. `made` is one that is correct. */
type Fault = (made: SpillStore, place: { readonly previous: SpillStore | undefined }) => Partial<SpillStore>;

const never = () => new Promise<never>(() => {});
const later = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** A place on which every instance has the fault. */
function faulty(fault: Fault, options: { readonly several?: boolean; readonly partitions?: number } = {}) {
	return ({ maxBytes }: { readonly maxBytes: number }): SpillPlace => {
		const place = shelf({ maxBytes, ...options });
		let previous: SpillStore | undefined;
		return {
			async store() {
				const made = await place.store();
				const store = { ...made, ...fault(made, { previous }) };
				previous = made;
				return store;
			},
		};
	};
}

const bug = (does: string, fault: Fault, caughtBy: string, saying: string | RegExp): Bug => ({
	does,
	subject: { durability: 'process', place: faulty(fault) },
	caughtBy,
	saying,
});

/** Changes what is kept of each record. */
const keeping =
	(change: (record: SpillRecord) => SpillRecord): Fault =>
	(made) => ({ append: (batch, options) => made.append(batch.map(change), options) });

const replaced =
	(code: string, by: () => unknown): Fault =>
	(made) => ({
		append: (batch, options) =>
			made.append(batch, options).catch((error: unknown) => {
				if (error instanceof SpillError && error.code === code) return by() as undefined;
				throw error;
			}),
	});

const rejects = (error: Error) => () => Promise.reject(error);

const ROUND_TRIPS: readonly Bug[] = [
	bug(
		'takes an empty payload for none',
		(made) => ({
			append: (batch, options) =>
				made.append(
					batch.filter(({ payload }) => payload.byteLength > 0),
					options,
				),
		}),
		'gives back an empty payload',
		'what was appended: [] instead of ["id-1"]',
	),
	bug(
		'takes payloads for text',
		keeping((record) => ({ ...record, payload: new TextEncoder().encode(new TextDecoder().decode(record.payload)) })),
		'gives back every value of a byte, also where they are no text',
		'the length of the payload is',
	),
	bug(
		'takes letters for bytes',
		keeping((record) => ({ ...record, id: Buffer.from(record.id, 'latin1').toString('latin1') })),
		'gives back ids, keys and headers of any well-formed text',
		'instead of ["日本語"]',
	),
	bug(
		'normalises texts',
		keeping((record) => ({ ...record, key: record.key.normalize() })),
		'gives back ids, keys and headers of any well-formed text',
		'key is "\u00e9" instead of "e\u0301"',
	),
	bug(
		'rounds times',
		keeping((record) => ({ ...record, enqueuedAtMs: Math.trunc(record.enqueuedAtMs) })),
		'gives back the times of a record, whole or not, and the lack of an expiry',
		'enqueuedAtMs is 1700000000000 instead of 1700000000000.25',
	),
	bug(
		'forgets when a record expires',
		keeping(({ expiresAtMs: _, ...record }) => record),
		'gives back the times of a record, whole or not, and the lack of an expiry',
		'expiresAtMs is undefined instead of 5000',
	),
	bug(
		'forgets headers',
		keeping(({ headers: _, ...record }) => record),
		'gives back headers, none of them, and many',
		'headers is',
	),
	bug(
		'keeps the bytes of its caller',
		(made) => {
			const given = new Map<string, Uint8Array>();
			return {
				append(batch, options) {
					for (const { id, payload } of batch) given.set(id, payload);
					return made.append(batch, options);
				},
				read: async (options) =>
					(await made.read(options)).map((one) => ({ ...one, payload: given.get(one.id) ?? one.payload })),
			};
		},
		'keeps what it was given, though the giver changes the bytes afterwards',
		'byte 0 of the payload is 238 instead of 1',
	),
	bug(
		'refuses an empty batch',
		(made) => ({
			append: (batch, options) =>
				batch.length > 0 ? made.append(batch, options) : Promise.reject(new SpillError('nothing to append')),
		}),
		'keeps nothing of an empty batch',
		'nothing to append',
	),
	bug(
		'says that it drops duplicates, and does not',
		(made) => ({ capabilities: { ...made.capabilities, dedupesById: true } }),
		'keeps the same id once when it says that it does, else at least once',
		'the number of copies of id-0 is 2 instead of 1',
	),
];

const SIZES: readonly Bug[] = [
	bug(
		'keeps less than it says',
		(made) => ({ capabilities: { ...made.capabilities, maxRecordBytes: made.capabilities.maxRecordBytes + 1 } }),
		'gives back a payload of maxRecordBytes',
		'is too large',
	),
	bug(
		'says that it keeps anything',
		(made) => ({ capabilities: { ...made.capabilities, maxRecordBytes: Number.POSITIVE_INFINITY } }),
		'gives back a payload of maxRecordBytes',
		'nothing shows that it is true',
	),
	bug(
		'keeps more than it says',
		(made) => ({ capabilities: { ...made.capabilities, maxRecordBytes: 1_000 } }),
		'refuses a payload above maxRecordBytes with SPILL_RECORD_TOO_LARGE, and works on',
		'the append of an oversize record did not reject',
	),
	bug(
		'calls an oversize record a full store',
		replaced('SPILL_RECORD_TOO_LARGE', rejects(new SpillFullError('too much'))),
		'refuses a payload above maxRecordBytes with SPILL_RECORD_TOO_LARGE, and works on',
		'the code with which the append of an oversize record rejected is "SPILL_FULL" instead of "SPILL_RECORD_TOO_LARGE"',
	),
	bug(
		'takes any view for bytes',
		keeping((record) => ({ ...record, payload: Uint8Array.from(record.payload) })),
		'refuses a payload that is no Uint8Array with SPILL_CODEC, and works on',
		'the append of a Float64Array did not reject',
	),
];

const ORDER: readonly Bug[] = [
	bug(
		'turns batches around',
		(made) => ({ append: (batch, options) => made.append([...batch].reverse(), options) }),
		'gives the records of a batch back in their order',
		'a batch of one key: ["id-249", "id-248"',
	),
	bug(
		'puts the latest batch first',
		(made) => ({
			read: async (options) => {
				const all = await made.read({ partition: 0, maxRecords: 1e6 });
				const turned = [...all].sort((a, b) => b.enqueuedAtMs - a.enqueuedAtMs);
				const from = turned.findIndex(({ cursor }) => cursor === options.after) + 1;
				return turned.slice(from, from + options.maxRecords);
			},
		}),
		'gives batches of one key back in the order of the appends',
		'twenty batches of one key',
	),
	bug(
		'sends small batches ahead',
		(made) => ({
			async append(batch, options) {
				await later(batch.length);
				return made.append(batch, options);
			},
		}),
		'keeps the order of each key under concurrent appends',
		'the records of key-',
	),
	bug(
		'loses a record when two appends overlap',
		(made) => {
			let busy = 0;
			return {
				async append(batch, options) {
					const alone = busy++ === 0;
					await later(1);
					await made.append(alone ? batch : batch.slice(1), options);
					busy--;
				},
			};
		},
		'keeps the order of each key under concurrent appends',
		'the number of records after concurrent appends is',
	),
	{
		does: 'puts a key wherever there is room',
		subject: {
			durability: 'process',
			place: faulty(
				(made) => {
					let turn = 0;
					const name = (key: string) => `${'abc'[turn++ % 3]}${key}`;
					return {
						append: (batch, options) =>
							made.append(
								batch.map((one) => ({ ...one, key: name(one.key) })),
								options,
							),
						read: async (options) =>
							(await made.read(options)).map((one): Spilled => ({ ...one, key: one.key.slice(1) })),
					};
				},
				{ partitions: 3 },
			),
		},
		caughtBy: 'keeps a key in one partition, and every partition within those it declares',
		saying: /the number of partitions that key-\d+ lies in is 3 instead of 1/,
	},
	bug(
		'counts partitions from one',
		(made) => ({ read: async (options) => (await made.read(options)).map((one) => ({ ...one, partition: 1 })) }),
		'keeps a key in one partition, and every partition within those it declares',
		'id-0 lies in partition 1 of 1',
	),
];

const READING: readonly Bug[] = [
	bug(
		'consumes what is read',
		(made) => ({
			async read(options) {
				const found = await made.read(options);
				for (const { partition, cursor } of found) await made.ack(partition, cursor);
				return found;
			},
		}),
		'reads without consuming',
		'the second reading: [] instead of',
	),
	bug(
		'gives the record of the cursor again',
		(made) => ({
			read: (options) =>
				made.read({ ...options, after: options.after === undefined ? undefined : String(Number(options.after) - 1) }),
		}),
		'goes on exactly after a cursor, any of them',
		'a read after a cursor gave the record of that cursor again',
	),
	bug(
		'skips a record after a cursor',
		(made) => ({
			read: (options) =>
				made.read({ ...options, after: options.after === undefined ? undefined : String(Number(options.after) + 1) }),
		}),
		'reads what was appended after the cursor of the last record',
		'after one more: [] instead of ["id-3"]',
	),
	bug(
		'reads more than it is asked for',
		(made) => ({ read: (options) => made.read({ ...options, maxRecords: options.maxRecords + 1 }) }),
		'reads at most maxRecords, and at least one when there is any',
		'a read of at most 1 gave 2 records',
	),
	bug(
		'reads more bytes than it is asked for',
		(made) => ({ read: ({ maxBytes: _, ...options }) => made.read(options) }),
		'reads at most maxBytes of payload, and at least one record when there is any',
		'a read of at most 1 bytes gave 20 records of 20000',
	),
	bug(
		'reads nothing when the first record is too large',
		(made) => ({
			read: async ({ maxBytes = 1e9, ...options }) =>
				(await made.read(options)).filter(({ payload }) => payload.byteLength <= maxBytes),
		}),
		'reads at most maxBytes of payload, and at least one record when there is any',
		'a read of at most 1 bytes gave nothing, though records wait',
	),
	bug(
		'fails where there is nothing to read',
		(made) => ({
			async read(options) {
				const found = await made.read(options);
				if (found.length === 0) throw new SpillError('nothing there');
				return found;
			},
		}),
		'reads nothing where nothing waits',
		'nothing there',
	),
	bug(
		'shares one reader between all who read',
		(made) => {
			let reader: string | undefined;
			return {
				async read(options) {
					await later(1);
					const after = reader;
					const found = await made.read({ ...options, after: options.after === undefined ? undefined : after });
					reader = found.at(-1)?.cursor ?? reader;
					return found;
				},
			};
		},
		'gives several readers the same records at the same time',
		'one of three concurrent readings',
	),
];

const ACKING: readonly Bug[] = [
	bug(
		'forgets one record more',
		(made) => ({ ack: (partition, upTo) => made.ack(partition, String(Number(upTo) + 1)) }),
		'forgets everything up to an acknowledged cursor, and nothing after it',
		'after the fourth was acknowledged: ["id-5"',
	),
	bug(
		'forgets everything but the record of the cursor',
		(made) => ({ ack: (partition, upTo) => made.ack(partition, String(Number(upTo) - 1)) }),
		'forgets everything up to an acknowledged cursor, and nothing after it',
		'after the fourth was acknowledged: ["id-3"',
	),
	bug(
		'forgets whole batches only',
		(made) => {
			const ends: number[] = [];
			return {
				async append(batch, options) {
					await made.append(batch, options);
					ends.push((ends.at(-1) ?? -1) + batch.length);
				},
				ack: (partition, upTo) => made.ack(partition, String(ends.filter((end) => end <= Number(upTo)).at(-1) ?? -1)),
			};
		},
		'forgets up to a record in the middle of a batch',
		'after the second of the second batch was acknowledged: ["id-5"',
	),
	bug(
		'fails when it is told twice',
		(made) => {
			const told = new Set<string>();
			return {
				async ack(partition, upTo) {
					if (told.has(upTo)) throw new SpillError('told already');
					told.add(upTo);
					return made.ack(partition, upTo);
				},
			};
		},
		'is indifferent to an acknowledgement that is repeated',
		'told already',
	),
	bug(
		'moves its position back',
		(made) => {
			let position = -1;
			return {
				ack: async (_, upTo) => {
					position = Number(upTo);
				},
				read: (options) => made.read({ ...options, after: options.after ?? String(position) }),
			};
		},
		'never moves back for a stale acknowledgement',
		'after the third was acknowledged later than the seventh: ["id-3"',
	),
	bug(
		'deletes nothing and gives it to readers with a cursor',
		(made) => {
			let position = -1;
			return {
				ack: async (_, upTo) => {
					position = Math.max(position, Number(upTo));
				},
				read: (options) => made.read({ ...options, after: options.after ?? String(position) }),
			};
		},
		'gives no acknowledged record again to a reader with a stale cursor',
		'a read after a cursor that was acknowledged: ["id-3"] instead of ["id-7"]',
	),
	bug(
		'forgets what is appended while it acknowledges',
		(made) => {
			let acking = 0;
			return {
				async append(batch, options) {
					if (acking === 0) await made.append(batch, options);
				},
				async ack(partition, upTo) {
					acking++;
					await made.ack(partition, upTo);
					acking--;
				},
			};
		},
		'keeps what is appended while it forgets',
		'after appends beside acknowledgements: []',
	),
	bug(
		'counts cursors anew after a drain',
		(made) => renumbered(made),
		'is indifferent to a cursor from before everything was drained',
		'after old cursors were acknowledged again: []',
	),
];

/** Cursors are places in a list that begins with the first record that waits. */
function renumbered(made: SpillStore): Partial<SpillStore> {
	let gone = 0;
	const real = (cursor: string) => String(Number(cursor) + gone);
	return {
		read: async ({ after, ...options }) =>
			(await made.read({ ...options, after: after === undefined ? undefined : real(after) })).map((one) => ({
				...one,
				cursor: String(Number(one.cursor) - gone),
			})),
		async ack(partition, upTo) {
			await made.ack(partition, real(upTo));
			const [first] = await made.read({ partition, maxRecords: 1 });
			if (first === undefined) gone += Number(upTo) + 1;
		},
	};
}

const FIGURES: readonly Bug[] = [
	{
		does: 'declares another durability than its subject',
		subject: { durability: 'os-crash', place: shelf },
		caughtBy: 'declares capabilities that make sense, and the durability that was announced',
		saying: 'capabilities.durability is "process" instead of "os-crash"',
	},
	bug(
		'reports damage of an empty store',
		() => ({ open: async () => ({ truncatedBytes: 0, corruptRecords: 1, missingRecords: 0, quarantined: [] }) }),
		'reports no damage where there is none',
		'a figure of the damage of an empty store is 1 instead of 0',
	),
	bug(
		'counts what was ever appended',
		(made) => {
			let records = 0;
			return {
				async append(batch, options) {
					await made.append(batch, options);
					records += batch.length;
				},
				stats: async () => ({ ...(await made.stats()), records }),
			};
		},
		'has figures that agree with what it holds',
		'stats().records after an acknowledgement is 31 instead of 21',
	),
	bug(
		'remembers its first record as the oldest for ever',
		(made) => {
			let oldestEnqueuedAtMs: number | null = null;
			return {
				append(batch, options) {
					oldestEnqueuedAtMs ??= batch[0]?.enqueuedAtMs ?? null;
					return made.append(batch, options);
				},
				stats: async () => ({ ...(await made.stats()), oldestEnqueuedAtMs }),
			};
		},
		'has figures that agree with what it holds',
		'stats().oldestEnqueuedAtMs after an acknowledgement is 1700000000000 instead of 1700000000010',
	),
];

const GIVING_UP: readonly Bug[] = [
	bug(
		'keeps an append that was given up before',
		(made) => ({
			async append(batch, { signal } = {}) {
				await made.append(batch);
				signal?.throwIfAborted();
			},
		}),
		'rejects an append that was given up before, and keeps nothing of it',
		'around an append that was given up: ["id-0", "id-1", "id-2", "id-3"]',
	),
	bug(
		'does not hear that an append is given up',
		(made) => ({ append: (batch) => made.append(batch) }),
		'rejects an append that was given up before, and keeps nothing of it',
		'an append with a signal that was aborted before did not reject',
	),
	bug(
		'does not hear that a read is given up',
		(made) => ({ read: ({ signal: _, ...options }) => made.read(options) }),
		'rejects a read that was given up before, and reads on',
		'a read with a signal aborted before did not reject',
	),
	bug(
		'cannot be opened after it was given up once',
		(made) => {
			let failed: unknown;
			return {
				open: (options) =>
					failed === undefined
						? made.open(options).catch((error: unknown) => {
								failed = error;
								throw error;
							})
						: Promise.reject(failed),
			};
		},
		'rejects an open that was given up before, and opens afterwards',
		'the caller gave up',
	),
	bug(
		'leaves an append pending that is given up under way',
		(made) => ({
			async append(batch, { signal } = {}) {
				await later(3);
				if (signal?.aborted) return never();
				return made.append(batch);
			},
		}),
		'settles an append that is given up under way, and knows what it kept of it',
		'append of 50 records has not settled within 100 ms',
	),
	bug(
		'resolves an append that is given up under way, and keeps half of it',
		(made) => ({
			async append(batch, { signal } = {}) {
				await made.append(batch.slice(0, Math.ceil(batch.length / 2)));
				await later(0);
				if (!signal?.aborted) await made.append(batch.slice(Math.ceil(batch.length / 2)));
			},
		}),
		'settles an append that is given up under way, and knows what it kept of it',
		'which resolved is 25 instead of 50',
	),
	bug(
		'leaves a read pending that is given up under way',
		(made) => ({
			async read(options) {
				await later(3);
				return options.signal?.aborted ? never() : made.read(options);
			},
		}),
		'settles a read that is given up under way, and reads on',
		'read has not settled within 100 ms',
	),
];

const CLOSING: readonly Bug[] = [
	bug(
		'works on after it was closed',
		() => ({ close: async () => {} }),
		'refuses everything once it is closed, with SPILL_CLOSED',
		'append after close did not reject',
	),
	bug(
		'rejects without a code after it was closed',
		replaced('SPILL_CLOSED', rejects(new Error('closed'))),
		'refuses everything once it is closed, with SPILL_CLOSED',
		'append after close rejected with Error "closed" instead of a SpillError SPILL_CLOSED',
	),
	bug(
		'throws instead of rejecting',
		(made) => {
			let closed = false;
			return {
				append(batch, options) {
					if (closed) throw new SpillError('closed', { code: 'SPILL_CLOSED' });
					return made.append(batch, options);
				},
				close() {
					closed = true;
					return made.close();
				},
			};
		},
		'refuses everything once it is closed, with SPILL_CLOSED',
		'append of 1 records threw instead of rejecting',
	),
	bug(
		'fails when it is closed twice',
		(made) => {
			let closed = false;
			return {
				async close() {
					if (closed) throw new SpillError('closed already');
					closed = true;
					return made.close();
				},
			};
		},
		'closes as often as it is told to, also all at once and before it was opened',
		'closed already',
	),
	bug(
		'hangs when it is closed',
		() => ({ close: never }),
		'closes as often as it is told to, also all at once and before it was opened',
		'close has not settled within 100 ms',
	),
	bug(
		'leaves an open pending that is under way when it is closed',
		(made) => {
			let closed = false;
			return {
				async open(options) {
					await later(1);
					return closed ? never() : made.open(options);
				},
				close() {
					closed = true;
					return made.close();
				},
			};
		},
		'settles an open that is under way when it is closed',
		'open has not settled within 100 ms',
	),
	bug(
		'leaves appends pending that are under way when it is closed',
		(made) => {
			let closed = false;
			return {
				async append(batch, options) {
					await later(1);
					return closed ? never() : made.append(batch, options);
				},
				close() {
					closed = true;
					return made.close();
				},
			};
		},
		'settles everything that is under way when it is closed',
		'append of 2 records has not settled within 100 ms',
	),
	bug(
		'resolves appends before they are kept',
		(made) => {
			let closed = false;
			return {
				async append(batch, options) {
					if (closed) throw new SpillError('closed', { code: 'SPILL_CLOSED' });
					if (batch.length > 2) return made.append(batch, options);
					setTimeout(() => void made.append(batch).catch(() => {}), 1);
				},
				close() {
					closed = true;
					return made.close();
				},
			};
		},
		'holds what it resolved, in order, when it was closed amidst appends',
		'an id that was resolved and is gone is "id-0" instead of undefined',
	),
	bug(
		'takes appends while it closes',
		(made) => ({
			async close() {
				await later(5);
				return made.close();
			},
		}),
		'refuses an append that was begun after it was closed, at once',
		'an append begun while it closes did not reject',
	),
];

const REOPENING: readonly Bug[] = [
	bug(
		'is closed for good',
		(made) => {
			let closed = false;
			return {
				async open(options) {
					if (closed) throw new SpillError('closed for good');
					return made.open(options);
				},
				close() {
					closed = true;
					return made.close();
				},
			};
		},
		'can be opened again after it was closed, by the same instance',
		'closed for good',
	),
	{
		does: 'forgets everything when it is reopened',
		subject: {
			durability: 'process',
			place: ({ maxBytes }) => ({ store: () => memorySpill({ maxBytes }) }),
		},
		caughtBy: 'holds what was not acknowledged when it is reopened, and nothing that was',
		saying: 'after it was reopened: [] instead of ["id-4"',
	},
	bug(
		'forgets acknowledgements when it is reopened',
		(made) => {
			let position = '-1';
			return {
				ack: async (_, upTo) => {
					position = upTo;
				},
				read: (options) => made.read({ ...options, after: options.after ?? position }),
			};
		},
		'holds what was not acknowledged when it is reopened, and nothing that was',
		'after it was reopened: ["id-0"',
	),
	bug(
		'forgets headers when it is reopened',
		(made, { previous }) =>
			previous === undefined
				? {}
				: { read: async (options) => (await made.read(options)).map(({ headers: _, ...one }) => one) },
		'gives every field back after it was reopened',
		'record "0plain": headers is',
	),
	bug(
		'numbers its records anew when it is reopened',
		(made, { previous }) =>
			previous === undefined
				? {}
				: {
						read: async (options) => {
							const all = await made.read({ partition: 0, maxRecords: 1e6 });
							const renamed = all.map((one, n) => ({ ...one, cursor: String(all.length * 2 - n) }));
							const from = renamed.findIndex(({ cursor }) => cursor === options.after) + 1;
							return renamed.slice(from, from + options.maxRecords);
						},
						ack: async (partition, upTo) => made.ack(partition, String(Number(upTo) * 2)),
					},
		'keeps the cursors and the partitions of keys when it is reopened',
		'after what an earlier instance read was acknowledged is',
	),
	{
		does: 'counts cursors anew when it is reopened empty',
		subject: {
			durability: 'process',
			place({ maxBytes }) {
				let kept = memorySpill({ maxBytes });
				return {
					store: () => {
						const mine = kept;
						return {
							...mine,
							async close() {
								if ((await mine.stats()).records === 0) kept = memorySpill({ maxBytes });
							},
						};
					},
				};
			},
		},
		caughtBy: 'starts anew after it was drained and reopened: old cursors touch nothing new',
		saying: 'what came after the drain: []',
	},
	bug(
		'finds only the first thousand when it is reopened',
		(made, { previous }) =>
			previous === undefined
				? {}
				: { read: async (options) => (await made.read(options)).filter(({ cursor }) => Number(cursor) < 1_000) },
		'holds many batches when it is reopened',
		'two thousand records',
	),
];

const OWNERS: readonly Bug[] = [
	{
		does: 'lets anyone in',
		subject: { durability: 'process', place: faulty(() => ({}), { several: true }) },
		caughtBy: 'refuses a second owner with a SpillError, and the first one works on',
		saying: 'the open of a second owner did not reject',
	},
	{
		does: 'looks whether there is an owner, and becomes it later',
		subject: {
			durability: 'process',
			place({ maxBytes }) {
				let owned = false;
				const place = shelf({ maxBytes, several: true });
				return {
					async store() {
						const made = await place.store();
						return {
							...made,
							async open(options) {
								if (owned) throw new SpillError('owned');
								await later(1);
								owned = true;
								return made.open(options);
							},
						};
					},
				};
			},
		},
		caughtBy: 'lets exactly one of several win that open at the same time',
		saying: 'the number of owners after four opened at once is 4 instead of 1',
	},
	bug(
		'throws its owner out when a second one gives up',
		(made, { previous }) => ({
			async close() {
				await previous?.close();
				return made.close();
			},
		}),
		'refuses a second owner with a SpillError, and the first one works on',
		'closed',
	),
	{
		does: 'gives each of several owners a view of its own',
		subject: {
			durability: 'process',
			severalOwners: true,
			place: ({ maxBytes }) => ({ store: () => memorySpill({ maxBytes }) }),
		},
		caughtBy: 'keeps the records of several owners, in the order of each',
		saying: 'the number of records that two owners appended is 100 instead of 200',
	},
];

const FULL: readonly Bug[] = [
	bug(
		'swallows what does not fit',
		replaced('SPILL_FULL', () => {}),
		'refuses with SpillFullError when it is full, and loses nothing that it resolved',
		'and is not full',
	),
	bug(
		'rejects with any error when it is full',
		replaced('SPILL_FULL', rejects(new Error('no space left'))),
		'refuses with SpillFullError when it is full, and loses nothing that it resolved',
		'an append to a full store rejected with Error "no space left" instead of a SpillFullError',
	),
	bug(
		'makes room by forgetting the oldest',
		(made) => ({
			append: (batch, options) =>
				made.append(batch, options).catch(async (error: unknown) => {
					if (!(error instanceof SpillFullError)) throw error;
					const found = await made.read({ partition: 0, maxRecords: batch.length });
					await made.ack(0, found.at(-1)?.cursor ?? '');
					throw error;
				}),
		}),
		'refuses with SpillFullError when it is full, and loses nothing that it resolved',
		'what was resolved, in a full store',
	),
	bug(
		'never has room again',
		(made) => {
			let over = false;
			return {
				append: (batch, options) =>
					over
						? Promise.reject(new SpillFullError('full'))
						: made.append(batch, options).catch((error: unknown) => {
								over = error instanceof SpillFullError;
								throw error;
							}),
			};
		},
		'has room again once records were acknowledged, as often as it fills up',
		'there is no room again 100 ms after everything was acknowledged',
	),
	bug(
		'leaves appends pending that do not fit',
		replaced('SPILL_FULL', never),
		'settles every one of many appends that do not all fit',
		'append of 20 records has not settled within 100 ms',
	),
	{
		does: 'counts from zero when it is reopened',
		subject: {
			durability: 'process',
			place({ maxBytes }) {
				const kept = memorySpill({ maxBytes: 100 * maxBytes });
				return {
					store() {
						let bytes = 0;
						return {
							...kept,
							append(batch, options) {
								bytes += batch.reduce((sum, { payload }) => sum + payload.byteLength, 0);
								return bytes > maxBytes ? Promise.reject(new SpillFullError('full')) : kept.append(batch, options);
							},
							close: async () => {},
						};
					},
				};
			},
		},
		caughtBy: 'is still full when it is reopened, and holds what it resolved',
		saying: 'more after it was reopened',
	},
];

const CRASHING: readonly Bug[] = [
	{
		does: 'resolves before it is durable',
		subject: {
			durability: 'process',
			place: ({ maxBytes }) => {
				let kept = memorySpill({ maxBytes });
				return {
					store: () => kept,
					crash: () => {
						kept = memorySpill({ maxBytes });
					},
				} as SpillPlace & { crash(): void };
			},
			crash: (place) => (place as SpillPlace & { crash(): void }).crash(),
		},
		caughtBy: 'survives with every resolved record what its durability promises',
		saying: 'an id that was resolved and is gone after the crash is "id-0" instead of undefined',
	},
];

const SERIES: readonly Bug[] = [
	bug(
		'forgets one record too many, now and then',
		(made) => ({
			ack: (partition, upTo) => made.ack(partition, Number(upTo) % 3 === 2 ? String(Number(upTo) + 1) : upTo),
		}),
		'agrees with a list in memory about any series of appends, reads, acknowledgements and reopenings',
		'Property failed',
	),
];

export const BUGS: readonly Bug[] = [
	...ROUND_TRIPS,
	...SIZES,
	...ORDER,
	...READING,
	...ACKING,
	...FIGURES,
	...GIVING_UP,
	...CLOSING,
	...REOPENING,
	...OWNERS,
	...FULL,
	...CRASHING,
	...SERIES,
];
