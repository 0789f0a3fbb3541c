import { open as openFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SpillRecord } from '../src/index.js';
import { fileSpill } from '../src/spill-file/index.js';
import { peer } from './peers.js';

/** A store in a bench: append makes a batch durable, replay reads everything in order and counts it. */
export interface Contender {
	readonly name: string;
	open(directory: string, maxBytes: number): Promise<OpenContender>;
}
export interface OpenContender {
	append(batch: readonly SpillRecord[]): unknown;
	replay(): number | Promise<number>;
	close(): unknown;
}

const HEADERS = { handler: 'quotes', tier: 'tier3' };

/** Bytes that do not compress, so that a store that compresses gains nothing by luck. */
export function recordsOf(first: number, count: number, bytes: number): SpillRecord[] {
	return Array.from({ length: count }, (_, i) => {
		const payload = new Uint8Array(bytes);
		let state = (first + i + 1) * 2_654_435_761;
		for (let at = 0; at < bytes; at++) {
			state = Math.imul(state ^ (state >>> 15), 2_246_822_519) >>> 0;
			payload[at] = state;
		}
		return {
			id: `id-${first + i}`,
			key: `K${i % 500}`,
			payload,
			enqueuedAtMs: 1_700_000_000_000 + i,
			headers: HEADERS,
		};
	});
}

/** The disk by hand: one write and one fdatasync a batch, of the payloads only. */
export const raw: Contender = {
	name: 'write + fdatasync',
	async open(directory) {
		const file = await openFile(join(directory, 'raw'), 'wx');
		let at = 0;
		let count = 0;
		return {
			async append(batch) {
				const bytes = Buffer.concat(batch.map(({ payload }) => payload));
				await file.write(bytes, 0, bytes.length, at);
				await file.datasync();
				at += bytes.length;
				count += batch.length;
			},
			replay: () => count,
			close: () => file.close(),
		};
	},
};

export const own: Contender = {
	name: 'fileSpill',
	async open(directory, maxBytes) {
		const store = fileSpill({ directory: join(directory, 'spill'), maxBytes, minFreeBytes: 0 });
		await store.open();
		return {
			append: (batch) => store.append(batch),
			async replay() {
				let count = 0;
				let after: string | undefined;
				for (;;) {
					const found = await store.read({ partition: 0, after, maxRecords: 1000 });
					if (found.length === 0) return count;
					count += found.length;
					after = found.at(-1)?.cursor;
				}
			},
			close: () => store.close(),
		};
	},
};

/** A record as a store on one of the others would keep it: its facts as JSON behind their length, then the payload. */
function encode({ payload, ...facts }: SpillRecord): Buffer {
	const text = JSON.stringify(facts);
	const bytes = Buffer.allocUnsafe(4 + Buffer.byteLength(text) + payload.byteLength);
	const length = bytes.write(text, 4);
	bytes.writeUInt32LE(length, 0);
	bytes.set(payload, 4 + length);
	return bytes;
}

function decode(bytes: Uint8Array): SpillRecord {
	const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const end = 4 + buffer.readUInt32LE(0);
	// Some lend the bytes until the next step only.
	return { ...(JSON.parse(buffer.toString('utf8', 4, end)) as SpillRecord), payload: bytes.slice(end) };
}

/** Reads a record, and counts it if it is one. */
const counted = (bytes: Uint8Array): number => (decode(bytes).payload.byteLength > 0 ? 1 : 0);

/**
 * The stores compared with, as far as they are installed, each as durable as it can be. `bare` gives them the payload under
 * a number and nothing else: no id, key, headers or times, which is less than a spill has to give back.
 */
export async function contenders(bare: boolean): Promise<readonly Contender[]> {
	const bytesOf = bare ? ({ payload }: SpillRecord) => payload : encode;
	const count = bare ? (bytes: Uint8Array) => Math.sign(bytes.byteLength) : counted;
	const [lmdb, sqlite, level] = await Promise.all([peer('lmdb'), peer('better-sqlite3'), peer('classic-level')]);
	const found: Contender[] = [];
	if (lmdb) {
		found.push({
			name: 'lmdb',
			async open(path, maxBytes) {
				const db = lmdb.open({
					path: join(path, 'lmdb'),
					encoding: 'binary',
					keyEncoding: 'uint32',
					mapSize: maxBytes,
				});
				let next = 0;
				return {
					async append(batch) {
						await db.transaction(() => {
							for (const record of batch) db.put(next++, bytesOf(record));
						});
						await db.flushed;
					},
					replay: () => {
						let total = 0;
						for (const { value } of db.getRange({})) total += count(value);
						return total;
					},
					close: () => db.close(),
				};
			},
		});
	}
	if (sqlite) {
		found.push({
			name: 'better-sqlite3 (WAL, FULL)',
			async open(path) {
				const db = new sqlite.default(join(path, 'sqlite'));
				db.pragma('journal_mode = WAL');
				db.pragma('synchronous = FULL');
				db.exec('CREATE TABLE spill (n INTEGER PRIMARY KEY, payload BLOB)');
				const insert = db.prepare('INSERT INTO spill (payload) VALUES (?)');
				const append = db.transaction((batch: readonly SpillRecord[]) => {
					for (const record of batch) insert.run(bytesOf(record));
				});
				return {
					append,
					replay: () => {
						let total = 0;
						for (const { payload } of db.prepare('SELECT n, payload FROM spill ORDER BY n').iterate()) {
							total += count(payload);
						}
						return total;
					},
					close: () => db.close(),
				};
			},
		});
	}
	if (level) {
		found.push({
			name: 'classic-level (sync)',
			async open(path) {
				const db = new level.ClassicLevel(join(path, 'level'), { valueEncoding: 'view' });
				await db.open();
				let next = 0;
				return {
					append: (batch) =>
						db.batch(
							batch.map((record) => ({
								...{ type: 'put', key: String(next++).padStart(12, '0') },
								value: bytesOf(record),
							})),
							{ sync: true },
						),
					async replay() {
						let total = 0;
						const iterator = db.iterator({ highWaterMarkBytes: 1024 * 1024 });
						for (;;) {
							const some = await iterator.nextv(1000);
							if (some.length === 0) break;
							for (const [, value] of some) total += count(value);
						}
						await iterator.close();
						return total;
					},
					close: () => db.close(),
				};
			},
		});
	}
	return found;
}
