import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseHTML } from 'linkedom';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { namesOf } from '../../src/cli/simulate/names-of.js';
import { load } from '../../src/cli/simulate/picture.js';

const main = new URL('../../src/cli/main.ts', import.meta.url).pathname;
const library = new URL('../../src/index.ts', import.meta.url).pathname;
const directory = mkdtempSync(join(tmpdir(), 'brownout-simulate-'));
const at = (name: string) => join(directory, name);

const spec = {
	priorities: { protected: 'critical', sheddable: ['normal'] },
	features: ['enrichment'],
	signals: { lag: { recoverBelow: 0.5 } },
	levels: [
		{ name: 'NORMAL' },
		{ name: 'LEAN', enterAt: { lag: 1000 }, disable: ['enrichment'] },
		{ name: 'ESSENTIAL', enterAt: { lag: 5000 }, shed: { normal: 'spill' } },
	],
	cooldownMs: 30_000,
};

beforeAll(() => {
	const write = (name: string, text: string) => writeFileSync(at(name), text);
	write('plain.json', JSON.stringify(spec));
	write('gradual.json', JSON.stringify({ ...spec, gradual: true }));
	write(
		'ladder.ts',
		`import { defineLadder } from '${library}';\nexport default defineLadder(${JSON.stringify(spec)});\n`,
	);
	write('wrong.json', JSON.stringify({ ...spec, cooldownMs: -1 }));
	write('nothing.mjs', 'export const ladder = 1;\n');
	const points = Array.from({ length: 121 }, (_, i) => ({ t: i * 15, lag: i > 40 && i < 60 ? 6000 : 100, load: 600 }));
	write('lag.csv', `t,lag\n${points.map(({ t, lag }) => `${t},${lag}`).join('\n')}\n`);
	write('rate.csv', `t,rate\n${points.map(({ t, load }) => `${t},${load}`).join('\n')}\n`);
	const values = points.map(({ t, lag }) => [1_763_371_800 + t, String(lag)]);
	const metric = { __name__: 'kafka_consumergroup_lag', topic: 'quotes' };
	write(
		'prometheus.json',
		JSON.stringify({ status: 'success', data: { resultType: 'matrix', result: [{ metric, values }] } }),
	);
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Runs the command as a user would, in a directory of its own. */
function brownout(args: readonly string[], input = ''): Promise<{ code: unknown; stdout: string; stderr: string }> {
	return new Promise((resolve) => {
		const command = [`--import=${import.meta.resolve('tsx')}`, main, 'simulate', ...args];
		const env = { ...process.env, NO_COLOR: '1' };
		const child = execFile(process.execPath, command, { cwd: directory, env }, (error, stdout, stderr) =>
			resolve({ code: error ? error.code : 0, stdout, stderr }),
		);
		child.stdin?.end(input);
	});
}
const words = (line: string) => line.split(' ');

// Each test starts processes, which takes seconds, and minutes on a machine that has much else to do.
describe('brownout simulate', { timeout: 240_000, concurrent: false }, () => {
	it('tells how a recording moves a ladder', async () => {
		expect(await brownout(words('lag.csv --ladder plain.json'))).toEqual({
			code: 0,
			stderr: '',
			stdout: `lag.csv: 30 min in 121 points: lag

plain (open loop, recorded signals)
4 moves, no flap, ends at NORMAL

  ESSENTIAL ·····················████████████·······························
  LEAN      ·····················▒░░░░░░░░░░▒█······························
  NORMAL    █████████████████████▒░░░░░░░░░░░▒██████████████████████████████
            00:00:00                                                00:30:00

  00:10:04  ▲ NORMAL -> LEAN     lag 1.67K reached 1K
  00:10:14  ▲ LEAN -> ESSENTIAL  lag 5.61K reached 5K
  00:15:24  ▼ ESSENTIAL -> LEAN  lag 100 below 2.5K
  00:15:30  ▼ LEAN -> NORMAL     lag 100 below 500

┌───────────┬─────────────┬─────────┐
│ level     │        time │   share │
├───────────┼─────────────┼─────────┤
│ NORMAL    │ 24 min 34 s │  81.9 % │
│ LEAN      │        16 s │ 0.889 % │
│ ESSENTIAL │  5 min 10 s │  17.2 % │
└───────────┴─────────────┴─────────┘

* Open loop: the recording does not react to what the ladder does, so this shows when the ladder
  moves, not how the service recovers.
`,
		});
	});

	it('closes the loop with a capacity, and compares ladders', async () => {
		const { code, stdout } = await brownout(
			words('rate.csv --capacity 500 --ladder plain.json --ladder gradual.json --share critical=0.02'),
		);
		expect(code).toBe(0);
		expect(stdout).toContain('│                   │  plain │ gradual │\n');
		expect(stdout).toMatch(/│ flaps +│ +[1-9]\d* │ +0 │\n/);
		expect(stdout).toMatch(/│ protected late +│ +0 % │ +0 % │\n/);
		expect(stdout).toContain('\ngradual\n  ESSENTIAL ');
	});

	it('tells ladders from files of the same name apart', async () => {
		for (const version of ['v1', 'v2']) {
			mkdirSync(at(version));
			writeFileSync(at(`${version}/ladder.json`), JSON.stringify({ ...spec, gradual: version === 'v2' }));
		}
		const args = 'rate.csv --capacity 500 --ladder v1/ladder.json --ladder v2/ladder.json --max-protected-late-pct 0';
		const { stdout } = await brownout(words(args));
		expect(stdout).toContain('│                   │ v1/ladder │ v2/ladder │\n');
		expect(stdout).toContain('\nv2/ladder\n  ESSENTIAL ');
		const { stdout: json } = await brownout(words(`${args} --json`));
		expect(JSON.parse(json).runs.map(({ ladder }: { ladder: string }) => ladder)).toEqual(['v1/ladder', 'v2/ladder']);
		const { stderr } = await brownout(words(`${args} --map cpu=1`));
		expect(stderr).toContain('--map: "cpu" must be a signal of v1/ladder, v2/ladder (lag), rate or capacity');
	});

	it('compares market-data and recommended in a closed loop, the latter made for the SLO', async () => {
		const { code, stdout } = await brownout(words('rate.csv --capacity 500 --slo 20s'));
		expect(code).toBe(0);
		expect(stdout).toContain('│ market-data │ recommended │\n');
		const told = 'recommended is made for the SLO of 20 s (--slo). Protected messages older than 19.8 s skip to live';
		expect(stdout.replace(/\s+/g, ' ')).toContain(told);
	});

	it('skips to live when it is told to', async () => {
		const args = words('rate.csv --capacity 50 --share critical=0.9 --ladder recommended --json');
		const spilledOf = async (...more: string[]) => {
			const { stdout } = await brownout([...args, ...more]);
			return JSON.parse(stdout).runs[0].messages[0].spilled;
		};
		expect(await spilledOf()).toBeGreaterThan(0);
		expect(await spilledOf('--skip-to-live', '1d')).toBe(0);
	});

	it('takes the ladder whose signals were recorded', async () => {
		const recorded = 't,lagMs\n0,0\n15,2000\n30,2000\n';
		const { stdout } = await brownout(words('- --slo 10s'), recorded);
		expect(stdout).toContain('recommended (open loop, recorded signals)');
		expect(stdout).toContain('lagMs 1.87 s reached 1.8 s\n');
		const named = await brownout(words('- --ladder recommended --slo 20s'), recorded);
		expect(named.stdout).toContain('0 moves');
	});

	it('reads a Prometheus range query from standard input, with dates', async () => {
		const { code, stdout } = await brownout(
			['-', '--ladder', 'plain.json', '--map', 'lag=kafka_consumergroup_lag{topic="quotes"}', '--moves', '1'],
			readFileSync(at('prometheus.json'), 'utf8'),
		);
		expect(code).toBe(0);
		expect(stdout).toContain('-: 30 min in 121 points, 17 Nov 09:30:00 to 17 Nov 10:00:00 UTC: ');
		expect(stdout).toContain(
			'  17 Nov 09:40:04  ▲ NORMAL -> LEAN  lag 1.67K reached 1K\n  and 3 more; --moves 4 shows all\n',
		);
	});

	it('takes a module, and prints JSON', async () => {
		const { code, stdout } = await brownout(words('lag.csv --ladder ladder.ts --json'));
		const { runs, exceeded } = JSON.parse(stdout);
		expect([code, runs[0].ladder, runs[0].transitions.length, runs[0].loop, exceeded]).toEqual([
			0,
			'ladder',
			4,
			'signals',
			[],
		]);
	});

	it('proposes thresholds, with the fragment to copy, and compares', async () => {
		const { code, stdout } = await brownout(words('lag.csv --ladder plain.json --suggest'));
		expect(code).toBe(0);
		const [, fragment = ''] = /suggested for plain\n\n([\s\S]*?\n {2}\})\n/.exec(stdout) ?? [];
		expect(JSON.parse(fragment).levels.map(({ name }: { name: string }) => name)).toEqual(['LEAN', 'ESSENTIAL']);
		expect(stdout).toMatch(/│ +│ +plain │ suggested │/);
	});

	it('exits with 1 and says what was exceeded', async () => {
		const args =
			'rate.csv --capacity 500 --ladder plain.json --ladder gradual.json --max-flaps 0 --max-protected-shed 0';
		const { code, stderr } = await brownout(words(`${args} --max-protected-late-pct 0`));
		expect([code, stderr.replace(/\d+,/, 'N,')]).toEqual([1, 'brownout: plain: flaps N, more than --max-flaps 0\n']);
	});

	it('exits with 1 when nothing protected is handled in time because nothing is handled', async () => {
		const closed = 'rate.csv --capacity 500 --heap base=0.96,perMessage=0 --ladder recommended --svg paused.svg';
		const { code, stdout, stderr } = await brownout(words(`${closed} --max-protected-late-pct 0`));
		const late = '99.92 % of the protected late';
		expect(stdout).toContain(`, ${late}\n`);
		expect(stdout).toContain(', the oldest 29 min 58 s (SLO 10 s), ');
		expect(stderr).toBe(`brownout: recommended: ${late}, more than --max-protected-late-pct 0\n`);
		expect(code).toBe(1);
		expect(readFileSync(at('paused.svg'), 'utf8')).toContain(late);
	});

	it('judges no limit while a signal with thresholds was unknown all the time, and exits with 2', async () => {
		const mapped = "--map 'lag=...' names a series, or a number that stands for it, --capacity models the service";
		const said = 'so its thresholds were not tried and no limit can be judged';
		const recorded = 't,heap,rate\n0,0.4,5\n15,0.4,5\n30,0.4,5\n';
		const blind = await brownout(words('- --max-flaps 0 --json'), recorded);
		const line = `market-data: lag is not in the recording, ${said}; ${mapped}`;
		expect([blind.code, blind.stderr]).toEqual([2, `brownout: ${line}\n`]);
		expect(JSON.parse(blind.stdout)).toMatchObject({ exceeded: [], undecided: [line] });

		const empty = await brownout(words('- --max-flaps 0'), 't,lag,heap\n0,,0.4\n15,,0.4\n30,,0.4\n');
		expect(empty.stderr).toContain(`market-data: lag has no reading in the recording, ${said}; `);
		expect(empty.code).toBe(2);

		const closed = await brownout(words('- --capacity 500 --max-flaps 0 --ladder market-data'), 't,rate\n0,5\n15,5\n');
		expect(closed.stderr).toContain(
			`market-data: heap is not in the recording, ${said}; --map 'heap=...' names a series`,
		);
		expect(closed.code).toBe(2);
	});

	it('takes a number for a signal that there is none of, and needs it only where a limit is to be judged', async () => {
		const recorded = 't,heap\n0,0.4\n15,0.4\n30,0.4\n';
		expect((await brownout(words('- --max-flaps 0 --map lag=0'), recorded)).code).toBe(0);
		expect((await brownout(words('-'), recorded)).code).toBe(0);
	});

	it('says what is wrong with a signal that is a column of text', async () => {
		const { code, stderr } = await brownout(['-'], 't,lag,heap\n0,"1,000",0.4\n15,"2,000",0.4\n');
		expect([code, stderr]).toEqual([
			2,
			'brownout: market-data: invalid trace (1 problem):\nline 2: lag "1,000" must be a number\n',
		]);
	});

	it('draws an SVG with every level and signal, and a PNG', async () => {
		const { code } = await brownout(words('rate.csv --capacity 250 --ladder plain.json --svg out.svg --png out.png'));
		expect(code).toBe(0);
		const svg = readFileSync(at('out.svg'), 'utf8');
		const { document } = parseHTML(svg);
		const texts = [...document.querySelectorAll('text')].map(({ textContent }) => textContent);
		for (const text of ['plain', 'lag', 'level', 'messages per second', 'waiting in the spill', 'minutes'])
			expect(texts).toContain(text);
		for (const text of ['NORMAL', 'LEAN', 'ESSENTIAL']) expect(svg).toContain(text);
		expect(svg).not.toMatch(/NaN|undefined|Infinity/);
		expect(svg.length).toBeLessThan(200_000);
		const png = readFileSync(at('out.png'));
		expect(png.subarray(1, 4).toString()).toBe('PNG');
		expect(png.readUInt32BE(16)).toBe(2000);
	});

	it.each([
		['nothing.csv', "nothing.csv: ENOENT: no such file or directory, open 'nothing.csv'"],
		['lag.csv --ladder nothing.json', "nothing.json: ENOENT: no such file or directory, open 'nothing.json'"],
		['lag.csv --ladder nothing.mjs', 'nothing.mjs: it has no default export: say `export default` before the ladder'],
		[
			'lag.csv --ladder nothing',
			'--ladder: "nothing" must be market-data, recommended, a .json file, or a .mjs, .js or .ts module',
		],
		['lag.csv --ladder wrong.json', 'wrong.json: invalid ladder (1 problem):\ncooldownMs: -1 must be '],
		[
			'rate.csv --ladder plain.json',
			"plain: none of its signals (lag) was recorded: --map 'lag=...' names a series, or --capacity closes the loop; there are rate",
		],
		[
			'lag.csv --capacity 5',
			"--capacity needs a series rate, messages per second: --map 'rate=...' names it; there are lag",
		],
		[
			'lag.csv --map lag=nope',
			'lag.csv: invalid map (1 problem):\nmap.lag: "nope" must be a series of the recording; there are lag',
		],
		[
			'lag.csv --map lga=5 --ladder plain.json --ladder recommended',
			'--map: "lga" must be a signal of plain, recommended (lag, ageMs, lagMs, heap), rate or capacity',
		],
		['lag.csv --spill-max 5', '--spill-max needs --capacity: without a model of the service nothing reacts'],
		['rate.csv --capacity 5 --cost full=2', '--cost: "full" must be one of lean, spill, drop'],
		[
			'lag.csv --ladder plain.json --svg nowhere/x.svg',
			"nowhere/x.svg: ENOENT: no such file or directory, open 'nowhere/x.svg'",
		],
	])('exits with 2 for %s', async (args, message) => {
		const { code, stderr } = await brownout(words(args));
		expect(stderr).toContain(`brownout: ${message}`);
		expect(code).toBe(2);
	});

	it('exits with 2 for a flag that cannot be read', async () => {
		const { code, stderr } = await brownout(words('lag.csv --slo soon'));
		expect(stderr).toContain(
			"option '--slo <duration>' argument 'soon' is invalid. It must be a duration such as 500ms, 10s or 2min.",
		);
		expect(code).toBe(2);
	});
});

describe('the names of candidates', () => {
	it.each([
		[
			['a.json', './x/b.mjs', 'recommended'],
			['a', 'b', 'recommended'],
		],
		[
			['v1/ladder.json', 'v2/ladder.json', 'v2/other.json'],
			['v1/ladder', 'v2/ladder', 'other'],
		],
		[
			['a/v1/ladder.json', 'b/v1/ladder.json', 'ladder.ts'],
			['a/v1/ladder', 'b/v1/ladder', 'ladder'],
		],
		[
			['/tmp/ladder.json', '../ladder.json'],
			['tmp/ladder', '../ladder'],
		],
		[
			['new/recommended.json', 'recommended'],
			['new/recommended', 'recommended'],
		],
		[
			['recommended.json', 'recommended'],
			['recommended.json', 'recommended'],
		],
		[
			['v1/ladder.json', 'v1/ladder.ts', 'v2/ladder.ts'],
			['v1/ladder.json', 'v1/ladder.ts', 'v2/ladder'],
		],
		[
			['a.json', './a.json'],
			['a', 'a'],
		],
	])('are, for %j, %j', (sources, names) => expect(namesOf(sources)).toEqual(names));
});

describe('a library that draws', () => {
	const missing = () =>
		Promise.reject(Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' }));

	it('is asked for by name when it is not installed', async () => {
		await expect(load('--svg', missing)).rejects.toThrow(
			'--svg draws with libraries that are not installed: npm install @observablehq/plot linkedom',
		);
		await expect(load('--png', missing)).rejects.toThrow('npm install @observablehq/plot linkedom @resvg/resvg-js');
	});
});
