/**
 * Plays the story of a user on other runtimes, with the package as it would be published: `npm run test:runtimes`.
 * They come from npm, into a folder of their own; Linux on x64 only.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '../..');
const folder = mkdtempSync(join(tmpdir(), 'brownout-runtimes-'));
const npm = (...parameters: string[]) =>
	execFileSync('npm', parameters, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

try {
	for (const file of ['story.mjs', 'package.json', 'package-lock.json']) cpSync(join(here, file), join(folder, file));
	const [{ filename }] = JSON.parse(npm('pack', root, '--json', '--ignore-scripts')) as [{ filename: string }];
	npm('ci', '--ignore-scripts');
	npm('install', '--no-save', '--ignore-scripts', `./${filename}`, 'fast-check@4', 'prom-client@15');
	const of = (path: string) => join(folder, 'node_modules', path);
	const runtimes = [
		['this Node', process.execPath],
		['Node 22', of('node-22/bin/node')],
		['Node 24', of('node-24/bin/node')],
		['Bun', of('bun/bin/bun')],
		['Deno', of('deno/deno'), 'run', '--allow-all'],
	] as const;
	for (const [name, command, ...parameters] of runtimes) {
		const version = spawnSync(command, ['--version'], { encoding: 'utf8' }).stdout.split('\n')[0];
		console.log(`\n${name}: ${version}`);
		const { status } = spawnSync(command, [...parameters, 'story.mjs'], {
			cwd: folder,
			stdio: 'inherit',
			timeout: 300_000,
		});
		if (status !== 0) process.exitCode = 1;
	}
} finally {
	rmSync(folder, { recursive: true, force: true });
}
