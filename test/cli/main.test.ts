import { execFile } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };

const main = new URL('../../src/cli/main.ts', import.meta.url).pathname;

/** Runs the command as a user would. */
function brownout(args: string, input = ''): Promise<{ code: unknown; stdout: string; stderr: string }> {
	return new Promise((resolve) => {
		const command = [`--import=${import.meta.resolve('tsx')}`, main, ...args.split(' ').filter(Boolean)];
		const child = execFile(process.execPath, command, (error, stdout, stderr) =>
			resolve({ code: error ? error.code : 0, stdout, stderr }),
		);
		child.stdin?.end(input);
	});
}

describe('the command line', { timeout: 60_000 }, () => {
	it.each(['-v', '-V', '--version'])('tells its version with %s', async (flag) =>
		expect(await brownout(flag)).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: '' }),
	);

	it.each([
		['nothing', 'brownout'],
		['tiers', 'brownout tiers'],
		['demo --fast', 'brownout demo'],
		['simulate', 'brownout simulate'],
		['spill nothing', 'brownout spill'],
		['spill inspect', 'brownout spill inspect'],
	])('points to the help of the command that was typed: %s', async (args, command) => {
		const { code, stderr } = await brownout(args);
		expect([code, stderr.split('\n').at(-2)]).toEqual([2, `(${command} --help shows what there is)`]);
	});

	it('counts one thing as one', async () => {
		const { stdout } = await brownout('tiers - --top 1', 'key,volume\nBHP,1\n');
		expect(stdout).toContain('1 key, volume 1\n');
	});

	it('names a directory that cannot be read once, in front of what the system says', async () => {
		expect(await brownout('spill verify /nowhere')).toEqual({
			code: 2,
			stdout: '',
			stderr: "brownout: cannot read /nowhere: ENOENT: no such file or directory, scandir '/nowhere'\n",
		});
	});
});
