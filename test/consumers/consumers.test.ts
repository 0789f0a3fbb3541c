import { execFile } from 'node:child_process';
import { cpSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';

const COMPILERS = { '5.9': 'typescript', 6: 'typescript-6', 7: 'typescript-7' };

const root = fileURLToPath(new URL('../..', import.meta.url));

describe.each(['module', 'commonjs'])('a project of type %s', (type) => {
	const folder = mkdtempSync(join(tmpdir(), `brownout-${type}-`));
	afterAll(() => rmSync(folder, { recursive: true }));

	beforeAll(async () => {
		cpSync(new URL('project', import.meta.url), folder, { recursive: true });
		writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type }));
		await run('npm', 'install', '--prefer-offline', '--ignore-scripts', inject('tarball'));
	});

	it('gets at most 4 packages and 1 MB by installing brownout', () => {
		const lock = readFileSync(join(folder, 'node_modules/.package-lock.json'), 'utf8');
		const { packages } = JSON.parse(lock) as { packages: object };
		const files = readdirSync(join(folder, 'node_modules'), { recursive: true, encoding: 'utf8' });
		const sizes = files.map((path) => lstatSync(join(folder, 'node_modules', path))).filter((stat) => stat.isFile());
		expect(Object.keys(packages).length).toBeLessThanOrEqual(4);
		expect(sizes.reduce((sum, { size }) => sum + size, 0)).toBeLessThanOrEqual(1_000_000);
	});

	it.each(Object.entries(COMPILERS))('compiles with TypeScript %s, and runs', async (version, name) => {
		expect(await compiler(name, '--version')).toContain(`Version ${version}`);
		await compiler(name, '-p', 'tsconfig.json', '--outDir', name);
		expect(await run(process.execPath, `${name}/consumer.js`)).toBe('BHP critical at SOFT\n');
	});

	it('has the command', async () => {
		expect(await run(join(folder, 'node_modules/.bin/brownout'), '--help')).toContain('Usage: brownout');
	});

	it('can simulate, and is told what to install before it can draw', async () => {
		writeFileSync(join(folder, 'lag.csv'), 't,lag,heap\n0,0,0.4\n15,200000,0.4\n30,0,0.4\n');
		const command = [join(folder, 'node_modules/.bin/brownout'), 'simulate', 'lag.csv'] as const;
		expect(await run(...command)).toContain('NORMAL -> SOFT');
		await expect(run(...command, '--svg', 'lag.svg')).rejects.toThrow('npm install @observablehq/plot linkedom');
	});

	it('can use brownout/testing without a test runner', async () => {
		await compiler('typescript', '-p', 'tsconfig.testing.json', '--outDir', 'testing');
		expect(await run(process.execPath, 'testing/testing.js')).toMatch(/^\d+ ms\n$/);
	});

	function compiler(name: string, ...parameters: string[]): Promise<string> {
		return run(process.execPath, join(root, 'node_modules', name, 'bin/tsc'), ...parameters);
	}

	/** Runs a command in the project; what it printed, or an error with what it printed. */
	async function run(command: string, ...parameters: string[]): Promise<string> {
		const env = { ...process.env, NO_COLOR: '1' };
		try {
			return (await promisify(execFile)(command, parameters, { cwd: folder, env })).stdout;
		} catch (error) {
			const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
			throw new Error(`${command} ${parameters.join(' ')} failed:\n${stdout}${stderr}`, { cause: error });
		}
	}
});
