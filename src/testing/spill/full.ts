import { SpillFullError, type SpillRecord, type SpillStore } from '../../ports/spill.js';
import { outcomeOf } from '../settles.js';
import { assure, assureIs, assureRecords, describe } from './assert.js';
import { type Check, persistent } from './check.js';
import { assureFigures } from './figures.js';
import { ackAll, ofKey, range, records, waiting } from './records.js';
import type { Trial } from './trial.js';

const SHAPE = { bytes: 1_000 };
const BATCH = 20;

/** Appends until there is no room. @returns what was resolved, in order. */
async function fill(trial: Trial, store: SpillStore, from = 0): Promise<readonly SpillRecord[]> {
	const { smallBytes } = trial.settings;
	// Four times as much payload as there is room for: a store that takes it has no bound.
	const most = Math.ceil((4 * smallBytes) / (BATCH * SHAPE.bytes));
	const kept: SpillRecord[] = [];
	for (const n of range(most)) {
		const batch = records(BATCH, from + n * BATCH, SHAPE);
		try {
			await store.append(batch);
		} catch (error) {
			assureFull(error);
			return kept;
		}
		kept.push(...batch);
	}
	throw new Error(`a store of ${smallBytes} bytes took ${kept.length * SHAPE.bytes} bytes of payload and is not full`);
}

function assureFull(error: unknown): void {
	assure(
		error instanceof SpillFullError,
		`an append to a full store rejected with ${describe(error)} instead of a SpillFullError`,
	);
	assureIs(error.code, 'SPILL_FULL', 'the code of a SpillFullError');
}

/** Appends once there is room, which a store may make a little later than the acknowledgement. */
async function appendWhenRoom(trial: Trial, store: SpillStore, batch: readonly SpillRecord[]): Promise<void> {
	const endMs = Date.now() + trial.settings.timeoutMs;
	for (;;) {
		try {
			return await store.append(batch);
		} catch (error) {
			assureFull(error);
			assure(
				Date.now() < endMs,
				`there is no room again ${trial.settings.timeoutMs} ms after everything was acknowledged`,
			);
		}
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
}

/** What was resolved has to be there, in order; a refused batch may be there in part. */
function assureKept(found: readonly SpillRecord[], kept: readonly SpillRecord[], when: string): void {
	const ids = new Set(kept.map(({ id }) => id));
	assureRecords(
		found.filter(({ id }) => ids.has(id)),
		kept,
		`what was resolved, ${when}`,
	);
}

export const full: readonly Check[] = [
	{
		name: 'refuses with SpillFullError when it is full, and loses nothing that it resolved',
		run: async (trial) => {
			const store = await trial.open(await trial.place('small'));
			const kept = await fill(trial, store);
			assure(kept.length > 0, `a store of ${trial.settings.smallBytes} bytes has no room for a single batch`);
			const again = await outcomeOf(store.append(records(BATCH, 1_000_000, SHAPE)));
			if (again !== undefined) assureFull(again);
			assureKept(await waiting(store), kept, 'in a full store');
			await assureFigures(store, 'of a full store');
		},
	},
	{
		name: 'has room again once records were acknowledged, as often as it fills up',
		run: async (trial) => {
			const store = await trial.open(await trial.place('small'));
			for (const round of range(3)) {
				const from = round * 100_000;
				const batch = records(BATCH, from, SHAPE);
				await appendWhenRoom(trial, store, batch);
				const kept = [...batch, ...(await fill(trial, store, from + BATCH))];
				const found = await waiting(store);
				assureKept(found, kept, `when it was full for the ${['first', 'second', 'third'][round]} time`);
				await ackAll(store, found);
				assureRecords(await waiting(store), [], 'after everything was acknowledged');
			}
		},
	},
	{
		name: 'settles every one of many appends that do not all fit',
		run: async (trial) => {
			const store = await trial.open(await trial.place('small'));
			const kept: SpillRecord[] = [];
			const most = Math.ceil((4 * trial.settings.smallBytes) / (BATCH * SHAPE.bytes));
			const failures = await Promise.all(
				range(most).map((n) => {
					const batch = records(BATCH, n * BATCH, { ...SHAPE, key: `key-${n % 3}` });
					return outcomeOf(store.append(batch).then(() => void kept.push(...batch)));
				}),
			);
			const refused = failures.filter((error) => error !== undefined);
			assure(refused.length > 0, 'none of many appends was refused, though they do not all fit');
			refused.forEach(assureFull);
			const found = await waiting(store);
			const inOrder = [...kept].sort((a, b) => a.enqueuedAtMs - b.enqueuedAtMs);
			for (const key of range(3).map((n) => `key-${n}`))
				assureKept(ofKey(found, key), ofKey(inOrder, key), `of ${key} after too many appends`);
			await assureFigures(store, 'after too many appends');
		},
	},
	{
		name: 'is still full when it is reopened, and holds what it resolved',
		when: persistent,
		run: async (trial) => {
			const place = await trial.place('small');
			const first = await trial.open(place);
			const kept = await fill(trial, first);
			await first.close();
			const store = await trial.open(place);
			assureKept(await waiting(store), kept, 'after it was reopened full');
			const more = await fill(trial, store, 100_000);
			assure(
				more.length <= kept.length / 2,
				`a store that was full with ${kept.length} records took ${more.length} more after it was reopened`,
			);
			await ackAll(store, await waiting(store));
			await appendWhenRoom(trial, store, records(BATCH, 200_000, SHAPE));
		},
	},
];
