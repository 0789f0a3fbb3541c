import { describe, expect, it } from 'vitest';
import { memorySpill } from '../../src/index.js';
import { type SpillStoreSubject, spillStoreConformance } from '../../src/testing/index.js';
import { BUGS } from './bugs.js';
import { shelf } from './shelf.js';

const volatileSubject: SpillStoreSubject = {
	durability: 'process',
	volatile: true,
	place({ maxBytes }) {
		const store = memorySpill({ maxBytes });
		return { store: () => store };
	},
};

const SUBJECTS: readonly [string, SpillStoreSubject][] = [
	['memorySpill', volatileSubject],
	['a store that is reopened', { durability: 'process', place: shelf }],
	[
		'a store of three partitions',
		{ durability: 'process', place: ({ maxBytes }) => shelf({ maxBytes, partitions: 3 }), crash: () => {} },
	],
	[
		'a store of several owners',
		{ durability: 'process', severalOwners: true, place: ({ maxBytes }) => shelf({ maxBytes, several: true }) },
	],
];

describe.each(SUBJECTS)('%s', (_, subject) => {
	for (const { name, run, timeoutMs } of spillStoreConformance(subject)) it(name, run, timeoutMs);
});

describe('the suite', () => {
	it.each(BUGS)('catches a store that $does', async ({ subject, caughtBy, saying }) => {
		const found = spillStoreConformance({ timeoutMs: 100, ...subject }).find(({ name }) => name === caughtBy);
		expect(found?.name).toBe(caughtBy);
		await expect(found?.run()).rejects.toThrow(saying);
	});

	it('catches each kind of fault by a case of its own', () => {
		const all = SUBJECTS.flatMap(([, subject]) => spillStoreConformance(subject)).map(({ name }) => name);
		const unproven = new Set(all);
		for (const { caughtBy } of BUGS) unproven.delete(caughtBy);
		expect([...unproven]).toEqual([]);
	});

	it('leaves out what does not concern a store', () => {
		const count = (subject: SpillStoreSubject) => spillStoreConformance(subject).length;
		const [, persistent] = SUBJECTS[1] as [string, SpillStoreSubject];
		expect(count(volatileSubject)).toBeLessThan(count(persistent));
		expect(count({ ...persistent, crash: () => {} })).toBe(count(persistent) + 1);
		expect(count({ ...persistent, severalOwners: true })).toBe(count(persistent) - 1);
	});

	it('has cases with different names, and more time for a case than for what waits in it', () => {
		const cases = spillStoreConformance({ ...volatileSubject, timeoutMs: 30_000 });
		expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
		for (const { timeoutMs } of cases) expect(timeoutMs).toBeGreaterThan(3 * 30_000);
	});

	it('destroys every place and closes every store, also after a failure', async () => {
		const made = { open: 0, places: 0 };
		const cases = spillStoreConformance({
			durability: 'os-crash',
			place({ maxBytes }) {
				made.places++;
				const place = shelf({ maxBytes });
				return {
					async store() {
						const store = await place.store();
						made.open++;
						return { ...store, close: () => store.close().finally(() => made.open--) };
					},
					destroy: () => void made.places--,
				};
			},
		});
		const declared = cases.find(({ name }) => name.startsWith('declares capabilities'));
		await expect(declared?.run()).rejects.toThrow('capabilities.durability is "process" instead of "os-crash"');
		expect(made).toEqual({ open: 0, places: 0 });
	});

	it('refuses a subject that it cannot test, with every problem', () => {
		const wrong = { durability: 'for ever', runs: 0.5, smallBytes: 1, roomBytes: 1, timeoutMs: 0 };
		const subject = { ...wrong, volatile: true, severalOwners: true, crash: () => {} };
		expect(() => spillStoreConformance(subject as unknown as SpillStoreSubject)).toThrow(
			[
				'invalid spillStoreConformance (8 problems):',
				'place: undefined must be a function',
				'durability: "for ever" must be "process", "os-crash" or "replicated"',
				'roomBytes: 1 must be at least 4194304',
				'smallBytes: 1 must be at least 65536',
				'timeoutMs: 0 must be a finite number above 0',
				'runs: 0.5 must be a whole number above 0',
				'crash: an object must be absent for a volatile store, which survives nothing',
				'severalOwners: true must be absent for a volatile store, which has one',
			].join('\n'),
		);
	});
});
