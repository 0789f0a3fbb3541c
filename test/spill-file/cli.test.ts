import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { addSpillCommand } from '../../src/cli/spill.js';
import { fileSpill } from '../../src/spill-file/index.js';
import { record, records, temporaryDirectory } from './support/store.js';

/** Runs the command, and gives back what it printed. */
async function spill(...args: string[]): Promise<string> {
	const lines: string[] = [];
	const write = vi.spyOn(process.stdout, 'write').mockImplementation((text, ...rest) => {
		lines.push(String(text));
		for (const done of rest) if (typeof done === 'function') done();
		return true;
	});
	try {
		const program = new Command('brownout').exitOverride();
		addSpillCommand(program);
		await program.parseAsync(['spill', ...args], { from: 'user' });
	} finally {
		write.mockRestore();
	}
	return lines.join('');
}

afterEach(() => {
	process.exitCode = undefined;
});

async function directoryWith(batch: Parameters<ReturnType<typeof fileSpill>['append']>[0]): Promise<string> {
	const directory = temporaryDirectory();
	const store = fileSpill({ directory, maxBytes: 1_000_000, minFreeBytes: 0 });
	await store.open();
	await store.append(batch);
	await store.close();
	return directory;
}

/** Flips a bit in the first record. */
function damage(directory: string): void {
	const file = join(directory, readdirSync(directory).find((name) => name.endsWith('.log')) ?? '');
	const data = readFileSync(file);
	data[90] = (data[90] as number) ^ 1;
	writeFileSync(file, data);
}

describe('brownout spill', () => {
	it('inspect tells how much waits for whom, how old it is, and what is wrong', async () => {
		const directory = await directoryWith(
			Array.from({ length: 30 }, (_, n) => record(n, { key: n < 20 ? 'BHP' : `K${n % 5}` })),
		);
		const text = await spill('inspect', directory, '--top', '2');
		expect(text).toMatch(
			/^directory {3}\S+\nowner {7}none\nrecords {5}30\nbytes {7}[\d,]+ in 1 segment, 600 of payload\n/,
		);
		expect(text).toContain('oldest      2023-11-14T22:13:20.000Z, ');
		expect(text).toContain('missing     0 records, damage in 0 places');
		expect(text).toMatch(/│ BHP │ +20 │\n│ K0 {2}│ +2 │/);
		expect(text).toContain('and 4 more keys');
		const facts = JSON.parse(await spill('inspect', directory, '--json'));
		expect(facts).toMatchObject({ records: 30, keys: 6, owner: null, missing: 0, payloadBytes: 600 });
	});

	it('verify exits with 1 when something is damaged, and says what', async () => {
		const directory = await directoryWith(records(20));
		expect(await spill('verify', directory)).toMatch(/\nsound\n$/);
		expect(process.exitCode).toBeUndefined();
		damage(directory);
		const text = await spill('verify', directory);
		expect(text).toContain('missing     1 record, damage in 1 place');
		expect(text).toMatch(/\nDAMAGED: see above\n$/);
		expect(process.exitCode).toBe(1);
		expect(JSON.parse(await spill('verify', directory, '--json'))).toMatchObject({ sound: false, missing: 1 });
	});

	it('export prints every record as a line of JSON, text as text and bytes in base64', async () => {
		const text = { ...record(1), payload: Buffer.from('{"price":1}'), headers: { handler: 'quotes' } };
		const bytes = { ...record(2), payload: Uint8Array.of(0xff, 0), expiresAtMs: 5 };
		const directory = await directoryWith([text, bytes]);
		const lines = (await spill('export', directory))
			.trim()
			.split('\n')
			.map((line) => JSON.parse(line));
		expect(lines).toEqual([
			{
				...{ partition: 0, cursor: expect.any(String), id: 'id-1', key: 'key', enqueuedAtMs: text.enqueuedAtMs },
				...{ headers: { handler: 'quotes' }, encoding: 'utf8', payload: '{"price":1}' },
			},
			expect.objectContaining({ id: 'id-2', expiresAtMs: 5, encoding: 'base64', payload: '/wA=' }),
		]);
		const out = join(temporaryDirectory(), 'records.ndjson');
		expect(await spill('export', directory, '--out', out)).toBe('');
		expect(readFileSync(out, 'utf8')).toBe(`${lines.map((line) => JSON.stringify(line)).join('\n')}\n`);
		await expect(spill('export', directory, '--out', out)).rejects.toThrow('EEXIST');
	});

	it('export says on the way out when records are missing', async () => {
		const directory = await directoryWith(records(20));
		damage(directory);
		const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
		const lines = (await spill('export', directory)).trim().split('\n');
		expect(lines.length).toBe(19);
		expect(write).toHaveBeenCalledWith('brownout: 1 record is missing; see brownout spill verify\n');
		expect(process.exitCode).toBe(1);
		write.mockRestore();
	});

	it('dead-letters puts the reasons in front', async () => {
		const headers = { handler: 'quotes', error: 'no such order', attempts: '5', failedAtMs: '1700000000000' };
		const directory = await directoryWith([{ ...record(1), headers }]);
		const line = (await spill('dead-letters', directory)).trim();
		expect(line).toMatch(/^{"error":"no such order","attempts":5,"failedAtMs":1700000000000,"partition":0,/);
		expect(JSON.parse(line).headers).toEqual({ handler: 'quotes' });
	});

	it('refuses a directory that is no spill, and a wrong number', async () => {
		await expect(spill('inspect', '/nowhere')).rejects.toThrow(/^cannot read \/nowhere: ENOENT/);
		await expect(spill('inspect', '/nowhere', '--top', 'x')).rejects.toThrow('--top: "x" must be a whole number');
	});
});
