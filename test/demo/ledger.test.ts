import pc from 'picocolors';
import { describe, expect, it } from 'vitest';
import { complaints, ledgerLines } from '../../src/cli/demo/ledger.js';
import { conclude } from '../../src/cli/demo.js';

const good = {
	level: 'NORMAL',
	protectedShed: 0,
	offered: 100,
	recovered: 5,
	processed: 60,
	replayed: 25,
	dropped: 20,
	rejected: 0,
	failed: 0,
	expired: 0,
	deadLettered: 0,
	lost: 0,
	waiting: 0,
	inFlight: 0,
};

describe('the verdict of a demo', () => {
	it('finds nothing wrong with a run that ends at the first level, with nothing waiting and every message accounted for', () => {
		expect(complaints(good, 'NORMAL')).toEqual([]);
	});

	it.each([
		[{ level: 'SOFT' }, 'the level is SOFT, not NORMAL'],
		[{ waiting: 2_000, processed: 60 - 2_000 }, '2,000 spilled messages were not replayed'],
		[{ inFlight: 1, processed: 59 }, '1 messages are still in flight'],
		[{ protectedShed: 3 }, '3 protected messages were shed'],
		[{ processed: 59 }, 'the ledger does not balance: 105 came in, 104 are accounted for'],
		[{ recovered: 4 }, 'the ledger does not balance: 104 came in, 105 are accounted for'],
	])('complains of %j', (change, complaint) => {
		expect(complaints({ ...good, ...change }, 'NORMAL')).toEqual([complaint]);
	});

	it('is the exit code, and is said', () => {
		const lines: string[] = [];
		const stage = { line: (text: string) => lines.push(text), colors: pc.createColors(false) };
		expect(conclude(stage, [])).toBe(0);
		expect(conclude(stage, ['the level is SOFT, not NORMAL'])).toBe(1);
		expect(lines.at(-1)).toBe('This run did not end well: the level is SOFT, not NORMAL.');
	});

	it('says everything that is wrong', () => {
		expect(complaints({ ...good, level: 'SOFT', waiting: 1, protectedShed: 1 }, 'NORMAL')).toHaveLength(4);
	});
});

describe('the ledger of a demo', () => {
	it('adds up both sides, in messages', () => {
		const text = ledgerLines(good, 100).join('\n');
		expect(text).toMatch(/^total +10,500 = total +10,500$/m);
		expect(text).toMatch(/^offered to the shedder +10,000 +processed at once +6,000$/m);
		expect(text).toMatch(/^protected messages shed +0$/m);
	});

	it('shows that it does not balance', () => {
		expect(ledgerLines({ ...good, dropped: 19 }).join('\n')).toMatch(/^total +105 ≠ total +104$/m);
	});
});
