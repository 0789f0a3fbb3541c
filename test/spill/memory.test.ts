import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { memorySpill, SpillError, SpillFullError, type SpillRecord } from '../../src/index.js';
import { expectNoLeaks } from '../control/driver.js';
import { fc } from '../support/property.js';

expectNoLeaks();

const record = (n: number, bytes = 10): SpillRecord => ({
	id: `id-${n}`,
	key: `key-${n % 3}`,
	payload: new Uint8Array(bytes).fill(n),
	enqueuedAtMs: 1_000 + n,
});
const range = (length: number, from = 0) => Array.from({ length }, (_, n) => n + from);

describe('memorySpill', () => {
	it('gives back what it was given, in order, whatever is appended, read and acknowledged in between', async () => {
		const action = fc.oneof(
			fc.record({ kind: fc.constant('append' as const), records: fc.nat(30) }),
			fc.record({ kind: fc.constant('append' as const), records: fc.constant(700) }),
			fc.record({ kind: fc.constant('ack' as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
			fc.record({
				kind: fc.constant('read' as const),
				share: fc.double({ min: 0, max: 1, noNaN: true }),
				most: fc.integer({ min: 1, max: 40 }),
			}),
		);
		await fc.assert(
			fc.asyncProperty(fc.array(action, { maxLength: 25 }), async (actions) => {
				const store = memorySpill();
				await store.open();
				let given = 0;
				let acked = 0;
				const cursors: string[] = [];
				const ids = (found: readonly SpillRecord[]) => found.map(({ id }) => id);
				for (const step of actions) {
					if (step.kind === 'append') {
						await store.append(range(step.records, given).map((n) => record(n)));
						given += step.records;
						for (const { cursor } of await store.read({ partition: 0, after: cursors.at(-1), maxRecords: 10_000 }))
							if (!cursors.includes(cursor)) cursors.push(cursor);
						expect(cursors.length).toBe(given);
					} else if (step.kind === 'ack' && given > 0) {
						// Any record, acknowledged ones too: it never moves back.
						const upTo = Math.min(given - 1, Math.floor(step.share * given));
						await store.ack(0, cursors[upTo] as string);
						acked = Math.max(acked, upTo + 1);
					} else if (step.kind === 'read') {
						const from = Math.min(given, Math.floor(step.share * (given + 1)));
						const after = from === 0 ? undefined : cursors[from - 1];
						const found = await store.read({ partition: 0, after, maxRecords: step.most });
						const first = Math.max(acked, from);
						expect(ids(found)).toEqual(range(Math.min(step.most, given - first), first).map((n) => `id-${n}`));
					}
					const { records, oldestEnqueuedAtMs } = await store.stats();
					expect(records).toBe(given - acked);
					expect(oldestEnqueuedAtMs).toBe(given > acked ? 1_000 + acked : null);
				}
				if (cursors.length > 0) await store.ack(0, cursors.at(-1) as string);
				expect(await store.stats()).toMatchObject({ records: 0, bytes: 0, oldestEnqueuedAtMs: null });
			}),
		);
	});

	it('gives back every field of a record', async () => {
		const store = memorySpill();
		const whole: SpillRecord = { ...record(1), expiresAtMs: 5_000, headers: { handler: 'trades' } };
		await store.append([whole]);
		expect(await store.read({ partition: 0, maxRecords: 1 })).toEqual([
			{ ...whole, partition: 0, cursor: expect.any(String) },
		]);
	});

	it('reading consumes nothing', async () => {
		const store = memorySpill();
		await store.append(range(5).map((n) => record(n)));
		const first = await store.read({ partition: 0, maxRecords: 5 });
		expect(await store.read({ partition: 0, maxRecords: 5 })).toEqual(first);
		expect((await store.stats()).records).toBe(5);
	});

	it('reads at most maxBytes, but always one record', async () => {
		const store = memorySpill();
		await store.append(range(5).map((n) => record(n, 1_000)));
		expect((await store.read({ partition: 0, maxRecords: 5, maxBytes: 1 })).length).toBe(1);
		expect((await store.read({ partition: 0, maxRecords: 5, maxBytes: 5_000 })).length).toBe(3);
	});

	it('keeps what it was given, though the giver changes the bytes afterwards', async () => {
		const store = memorySpill();
		const given = record(7);
		await store.append([given]);
		given.payload.fill(0);
		expect((await store.read({ partition: 0, maxRecords: 1 }))[0]?.payload[0]).toBe(7);
	});

	it('keeps what it was given, though a reader changes the bytes: a failing record is read again', async () => {
		const store = memorySpill();
		await store.append([record(7)]);
		const [read] = await store.read({ partition: 0, maxRecords: 1 });
		read?.payload.fill(0);
		expect((await store.read({ partition: 0, maxRecords: 1 }))[0]?.payload[0]).toBe(7);
	});

	it('refuses a batch that does not fit, whole, says the sizes, and works again when there is room', async () => {
		const store = memorySpill({ maxBytes: 2_100 });
		await store.append([record(1)]);
		const { bytes } = await store.stats();
		const refused = store.append([record(2), record(3), record(4)]);
		await expect(refused).rejects.toBeInstanceOf(SpillFullError);
		await expect(refused).rejects.toMatchObject({
			code: 'SPILL_FULL',
			message: `the memory spill is full: ${bytes} of 2100 bytes are taken and the batch needs ${3 * (bytes as number)}`,
		});
		expect(await store.stats()).toMatchObject({ records: 1, bytes, capacityBytes: 2_100 });
		await store.ack(0, (await store.read({ partition: 0, maxRecords: 1 }))[0]?.cursor as string);
		await store.append([record(2), record(3), record(4)]);
		expect((await store.stats()).records).toBe(3);
	});

	it('a record as large as it says it keeps fits into it when it is empty', async () => {
		const store = memorySpill({ maxBytes: 4_000 });
		await store.append([{ ...record(1), payload: new Uint8Array(store.capabilities.maxRecordBytes) }]);
		expect((await store.stats()).records).toBe(1);
	});

	it('refuses a record that is larger than it keeps, with the batch around it, and works on', async () => {
		const store = memorySpill({ maxBytes: 4_000 });
		const { maxRecordBytes } = store.capabilities;
		const refused = store.append([record(1), record(2, maxRecordBytes + 1)]);
		await expect(refused).rejects.toBeInstanceOf(SpillError);
		await expect(refused).rejects.toMatchObject({
			code: 'SPILL_RECORD_TOO_LARGE',
			message:
				'a payload of 3105 bytes, 3763 with its texts, is too large: the memory spill keeps 3104, 4000 with its texts',
		});
		await expect(store.append([{ ...record(1), headers: { why: 'x'.repeat(2_000) } }])).rejects.toMatchObject({
			code: 'SPILL_RECORD_TOO_LARGE',
			message:
				'a payload of 10 bytes, 4674 with its texts, is too large: the memory spill keeps 3104, 4000 with its texts',
		});
		expect((await store.stats()).records).toBe(0);
		await store.append([record(3)]);
		expect((await store.read({ partition: 0, maxRecords: 9 })).map(({ id }) => id)).toEqual(['id-3']);
	});

	it.each([0, -1, 896, Number.NaN, '1000'])('refuses maxBytes %j, which could hold no record', (maxBytes) => {
		expect(() => memorySpill({ maxBytes: maxBytes as number })).toThrow(
			/^invalid memorySpill \(1 problem\):\nmaxBytes: .* must be a number above 896$/,
		);
	});

	it('refuses an append that was given up', async () => {
		const store = memorySpill();
		await expect(store.append([record(1)], { signal: AbortSignal.abort(new Error('too late')) })).rejects.toThrow(
			'too late',
		);
		expect((await store.stats()).records).toBe(0);
	});

	it('refuses everything once closed, closes twice, and holds its records when it is opened again', async () => {
		const store = memorySpill();
		await store.append([record(1)]);
		await store.close();
		await store.close();
		for (const use of [
			() => store.append([record(2)]),
			() => store.read({ partition: 0, maxRecords: 1 }),
			() => store.ack(0, '0'),
		]) {
			await expect(use()).rejects.toMatchObject({ code: 'SPILL_CLOSED', message: 'the memory spill is closed' });
			await expect(use()).rejects.toBeInstanceOf(SpillError);
		}
		expect(await store.open()).toEqual({ truncatedBytes: 0, corruptRecords: 0, missingRecords: 0, quarantined: [] });
		expect((await store.read({ partition: 0, maxRecords: 1 }))[0]?.id).toBe('id-1');
	});

	it('stays bounded, though an id or a key is no string at run time', async () => {
		const store = memorySpill({ maxBytes: 1_000 });
		const numeric = { ...record(1), id: 7, key: 9 } as unknown as SpillRecord;
		await store.append([numeric]);
		expect((await store.stats()).bytes).not.toBeNaN();
		await expect(store.append(range(50).map((n) => record(n)))).rejects.toBeInstanceOf(SpillFullError);
	});

	it('lets go of what was acknowledged, however few and large the records are', async () => {
		const bytes = 1024 * 1024;
		const store = memorySpill({ maxBytes: 4 * bytes });
		const payload = new Uint8Array(bytes);
		let copies: WeakRef<Uint8Array>[] = [];
		// A copy cannot be reached from outside, so the test watches it being made.
		const watched = Object.assign(payload, {
			slice() {
				const copy = Uint8Array.prototype.slice.call(payload);
				copies.push(new WeakRef(copy));
				return copy;
			},
		});
		for (let n = 0; n < 20; n++) {
			await store.append([{ ...record(n), payload: watched }]);
			await store.ack(0, String(n));
			await new Promise((resolve) => setImmediate(resolve));
		}
		setFlagsFromString('--expose-gc');
		runInNewContext('gc')();
		copies = copies.filter((copy) => copy.deref() !== undefined);
		expect(copies.length).toBeLessThan(3);
	});

	it('says what it is', () => {
		expect(memorySpill().capabilities).toEqual({
			durability: 'process',
			partitions: 1,
			maxRecordBytes: 64 * 1024 * 1024 - 896,
			dedupesById: false,
		});
	});
});
