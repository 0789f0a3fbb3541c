import type { SpillRecord } from '../../ports/spill.js';
import { assure, assureRecords, assureRefused } from './assert.js';
import type { Check } from './check.js';
import { ackAll, record, waiting } from './records.js';

/** A larger payload than this is not tried: some copies of it have to fit into the heap of a test. */
const LARGEST_TRIED = 64 * 1024 * 1024;

/** Incompressible enough, and quick to make. */
function large(n: number, bytes: number): SpillRecord {
	const payload = new Uint8Array(bytes);
	for (let at = 0; at < bytes; at++) payload[at] = (at * 2_654_435_761) >>> 24;
	return { ...record(n), payload };
}

export const sizes: readonly Check[] = [
	{
		name: 'gives back a payload of maxRecordBytes',
		run: async (trial) => {
			const store = await trial.open();
			const { maxRecordBytes } = store.capabilities;
			assure(
				maxRecordBytes <= LARGEST_TRIED,
				`maxRecordBytes is ${maxRecordBytes}, above the ${LARGEST_TRIED} that are tried here: nothing shows that it is true`,
			);
			const largest = large(1, maxRecordBytes);
			await store.append([largest]);
			const found = await waiting(store);
			assureRecords(found, [largest], 'a payload of maxRecordBytes');
			await ackAll(store, found);
			assureRecords(await waiting(store), [], 'after it was acknowledged');
		},
	},
	{
		name: 'refuses a payload above maxRecordBytes with SPILL_RECORD_TOO_LARGE, and works on',
		run: async (trial) => {
			const store = await trial.open();
			const { maxRecordBytes } = store.capabilities;
			const tooLarge = large(1, Math.min(maxRecordBytes, LARGEST_TRIED) + 1);
			assure(tooLarge.payload.byteLength > maxRecordBytes, `maxRecordBytes is ${maxRecordBytes}: too much to try`);
			await assureRefused(store.append([tooLarge]), 'the append of an oversize record', 'SPILL_RECORD_TOO_LARGE');
			assureRecords(await waiting(store), [], 'after an oversize record was refused');
			const among = store.append([record(2), tooLarge, record(3)]);
			await assureRefused(among, 'the append of a batch with an oversize record', 'SPILL_RECORD_TOO_LARGE');
			await store.append([record(4)]);
			const found = (await waiting(store)).filter(({ id }) => id !== 'id-2' && id !== 'id-3');
			assureRecords(found, [record(4)], 'after a batch with an oversize record was refused');
		},
	},
	{
		name: 'refuses a payload that is no Uint8Array with SPILL_CODEC, and works on',
		run: async (trial) => {
			const store = await trial.open();
			const others = { Float64Array: Float64Array.of(1, 2), DataView: new DataView(new ArrayBuffer(8)), text: 'text' };
			for (const [what, payload] of Object.entries(others)) {
				// A codec in JavaScript may give anything; what cannot be kept as it is must not be kept as something else.
				const other = { ...record(1), payload: payload as unknown as Uint8Array };
				await assureRefused(store.append([other]), `the append of a ${what}`, 'SPILL_CODEC');
				await assureRefused(store.append([record(2), other]), `the append of a batch with a ${what}`, 'SPILL_CODEC');
			}
			await store.append([record(3)]);
			const found = (await waiting(store)).filter(({ id }) => id !== 'id-2');
			assureRecords(found, [record(3)], 'after payloads that are no bytes were refused');
		},
	},
];
