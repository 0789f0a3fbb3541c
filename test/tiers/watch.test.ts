import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { bindRegistry, createTierRegistry, type TierRegistry } from '../../src/core/tier-registry.js';
import { defineTiers } from '../../src/core/tiers.js';
import { TierFileError, type TiersWatch, type WatchTiersOptions, watchTiers } from '../../src/tiers-file/index.js';

const json = (...keys: string[]) =>
	JSON.stringify({
		tiers: [
			{ name: 'tier1', priority: 'critical', keys },
			{ name: 'tier2', priority: 'high', keys: [] },
		],
		fallback: { name: 'rest', priority: 'normal' },
	});

let directory: string;
let registry: TierRegistry;
let errors: TierFileError[];
let watches: TiersWatch[];

/** A timer that is fired by hand. */
const manual = { run: () => {}, periodMs: 0, cancelled: 0 };
const clock: WatchTiersOptions['clock'] = {
	every(periodMs, run) {
		Object.assign(manual, { run, periodMs });
		return () => {
			manual.cancelled += 1;
		};
	},
};

beforeEach(async () => {
	directory = await mkdtemp(join(tmpdir(), 'brownout-tiers-'));
	registry = createTierRegistry(defineTiers(JSON.parse(json('OLD'))));
	errors = [];
	watches = [];
	manual.cancelled = 0;
});
afterEach(async () => {
	for (const watch of watches) watch.close();
	await rm(directory, { recursive: true });
});

const at = (name: string) => join(directory, name);
async function watching(file: string, options: WatchTiersOptions = {}): Promise<TiersWatch> {
	const watch = await watchTiers(registry, file, { clock, onError: (error) => errors.push(error), ...options });
	watches.push(watch);
	return watch;
}
/** Two looks: the first meets a change, the second finds it settled. */
async function settle(watch: TiersWatch): Promise<boolean> {
	expect(await watch.check()).toBe(false);
	return watch.check();
}
const tierOf = (...keys: string[]) => keys.map((key) => registry.current.tierOf(key));

describe('what becomes of a file', () => {
	it('is counted by the registry, also when nothing of it could be read, until the file says what is in force', async () => {
		await writeFile(at('tiers.json'), json('NEW'));
		const watch = await watching(at('tiers.json'));
		expect(registry.reloads).toEqual({ ok: 1, failed: 0, failing: false });
		await writeFile(at('tiers.json'), '{ "tiers": [');
		await settle(watch);
		expect(registry.reloads).toEqual({ ok: 1, failed: 1, failing: true });
		await watch.check();
		expect(registry.reloads.failed, 'the same problem is one').toBe(1);
		await writeFile(at('tiers.json'), '{ "tiers": 7 }');
		await settle(watch);
		await rm(at('tiers.json'));
		await settle(watch);
		expect(registry.reloads).toEqual({ ok: 1, failed: 3, failing: true });
		await writeFile(at('tiers.json'), json('NEW'));
		await settle(watch);
		expect(registry.reloads, 'in force all the time').toEqual({ ok: 1, failed: 3, failing: false });
		await writeFile(at('tiers.json'), json('NEWER'));
		await settle(watch);
		expect(registry.reloads).toEqual({ ok: 2, failed: 3, failing: false });
	});
});

describe('a watched JSON file', () => {
	it('is in force when the watch begins', async () => {
		await writeFile(at('tiers.json'), json('BHP'));
		const watch = await watching(at('tiers.json'));
		expect([registry.version, ...tierOf('BHP', 'OLD'), watch.error]).toEqual([2, 'tier1', 'rest', null]);
	});

	it('T4: is in force again, without a restart, once a change has settled', async () => {
		await writeFile(at('tiers.json'), json('BHP'));
		const watch = await watching(at('tiers.json'));
		await writeFile(at('tiers.json'), json('CBA'));
		expect(await watch.check()).toBe(false);
		expect(tierOf('CBA')).toEqual(['rest']);
		expect(await watch.check()).toBe(true);
		expect([registry.version, ...tierOf('CBA', 'BHP')]).toEqual([3, 'tier1', 'rest']);
		expect(await watch.check()).toBe(false);
		expect(registry.version).toBe(3);
	});

	it('is followed through replacements by rename, again and again', async () => {
		await writeFile(at('tiers.json'), json('A'));
		const watch = await watching(at('tiers.json'));
		for (const key of ['B', 'C', 'D']) {
			await writeFile(at('tiers.json.tmp'), json(key));
			await rename(at('tiers.json.tmp'), at('tiers.json'));
			expect(await settle(watch)).toBe(true);
			expect(tierOf(key)).toEqual(['tier1']);
		}
		expect(registry.version).toBe(5);
	});

	it('is followed through the swapped symbolic link of a Kubernetes ConfigMap', async () => {
		for (const [version, key] of [
			['..1', 'A'],
			['..2', 'B'],
		] as const) {
			await mkdir(at(version));
			await writeFile(at(`${version}/tiers.json`), json(key));
		}
		await symlink('..1', at('..data'));
		await symlink('..data/tiers.json', at('tiers.json'));
		const watch = await watching(at('tiers.json'));
		expect(tierOf('A', 'B')).toEqual(['tier1', 'rest']);

		await symlink('..2', at('..data_tmp'));
		await rename(at('..data_tmp'), at('..data'));
		expect(await settle(watch)).toBe(true);
		expect(tierOf('A', 'B')).toEqual(['rest', 'tier1']);
	});

	it('is noticed even if size and times stay the same', async () => {
		await writeFile(at('tiers.json'), json('A'));
		await utimes(at('tiers.json'), 1, 1);
		const watch = await watching(at('tiers.json'));
		await writeFile(at('tiers.json'), json('B'));
		await utimes(at('tiers.json'), 1, 1);
		expect(await settle(watch)).toBe(true);
		expect(tierOf('B')).toEqual(['tier1']);
	});

	it('does not raise the version when it is written again or only looks different', async () => {
		await writeFile(at('tiers.json'), json('A', 'B'));
		const watch = await watching(at('tiers.json'));
		const same = [
			json('A', 'B'),
			json('B', 'A', 'B'),
			`\uFEFF${JSON.stringify(JSON.parse(json('A', 'B')), null, '\t')}`,
		];
		for (const text of same) {
			await writeFile(at('tiers.json'), text);
			expect(await settle(watch)).toBe(false);
		}
		expect([registry.version, errors]).toEqual([2, []]);
	});

	it('does not raise the version when it says what the registry already holds', async () => {
		await writeFile(at('tiers.json'), json('OLD'));
		await watching(at('tiers.json'));
		expect(registry.version).toBe(1);
	});

	it('raises the version for a priority or a name that has changed alone', async () => {
		await writeFile(at('tiers.json'), json('A'));
		const watch = await watching(at('tiers.json'));
		await writeFile(at('tiers.json'), json('A').replace('high', 'low'));
		expect(await settle(watch)).toBe(true);
		await writeFile(at('tiers.json'), json('A').replace('high', 'low').replace('rest', 'others'));
		expect(await settle(watch)).toBe(true);
		expect(registry.version).toBe(4);
	});

	it('leaves tiers alone that were put into the registry by other means, until it changes', async () => {
		await writeFile(at('tiers.json'), json('A'));
		const watch = await watching(at('tiers.json'));
		registry.replace(JSON.parse(json('HAND')));
		expect(await settle(watch)).toBe(false);
		expect(tierOf('HAND')).toEqual(['tier1']);
		await writeFile(at('tiers.json'), json('B'));
		expect(await settle(watch)).toBe(true);
		expect(tierOf('HAND', 'B')).toEqual(['rest', 'tier1']);
	});
});

describe('what is wrong with a watched file', () => {
	it('is not judged while it is being written', async () => {
		await writeFile(at('tiers.json'), json('A'));
		const watch = await watching(at('tiers.json'));
		const whole = json('B');
		for (let length = 0; length < whole.length; length += 7) {
			await writeFile(at('tiers.json'), whole.slice(0, length));
			expect(await watch.check()).toBe(false);
		}
		await writeFile(at('tiers.json'), whole);
		expect(await settle(watch)).toBe(true);
		expect([errors, tierOf('B')]).toEqual([[], ['tier1']]);
	});

	it('leaves the old tiers in force, is heard once, and is over when the file is right again', async () => {
		await writeFile(at('tiers.json'), json('A'));
		const watch = await watching(at('tiers.json'));
		await writeFile(at('tiers.json'), json('B').slice(0, 40));
		for (let look = 0; look < 4; look++) expect(await watch.check()).toBe(false);
		expect([registry.version, ...tierOf('A')]).toEqual([2, 'tier1']);
		expect(errors).toHaveLength(1);
		expect(watch.error).toBe(errors[0]);
		expect(watch.error).toMatchObject({ name: 'TierFileError', code: 'TIER_FILE', file: at('tiers.json') });
		expect(watch.error?.message).toContain(`${at('tiers.json')}: `);
		expect(watch.error?.cause).toBeInstanceOf(SyntaxError);

		await writeFile(at('tiers.json'), json('A'));
		expect(await settle(watch)).toBe(false);
		expect([watch.error, registry.version]).toEqual([null, 2]);
	});

	it('is heard with every problem of its tiers', async () => {
		await writeFile(at('tiers.json'), json('A'));
		const watch = await watching(at('tiers.json'));
		await writeFile(at('tiers.json'), '{ "tiers": [{ "name": "a", "priority": "p", "keys": "BHP" }] }');
		await settle(watch);
		expect(errors.map(({ message }) => message)).toEqual([
			`${at('tiers.json')}: invalid tiers (3 problems):\n` +
				'tiers[0].keys: "BHP" must be a list of strings\n' +
				'fallback.name: undefined must be a unique, non-empty string\n' +
				'fallback.priority: undefined must be a non-empty string',
		]);
	});

	it('may be a priority that a bound ladder does not have', async () => {
		await writeFile(at('tiers.json'), json('A'));
		const watch = await watching(at('tiers.json'));
		bindRegistry(registry, 'the ladder', ['critical', 'high', 'normal']);
		await writeFile(at('tiers.json'), json('B').replace('critical', 'urgent'));
		await settle(watch);
		expect(errors[0]?.message).toContain('tiers[0].priority: "urgent" must be a priority of the ladder');
		expect(tierOf('A')).toEqual(['tier1']);
	});

	it('may be that it has gone, and it is followed when it comes back', async () => {
		await writeFile(at('tiers.json'), json('A'));
		const watch = await watching(at('tiers.json'));
		await rm(at('tiers.json'));
		await settle(watch);
		expect(errors.map(({ message }) => message)).toEqual([
			`${at('tiers.json')}: cannot be read: ENOENT: no such file or directory, stat '${at('tiers.json')}'`,
		]);
		await writeFile(at('tiers.json'), json('B'));
		expect(await settle(watch)).toBe(true);
		expect(watch.error).toBe(null);
	});

	it('may be its size, its kind or its encoding', async () => {
		await writeFile(at('tiers.json'), json('A'));
		const watch = await watching(at('tiers.json'), { maxBytes: 500 });
		await writeFile(at('tiers.json'), json('B'.repeat(500)));
		await settle(watch);
		await rm(at('tiers.json'));
		await mkdir(at('tiers.json'));
		await settle(watch);
		await rm(at('tiers.json'), { recursive: true });
		await writeFile(at('tiers.json'), Buffer.from(json('B'), 'utf16le').subarray(0, 499));
		await settle(watch);
		await writeFile(at('tiers.json'), Buffer.from([0x22, 0xff, 0x22]));
		await settle(watch);
		const [size, kind, , encoding] = errors.map(({ message }) => message);
		expect(errors).toHaveLength(4);
		expect(size).toMatch(/: \d{3} bytes are more than maxBytes, 500$/);
		expect(kind).toMatch(/: not a regular file$/);
		expect(encoding).toContain('The encoded data was not valid for encoding utf-8');
		expect(registry.version).toBe(2);
	});

	it('is a clear rejection at the start, and the registry keeps its tiers', async () => {
		await expect(watching(at('none.json'))).rejects.toThrow(`${at('none.json')}: cannot be read: ENOENT`);
		await writeFile(at('tiers.json'), '{');
		await expect(watching(at('tiers.json'))).rejects.toBeInstanceOf(TierFileError);
		expect([registry.version, ...tierOf('OLD'), errors]).toEqual([1, 'tier1', []]);
	});

	it('does not include a subscriber that throws: the swap stands, and the error is heard', async () => {
		await writeFile(at('tiers.json'), json('A'));
		const watch = await watching(at('tiers.json'));
		registry.subscribe(() => {
			throw new Error('no room');
		});
		await writeFile(at('tiers.json'), json('B'));
		expect(await settle(watch)).toBe(true);
		expect([watch.error, ...tierOf('B')]).toEqual([null, 'tier1']);
		expect(errors.map(({ message }) => message)).toEqual([
			`${at('tiers.json')}: in force, but a subscriber threw: no room`,
		]);
	});

	it('becomes a warning of the process when nobody listens or the listener throws', async () => {
		const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
		try {
			for (const onError of [
				undefined,
				() => {
					throw new Error('no listener');
				},
			]) {
				await writeFile(at('tiers.json'), json('A'));
				const watch = await watching(at('tiers.json'), { onError });
				await rm(at('tiers.json'));
				await settle(watch);
			}
			expect(warned.mock.calls.map(([warning]) => String(warning))).toEqual([
				expect.stringContaining('tiers.json: cannot be read: ENOENT'),
				'onError of watchTiers threw: no listener',
			]);
		} finally {
			warned.mockRestore();
		}
	});
});

describe('a watched CSV file', () => {
	it('distributes keys between the tiers that the registry has', async () => {
		await writeFile(
			at('tiers.csv'),
			'\uFEFFNote, Key ,TIER\n"x, y",BHP,tier1\n\n,"A,B",tier2\n,TLS,rest\n,BHP,tier2\n',
		);
		const watch = await watching(at('tiers.csv'));
		expect(tierOf('BHP', 'A,B', 'TLS', 'OLD')).toEqual(['tier1', 'tier2', 'rest', 'rest']);
		expect(registry.current.priorityOf('A,B')).toBe('high');
		await writeFile(at('tiers.csv'), 'key,tier\nCBA,tier1\n');
		expect(await settle(watch)).toBe(true);
		expect([registry.version, ...tierOf('CBA', 'BHP')]).toEqual([3, 'tier1', 'rest']);
	});

	it.each([
		[';', 'A,B'],
		['\t', 'A;B'],
		[',', 'A;B'],
	])('may have %j between its cells, and the others in its keys', async (delimiter, key) => {
		const rows = [
			['Key', '"a; note"', 'Tier'],
			[key, 'x', 'tier1'],
			['BHP', '', 'tier2'],
		];
		await writeFile(at('tiers.csv'), `\uFEFF${rows.map((row) => row.join(delimiter)).join('\r\n')}\r\n`);
		await watching(at('tiers.csv'));
		expect(tierOf(key, 'BHP')).toEqual(['tier1', 'tier2']);
	});

	it('does not lose keys by being cut off after a whole line', async () => {
		await writeFile(at('tiers.csv'), 'key,tier\nBHP,tier1\nCBA,tier1\n');
		const watch = await watching(at('tiers.csv'));
		await writeFile(at('tiers.csv'), 'key,tier\nBHP,tier1\n');
		expect(await watch.check()).toBe(false);
		expect(tierOf('CBA')).toEqual(['tier1']);
		await writeFile(at('tiers.csv'), 'key,tier\nBHP,tier1\nCBA,tier2\n');
		expect(await settle(watch)).toBe(true);
		expect(tierOf('CBA')).toEqual(['tier2']);
	});

	it.each([
		['', 'line 1: a header with the columns "key" and "tier" is needed, got ""'],
		['key|tier\nBHP|tier1\n', 'line 1: a header with the columns "key" and "tier" is needed, got "key|tier"'],
		['key,tier\n', 'there is a header but no key'],
		['key,tier\nBHP,tier1\n,tier1\n', 'line 3: the key is empty\n(tiers: tier1, tier2, rest)'],
		['key,tier\n\nBHP,Tier1\n', 'line 3: key "BHP" has the unknown tier "Tier1"\n(tiers: tier1, tier2, rest)'],
		[
			`key,tier\n${'A,x\n'.repeat(8)}`,
			'line 6: key "A" has the unknown tier "x"\nand 3 more\n(tiers: tier1, tier2, rest)',
		],
		['key,tier\nBHP\n', 'Invalid Record Length: columns length is 2, got 1 on line 2'],
		['key,tier\n"BHP,tier1\n', 'Quote Not Closed'],
	])('is refused with the line: %j', async (text, message) => {
		await writeFile(at('tiers.csv'), text);
		await expect(watching(at('tiers.csv'))).rejects.toThrow(message);
		expect(registry.version).toBe(1);
	});

	it('may have any name when the format is given', async () => {
		await writeFile(at('tiers'), 'key,tier\nBHP,tier1\n');
		await watching(at('tiers'), { format: 'csv' });
		expect(tierOf('BHP')).toEqual(['tier1']);
	});
});

describe('the life of a watch', () => {
	it('checks at its interval, 2 s unless it is told otherwise', async () => {
		await writeFile(at('tiers.json'), json('A'));
		const watch = await watching(at('tiers.json'));
		expect(manual.periodMs).toBe(2000);
		await writeFile(at('tiers.json'), json('B'));
		manual.run();
		// Shares the look that the timer has begun.
		await watch.check();
		manual.run();
		expect(await watch.check()).toBe(true);
		await watching(at('tiers.json'), { checkEveryMs: 50 });
		expect(manual.periodMs).toBe(50);
	});

	it('ends with close, for a check under way too', async () => {
		await writeFile(at('tiers.json'), json('A'));
		const watch = await watching(at('tiers.json'));
		await writeFile(at('tiers.json'), json('B'));
		await watch.check();
		const underWay = watch.check();
		watch.close();
		expect(await underWay).toBe(false);
		expect(await watch.check()).toBe(false);
		expect([manual.cancelled, ...tierOf('A')]).toEqual([1, 'tier1']);
	});

	it('refuses options that make no sense', async () => {
		const wrong = { format: 'xml', checkEveryMs: 0, maxBytes: Number.NaN } as unknown as WatchTiersOptions;
		await expect(watching(at('tiers.json'), wrong)).rejects.toThrow(
			[
				'invalid options (3 problems):',
				'format: "xml" must be "json" or "csv"',
				'checkEveryMs: 0 must be a finite number above 0',
				'maxBytes: NaN must be above 0',
			].join('\n'),
		);
	});

	it('does not keep the process alive', { timeout: 60_000 }, async () => {
		await writeFile(at('tiers.json'), json('A'));
		const program = `
			import { createTierRegistry } from './src/core/tier-registry.ts';
			import { defineTiers } from './src/core/tiers.ts';
			import { watchTiers } from './src/tiers-file/index.ts';
			const registry = createTierRegistry(defineTiers({ tiers: [], fallback: { name: 'a', priority: 'b' } }));
			await watchTiers(registry, ${JSON.stringify(at('tiers.json'))});
			console.log('version ' + registry.version);
		`;
		const { status, stdout, stderr } = spawnSync(
			process.execPath,
			['--import', 'tsx', '--input-type=module', '-e', program],
			{ encoding: 'utf8', timeout: 20_000 },
		);
		expect([status, stdout, stderr]).toEqual([0, 'version 2\n', '']);
	});
});
