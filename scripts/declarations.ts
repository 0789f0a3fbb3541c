import { readdir, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';

/**
 * Lets both formats of every entry share one declaration, so that a type is the same whichever way it was imported, and the
 * package does not say everything twice. Run after the build, which declares CommonJS: an ES module may import that, and
 * not the other way round.
 */
for (const path of await readdir('dist', { recursive: true })) {
	if (!path.endsWith('/index.d.cts') && path !== 'index.d.cts') continue;
	const shared = `./${basename(path, '.d.cts')}.cjs`;
	await writeFile(`dist/${path.replace(/cts$/, 'ts')}`, `export * from '${shared}';\n`);
}
