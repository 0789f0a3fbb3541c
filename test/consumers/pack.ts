import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
	interface ProvidedContext {
		/** The path of the packed package, as it would be published. */
		readonly tarball: string;
		/** The paths in it. */
		readonly packed: readonly string[];
	}
}

/** Packs what was built, once for all tests of the package. */
export default function setup(project: TestProject): () => void {
	const { root } = project.config;
	if (!existsSync(join(root, 'dist'))) throw new Error('There is no dist to pack: run `npm run build` first.');
	const folder = mkdtempSync(join(tmpdir(), 'brownout-packed-'));
	const parameters = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
	const answer = execFileSync('npm', parameters, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
	const [{ filename, files }] = JSON.parse(answer) as [{ filename: string; files: { path: string }[] }];
	project.provide('tarball', join(folder, filename));
	project.provide(
		'packed',
		files.map(({ path }) => path),
	);
	return () => rmSync(folder, { recursive: true });
}
