import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Runs the demo as a person does who pipes it into a file. */
function demo(...parameters: string[]): Promise<{ code: number | string; out: string; err: string }> {
	const command = ['--import', 'tsx', 'examples/demo.ts', ...parameters];
	return new Promise((resolve) => {
		execFile(process.execPath, command, { cwd: root, timeout: 110_000 }, (error, out, err) =>
			resolve({ code: error?.code ?? (error ? 'killed' : 0), out, err }),
		);
	});
}

/** Both sides of the ledger. */
function totals(out: string): string[] {
	return /total +([\d,]+) = total +([\d,]+)/.exec(out)?.slice(1) ?? [];
}

describe('the story', { timeout: 120_000 }, () => {
	const run = demo('--quick');

	it('ends well, without an escape code in a pipe, and with nothing to complain about', async () => {
		const { code, out, err } = await run;
		expect({ code, err }).toEqual({ code: 0, err: '' });
		expect(out).not.toContain('\u001b');
		expect(out).toContain('The level is NORMAL, nothing waits, and every message is accounted for.');
	});

	it('has a ledger with two equal sides', async () => {
		const [came, went] = totals((await run).out);
		expect(came).toMatch(/^\d+,\d+,\d+$/);
		expect(went).toBe(came);
	});

	it.each([
		'▲ NORMAL -> SOFT',
		'▲ SOFT -> GRACEFUL',
		'▲ GRACEFUL -> AGGRESSIVE',
		'▲ AGGRESSIVE -> CIRCUIT_BREAK',
		'■ intake closed',
		'▷ intake opened for a look',
		'No recovery: the cooldown began anew at 30.0 s, and the level did not change.',
		'▼ CIRCUIT_BREAK -> AGGRESSIVE',
		'▼ SOFT -> NORMAL',
		'▲ NORMAL -> SOFT  heap',
		'ZIP trade): At AGGRESSIVE a message of tier3 (normal) is spilled.',
		'ZIP trade): At AGGRESSIVE a message of tier1 (critical) is',
		'▲ GRACEFUL -> SELECTIVE',
		'▼ SELECTIVE -> GRACEFUL',
	])('shows %s', async (moment) => expect((await run).out.replace(/\s+/g, ' ')).toContain(moment.replace(/\s+/g, ' ')));

	it('is the one that docs/demo.md shows (vitest -u writes it anew)', async () => {
		// Never write down a run that has failed.
		expect((await run).code).toBe(0);
		const page = readFileSync(`${root}docs/demo.md`, 'utf8');
		const shown = page.replace(/(?<=^```text\n)[\s\S]*?(?=^```$)/m, (await run).out.trimStart());
		await expect(shown).toMatchFileSnapshot(`${root}docs/demo.md`);
	});
});

describe('the real load', { timeout: 120_000 }, () => {
	it('overloads the process for a moment, and the level comes back by itself', async () => {
		const { code, out, err } = await demo('--real-load', '--duration', '1', '--ramp', '0');
		expect({ code, err, out }).toMatchObject({ code: 0, err: '' });
		expect(out).not.toContain('\u001b');
		expect(out).toContain('▲ NORMAL -> SOFT  lag');
		const [came, went] = totals(out);
		expect(went).toBe(came);
		expect(out).toContain(`the generator sent ${came},`);
	});
});

describe('the command line of the demo', { timeout: 60_000 }, () => {
	it.each([
		[['--speed', '0'], 'It must be a number above 0.'],
		[['--rate', '5'], '--rate needs --real-load'],
		[['--quick', '--speed', '2'], "cannot be used with option '--quick'"],
		[['--real-load', '--duration', 'long'], 'It must be a number above 0.'],
	])('refuses %j', async (parameters, complaint) => {
		const { code, err } = await demo(...parameters);
		expect(err).toContain(complaint);
		expect(code).toBe(2);
	});
});
