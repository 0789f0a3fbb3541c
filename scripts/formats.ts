import { readdir, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';

/**
 * Lets both formats of every entry share one declaration and one copy of the code, so that a type and a class are the same
 * whichever way they were imported, and the package does not say everything twice. Run after the build, which makes ES
 * modules and declares CommonJS: an ES module may import such a declaration, and not the other way round; CommonJS may
 * require an ES module that awaits nothing at its top level, as from Node 20.19 and 22.12 on.
 */
for (const path of await readdir('dist', { recursive: true })) {
	if (!path.endsWith('/index.d.cts') && path !== 'index.d.cts') continue;
	const name = basename(path, '.d.cts');
	await writeFile(`dist/${path.replace(/cts$/, 'ts')}`, `export * from './${name}.cjs';\n`);
	await writeFile(`dist/${path.replace(/d\.cts$/, 'cjs')}`, `module.exports = require('./${name}.js');\n`);
}
