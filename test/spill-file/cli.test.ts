import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { addSpillCommand } from '../../src/cli/spill.js';
import { SpillError, type Spilled, type SpillRecord } from '../../src/index.js';
import { fileSpill, readSpill } from '../../src/spill-file/index.js';
import { FileSpillStore } from '../../src/spill-file/store.js';
import { idsOf, record, records, temporaryDirectory } from './support/store.js';

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

async function directoryWith(batch: readonly SpillRecord[], partitions = 1): Promise<string> {
	const directory = temporaryDirectory();
	const store = fileSpill({ directory, maxBytes: 1_000_000, minFreeBytes: 0, partitions });
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

	const DEAD = { error: 'no such order', attempts: '5', failedAtMs: '1700000000000' };
	/** Everything that waits in a directory, as it is. */
	async function contentOf(directory: string) {
		const found: Spilled[] = [];
		for await (const one of (await readSpill(directory)).records()) found.push(one);
		return found;
	}

	it('requeue puts dead letters back into the spill as they were, behind what waits there', async () => {
		const letters = records(3, 10).map((one) => ({ ...one, headers: { handler: 'quotes', ...DEAD } }));
		const [dead, live] = [await directoryWith(letters), await directoryWith(records(2))];
		expect(await spill('requeue', dead, live)).toBe('3 dead letters requeued, 0 left\n');
		expect(process.exitCode).toBeUndefined();
		const found = await contentOf(live);
		expect(found.slice(2)).toEqual(
			records(3, 10).map((one) => ({
				...{ ...one, headers: { handler: 'quotes' } },
				...{ partition: 0, cursor: expect.any(String) },
			})),
		);
		expect(idsOf(found)).toEqual([0, 1, 10, 11, 12]);
		expect(await contentOf(dead)).toEqual([]);
		expect(await spill('requeue', dead, live)).toBe('0 dead letters requeued, 0 left\n');
	});

	it('requeue takes as many as it is told, and more than one batch', async () => {
		const [dead, live] = [await directoryWith(records(1500)), await directoryWith([])];
		expect(await spill('requeue', dead, live, '--max', '1')).toBe('1 dead letters requeued, 1499 left\n');
		expect(await spill('requeue', dead, live)).toBe('1499 dead letters requeued, 0 left\n');
		expect(idsOf(await contentOf(live))).toEqual(idsOf(records(1500)));
	});

	it('requeue keeps the partitions of the service', async () => {
		const batch = Array.from({ length: 40 }, (_, n) => record(n, { key: `K${n % 9}` }));
		const [dead, live] = [await directoryWith(batch, 3), await directoryWith(batch, 2)];
		expect(await spill('requeue', dead, live)).toBe('40 dead letters requeued, 0 left\n');
		const store = fileSpill({ directory: live, maxBytes: 1_000_000, minFreeBytes: 0, partitions: 2 });
		await store.open();
		expect((await store.stats()).records).toBe(80);
		await store.close();
	});

	it('requeue finds the partitions of a spill that is drained, also after there were more', async () => {
		const letters = Array.from({ length: 40 }, (_, n) => record(n, { key: `K${n % 9}` }));
		const [dead, live] = [await directoryWith(letters, 3), await directoryWith([], 4)];
		const service = fileSpill({ directory: live, maxBytes: 1_000_000, minFreeBytes: 0, partitions: 3 });
		await service.open();
		await service.close();
		await expect(spill('requeue', dead, live, '--partitions', '7')).rejects.toThrow(
			`--partitions: 7 must be 3, as ${live} has it`,
		);
		expect((await contentOf(dead)).length).toBe(40);
		expect(await spill('requeue', dead, live)).toBe('40 dead letters requeued, 0 left\n');
		await service.open();
		expect((await service.stats()).records).toBe(40);
		await service.close();
	});

	it('requeue asks for the partitions where nothing tells them', async () => {
		const [dead, live] = [await directoryWith(records(3)), await directoryWith([], 3)];
		rmSync(join(live, '000.cursor'));
		await expect(spill('requeue', dead, live)).rejects.toThrow(
			`${live}: nothing there tells its number of partitions; give --partitions`,
		);
		expect(await spill('requeue', dead, live, '--partitions', '3')).toBe('3 dead letters requeued, 0 left\n');
	});

	it('requeue exits with 1 while the service runs, and takes nothing', async () => {
		const [dead, live] = [await directoryWith(records(3)), await directoryWith(records(2))];
		const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
		for (const directory of [dead, live]) {
			const store = fileSpill({ directory, maxBytes: 1_000_000, minFreeBytes: 0 });
			await store.open();
			// That the number is wrong is told when the service is stopped.
			expect(await spill('requeue', dead, live, '--partitions', '7')).toBe('');
			expect(process.exitCode).toBe(1);
			expect(write).toHaveBeenLastCalledWith(
				`brownout: ${directory} is in use by process ${process.pid} on ${hostname()}; stop the service first\n`,
			);
			await store.close();
		}
		write.mockRestore();
		expect((await contentOf(dead)).length).toBe(3);
		expect((await contentOf(live)).length).toBe(2);
	});

	it.each([
		['append', 0],
		['ack', 3],
	] as const)('requeue loses nothing when it ends at the %s', async (step, inSpill) => {
		const [dead, live] = [await directoryWith(records(3)), await directoryWith([])];
		const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
		const broken = vi.spyOn(FileSpillStore.prototype, step).mockRejectedValueOnce(new SpillError('the disk is gone'));
		expect(await spill('requeue', dead, live)).toBe('');
		expect(write).toHaveBeenCalledWith('brownout: the disk is gone\n');
		expect(process.exitCode).toBe(1);
		for (const spy of [write, broken]) spy.mockRestore();
		expect((await contentOf(dead)).length).toBe(3);
		expect((await contentOf(live)).length).toBe(inSpill);
	});

	it('requeue says on the way out when dead letters are missing', async () => {
		const [dead, live] = [await directoryWith(records(20)), await directoryWith([])];
		damage(dead);
		const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
		expect(await spill('requeue', dead, live)).toBe('19 dead letters requeued, 0 left\n');
		expect(write).toHaveBeenCalledWith('brownout: 1 dead letters are missing\n');
		expect(process.exitCode).toBe(1);
		write.mockRestore();
	});

	it('requeue refuses what cannot be meant', async () => {
		const dead = await directoryWith(records(3));
		await expect(spill('requeue', dead, dead)).rejects.toThrow('are the same directory');
		await expect(spill('requeue', dead, '/nowhere')).rejects.toThrow('/nowhere: cannot read /nowhere: ENOENT');
		await expect(spill('requeue', dead, dead, '--max', '0')).rejects.toThrow(
			'--max: "0" must be a whole number of at least 1',
		);
	});

	it('refuses a directory that is no spill, and a wrong number', async () => {
		await expect(spill('inspect', '/nowhere')).rejects.toThrow(/^cannot read \/nowhere: ENOENT/);
		await expect(spill('inspect', '/nowhere', '--top', 'x')).rejects.toThrow('--top: "x" must be a whole number');
	});
});
