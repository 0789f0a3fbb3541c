import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/**
 * Compiles a script as the package is, because a TypeScript loader's output is slower: it names every closure it meets.
 *
 * @param entry  path of the script, from this folder.
 * @returns path of what was compiled.
 */
export async function compile(entry: string): Promise<string> {
	const outfile = fileURLToPath(new URL(`results/${basename(entry, '.ts')}.mjs`, import.meta.url));
	const entryPoints = [fileURLToPath(new URL(entry, import.meta.url))];
	await build({ entryPoints, outfile, bundle: true, packages: 'external', format: 'esm', target: 'node20' });
	return outfile;
}
