import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTierRegistry } from '../../src/core/tier-registry.js';
import { defineTiers } from '../../src/core/tiers.js';
import { watchTiers } from '../../src/tiers-file/index.js';

const main = new URL('../../src/cli/main.ts', import.meta.url).pathname;
let directory: string;

beforeEach(async () => {
	directory = await mkdtemp(join(tmpdir(), 'brownout-cli-'));
	await writeFile(join(directory, 'volumes.csv'), 'Symbol,Volume\nBHP,900\nCBA,700\nTLS,300\nREA,300\nXYZ,10.5\n');
});
afterEach(() => rm(directory, { recursive: true }));

/** Runs the command as a user would, in a directory of its own. */
function brownout(args: string, input = ''): Promise<{ code: unknown; stdout: string; stderr: string }> {
	return new Promise((resolve) => {
		const command = [`--import=${import.meta.resolve('tsx')}`, main, ...args.split(' ').filter(Boolean)];
		const child = execFile(process.execPath, command, { cwd: directory }, (error, stdout, stderr) =>
			resolve({ code: error ? error.code : 0, stdout, stderr }),
		);
		child.stdin?.end(input);
	});
}
const at = (name: string) => join(directory, name);

// Each test starts a process or several.
describe('brownout tiers', { timeout: 60_000, concurrent: false }, () => {
	it('prints keys, volume and coverage of each tier', async () => {
		expect(await brownout('tiers volumes.csv --top 2,3')).toEqual({
			code: 0,
			stderr: '',
			stdout: `5 keys, volume 2,210.5
┌───────┬──────────┬──────┬────────┬──────────┐
│ tier  │ priority │ keys │ volume │ coverage │
├───────┼──────────┼──────┼────────┼──────────┤
│ tier1 │ critical │    2 │  1,600 │   72.4 % │
│ tier2 │ high     │    1 │    300 │   13.6 % │
│ tier3 │ normal   │    2 │  310.5 │   14.0 % │
└───────┴──────────┴──────┴────────┴──────────┘
`,
		});
	});

	it('writes a file that watchTiers puts in force, and nothing else', async () => {
		const { code, stdout } = await brownout('tiers volumes.csv --top 2,3 --out tiers.json');
		expect([code, stdout.endsWith('\nwritten to tiers.json\n')]).toEqual([0, true]);
		expect(JSON.parse(await readFile(at('tiers.json'), 'utf8'))).toEqual({
			tiers: [
				{ name: 'tier1', priority: 'critical', keys: ['BHP', 'CBA'] },
				{ name: 'tier2', priority: 'high', keys: ['REA'] },
			],
			fallback: { name: 'tier3', priority: 'normal' },
		});
		expect((await readdir(directory)).sort()).toEqual(['tiers.json', 'volumes.csv']);

		const registry = createTierRegistry(defineTiers({ tiers: [], fallback: { name: 'all', priority: 'normal' } }));
		(await watchTiers(registry, at('tiers.json'))).close();
		expect(['BHP', 'REA', 'TLS'].map((key) => registry.current.tierOf(key))).toEqual(['tier1', 'tier2', 'tier3']);
	});

	it('tells who moves up or down, in the table and in JSON', async () => {
		await brownout('tiers volumes.csv --top 2,3 --out tiers.json');
		await writeFile(at('today.csv'), 'symbol,volume\nBHP,900\nREA,1700\nCBA,100\nTLS,300\nNEW,1\n');
		const table = await brownout('tiers today.csv --top 2,3 --previous tiers.json');
		expect(table.stdout).toContain(`
3 keys move: 2 up, 1 down
┌─────┬───────┬───────┬───────┐
│ key │ from  │ to    │ moves │
├─────┼───────┼───────┼───────┤
│ CBA │ tier1 │ tier3 │ down  │
│ REA │ tier2 │ tier1 │ up    │
│ TLS │ tier3 │ tier2 │ up    │
└─────┴───────┴───────┴───────┘
`);
		const json = await brownout('tiers today.csv --top 2,3 --previous tiers.json --json');
		const report = JSON.parse(json.stdout);
		expect(report.tiers[0]).toEqual({
			name: 'tier1',
			priority: 'critical',
			keys: 2,
			volume: 2600,
			coverage: 2600 / 3001,
		});
		expect(report.moved).toEqual([
			{ key: 'CBA', from: 'tier1', to: 'tier3', direction: 'down' },
			{ key: 'REA', from: 'tier2', to: 'tier1', direction: 'up' },
			{ key: 'TLS', from: 'tier3', to: 'tier2', direction: 'up' },
		]);
		const named = await brownout('tiers volumes.csv --top 2,3 --names a,b,c --previous tiers.json --json');
		expect(JSON.parse(named.stdout).moved[0]).toEqual({ key: 'BHP', from: 'tier1', to: 'a', direction: 'renamed' });
		const still = await brownout('tiers volumes.csv --top 2,3 --previous tiers.json');
		expect(still.stdout).toContain('\nno key moves\n');
	});

	it('cuts a long list of moves short for people', async () => {
		const rows = Array.from({ length: 60 }, (_, i) => `K${i},${i}`).join('\n');
		await writeFile(at('many.csv'), `key,volume\n${rows}\n`);
		await brownout('tiers volumes.csv --top 2 --out tiers.json');
		const { stdout } = await brownout('tiers many.csv --top 58 --previous tiers.json');
		expect(stdout).toContain('60 keys move: 58 up, 2 down');
		expect(stdout).toContain('and 20 more (--json lists all)\n');
	});

	it('takes names, priorities, columns and standard input as it is told', async () => {
		const { code, stdout } = await brownout(
			'tiers - --top 1,2,3 --names gold,silver,bronze,rest --priorities critical,high,normal,low --key-column Tenant --volume-column requests --json',
			'tenant,Requests\na,1\nb,2\nc,3\nd,4\n',
		);
		expect(code).toBe(0);
		expect(JSON.parse(stdout).tiers.map((row: Record<string, unknown>) => [row.name, row.priority, row.keys])).toEqual([
			['gold', 'critical', 1],
			['silver', 'high', 1],
			['bronze', 'normal', 1],
			['rest', 'low', 1],
		]);
	});

	it('writes nothing when more keys move than --max-moved allows', async () => {
		await brownout('tiers volumes.csv --top 2,3 --out tiers.json');
		const before = await readFile(at('tiers.json'), 'utf8');
		await writeFile(at('holiday.csv'), 'symbol,volume\nXYZ,1\nREA,1\n');
		const same = '--previous tiers.json --out tiers.json';
		const refused = await brownout(`tiers holiday.csv --top 2,3 ${same} --max-moved 3`);
		expect([refused.code, refused.stderr]).toEqual([
			2,
			'brownout: 4 keys move, more than --max-moved 3; nothing is written\n',
		]);
		expect(await readFile(at('tiers.json'), 'utf8')).toBe(before);
		expect((await brownout(`tiers holiday.csv --top 2,3 ${same} --max-moved 4`)).code).toBe(0);
		expect(await readFile(at('tiers.json'), 'utf8')).not.toBe(before);
	});

	it.each([
		['tiers none.csv --top 2', "none.csv: ENOENT: no such file or directory, open 'none.csv'"],
		[
			'tiers - --top 2',
			'-: no column named key or symbol or ticker: it has no header (--key-column names another one)',
		],
		[
			'tiers volumes.csv --top 2 --volume-column turnover',
			'volumes.csv: no column named turnover: the columns are symbol, volume (--volume-column names another one)',
		],
		['tiers volumes.csv --top 3,2', '--top: "3,2" must be whole numbers, each above the one before it'],
		['tiers volumes.csv --top 2,', '--top: "2," must be whole numbers, each above the one before it'],
		[
			'tiers volumes.csv --top 2 --names a',
			'--names: 2 are needed (one for each number of --top and one for the rest), got 1',
		],
		[
			'tiers volumes.csv --top 2 --names a,a',
			'--names, --priorities: invalid tiers (1 problem):\nfallback.name: "a" must be a unique, non-empty string',
		],
		[
			'tiers volumes.csv --top 1,2,3',
			'--priorities: 4 tiers have no default; give one priority for each, the rest last',
		],
		['tiers volumes.csv --top 2 --max-moved 3', '--max-moved: there is nothing to compare with without --previous'],
		[
			'tiers volumes.csv --top 2 --max-moved x --previous volumes.csv',
			'--max-moved: "x" must be a whole number of at least 0',
		],
		['tiers volumes.csv --top 2 --out none/tiers.json', 'none/tiers.json: ENOENT: no such file or directory, open '],
	])('says what is wrong and exits with 2: %s', async (args, message) => {
		const { code, stderr } = await brownout(args);
		expect([code, stderr.startsWith(`brownout: ${message}`)], stderr).toEqual([2, true]);
		expect(stderr).not.toContain('    at ');
	});

	it.each([';', '\t'])('reads a table with %j between its cells', async (delimiter) => {
		await writeFile(
			at('other.csv'),
			`\uFEFF${['Symbol', 'Volume'].join(delimiter)}\nBHP${delimiter}900\nA,B${delimiter}7\n`,
		);
		const { code, stdout } = await brownout('tiers other.csv --top 1 --json');
		expect([code, JSON.parse(stdout).tiers[0]]).toMatchObject([0, { name: 'tier1', keys: 1, volume: 900 }]);
	});

	it('names the lines that are wrong in the table', async () => {
		await writeFile(at('wrong.csv'), 'key,volume\nA,1\nB,\n,5\nC,"1,000"\nD,-1\nE,NaN\n');
		const { code, stderr } = await brownout('tiers wrong.csv --top 1');
		expect([code, stderr]).toEqual([
			2,
			`brownout: wrong.csv: line 3: the volume of B must be a number of at least 0, got ""
line 4: the key is empty
line 5: the volume of C must be a number of at least 0, got "1,000"
line 6: the volume of D must be a number of at least 0, got "-1"
line 7: the volume of E must be a number of at least 0, got "NaN"
`,
		]);
		await writeFile(at('empty.csv'), 'key,volume\n');
		expect((await brownout('tiers empty.csv --top 1')).stderr).toBe(
			'brownout: empty.csv: there is a header but no row\n',
		);
	});

	it('leaves the old file whole when it cannot be replaced', async () => {
		await mkdir(at('tiers.json'));
		const { code, stderr } = await brownout('tiers volumes.csv --top 2 --out tiers.json');
		expect([code, stderr.includes('tiers.json: ')]).toEqual([2, true]);
		expect((await readdir(directory)).sort()).toEqual(['tiers.json', 'volumes.csv']);
	});

	it('exits with 2 and points to the help for a command or an option that does not exist', async () => {
		for (const args of ['teirs', 'tiers', 'tiers volumes.csv', 'tiers volumes.csv --tpo 3']) {
			const { code, stderr } = await brownout(args);
			expect([code, stderr.includes('--help')]).toEqual([2, true]);
		}
		expect((await brownout('--help')).code).toBe(0);
	});
});
