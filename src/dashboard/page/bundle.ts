import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Assets } from './asset.js';

const folder = fileURLToPath(new URL('.', import.meta.url));

/** Makes the files of the page, with the chart library in them, so that it needs nothing from elsewhere. Not in the package. */
export async function bundlePage(): Promise<Assets> {
	const { outputFiles } = await build({
		...{ entryPoints: [`${folder}page.ts`, `${folder}page.css`], outdir: 'page', write: false },
		...{ bundle: true, minify: true, format: 'esm', target: 'es2022', legalComments: 'none' },
	});
	const types: Readonly<Record<string, string>> = { js: 'text/javascript', css: 'text/css' };
	const files = outputFiles.map(({ path, text }) => {
		const name = basename(path);
		return [name, { type: `${types[name.split('.')[1] ?? '']}; charset=utf-8`, text }] as const;
	});
	const text = await readFile(`${folder}index.html`, 'utf8');
	return new Map([['', { type: 'text/html; charset=utf-8', text }], ...files]);
}
