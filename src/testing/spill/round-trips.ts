import type { SpillRecord, SpillStore } from '../../ports/spill.js';
import { assure, assureIs, assureRecords } from './assert.js';
import type { Check } from './check.js';
import { ackAll, range, record, records, waiting } from './records.js';
import type { Trial } from './trial.js';

/** Texts that an encoding may lose: quoting, combining, right to left, beyond the first plane, controls, and none at all. */
export const TEXTS = [
	'plain',
	'',
	' ',
	'Ünï-cödé',
	'日本語',
	'עִבְרִית',
	'e\u0301',
	'👩‍👩‍👧‍👦',
	'\u{10ffff}',
	'\ufeffbom',
	'a:b/c.d*e>f%g{h}',
	`"'\\\`;--`,
	'line\r\nbreak\ttab',
	'\u0000\u0001\u001f\u007f\u2028',
] as const;

/** What a store gives back of this is the same, in the same order. */
async function comesBack(trial: Trial, given: readonly SpillRecord[]): Promise<SpillStore> {
	const store = await trial.open();
	// One by one, so that their order is known whatever partition each goes to.
	for (const one of given) {
		await store.append([one]);
		const found = await waiting(store);
		assureRecords(found, [one], 'what was appended');
		await ackAll(store, found);
	}
	return store;
}

export const roundTrips: readonly Check[] = [
	{
		name: 'gives back an empty payload',
		run: async (trial) => void (await comesBack(trial, [record(1, { bytes: 0 })])),
	},
	{
		name: 'gives back every value of a byte, also where they are no text',
		run: async (trial) => {
			const all = Uint8Array.from({ length: 512 }, (_, n) => n % 256);
			const part = all.subarray(100, 300);
			const noText = Uint8Array.of(0xff, 0xfe, 0xc0, 0x80, 0x00, 0x0d, 0x0a, 0xed, 0xa0, 0x80);
			const payloads = [all, part, noText, new Uint8Array(1)];
			await comesBack(
				trial,
				payloads.map((payload, n) => ({ ...record(n), payload })),
			);
		},
	},
	{
		name: 'gives back ids, keys and headers of any well-formed text',
		run: async (trial) => {
			await comesBack(
				trial,
				TEXTS.map((text, n) => ({ ...record(n), id: text, key: text, headers: { [text]: text, handler: 'trades' } })),
			);
		},
	},
	{
		name: 'gives back the times of a record, whole or not, and the lack of an expiry',
		run: async (trial) => {
			const times = [0, 1, 1_700_000_000_000, 1_700_000_000_000.25, 253_402_300_799_999];
			await comesBack(
				trial,
				times.flatMap((at, n) => [
					{ ...record(2 * n), enqueuedAtMs: at },
					{ ...record(2 * n + 1), enqueuedAtMs: at, expiresAtMs: at + 5_000 },
				]),
			);
		},
	},
	{
		name: 'gives back headers, none of them, and many',
		run: async (trial) => {
			const many = Object.fromEntries(range(20).map((n) => [`header-${n}`, 'x'.repeat(n * 10)]));
			await comesBack(
				trial,
				[{ handler: 'trades', tier: 'tier1' }, {}, undefined, many].map((headers, n) => ({ ...record(n), headers })),
			);
		},
	},
	{
		name: 'keeps what it was given, though the giver changes the bytes afterwards',
		run: async (trial) => {
			const store = await trial.open();
			const given = record(1);
			const expected = { ...given, payload: given.payload.slice() };
			await store.append([given]);
			given.payload.fill(0xee);
			assureRecords(await waiting(store), [expected], 'what was appended before the bytes were changed');
		},
	},
	{
		name: 'keeps nothing of an empty batch',
		run: async (trial) => {
			const store = await trial.open();
			await store.append([]);
			assureRecords(await waiting(store), [], 'after an empty batch');
			await store.append(records(2));
			await store.append([]);
			assureRecords(await waiting(store), records(2), 'after another empty batch');
		},
	},
	{
		name: 'keeps the same id once when it says that it does, else at least once',
		run: async (trial) => {
			const store = await trial.open();
			await store.append(records(3));
			await store.append(records(3));
			const found = await waiting(store);
			const copies = range(3).map((n) => found.filter(({ id }) => id === `id-${n}`).length);
			if (store.capabilities.dedupesById)
				copies.forEach((times, n) => {
					assureIs(times, 1, `the number of copies of id-${n}`);
				});
			else assure(!copies.includes(0), `ids that were appended twice came back ${copies.join(', ')} times`);
		},
	},
];
