import { readdir, readFile, writeFile } from 'node:fs/promises';
import { build } from 'esbuild';

/**
 * Writes the licences of the libraries that the build bundles, as they ask for: `dist/THIRD-PARTY-NOTICES.txt`.
 * Run after the build; what is bundled is read from the bundler itself.
 */
const entries = (await readdir('src', { recursive: true })).flatMap((path) =>
	/^[^/]+\/index\.ts$/.test(path) ? `src/${path}` : [],
);
const { metafile } = await build({
	entryPoints: ['src/index.ts', 'src/cli/main.ts', ...entries],
	bundle: true,
	platform: 'node',
	format: 'esm',
	outdir: 'dist',
	write: false,
	metafile: true,
});

const folders = new Set(
	Object.keys(metafile.inputs).flatMap((path) => path.match(/^.*node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0] ?? []),
);

const notices = await Promise.all(
	[...folders].sort().map(async (folder) => {
		const { name, version, license } = JSON.parse(await readFile(`${folder}/package.json`, 'utf8'));
		const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
		if (file === undefined) throw new Error(`${name} ${version} (${license}) is bundled and has no licence file`);
		return `${name} ${version} (${license})\n\n${(await readFile(`${folder}/${file}`, 'utf8')).trim()}\n`;
	}),
);
await writeFile('dist/THIRD-PARTY-NOTICES.txt', notices.join(`\n${'-'.repeat(80)}\n\n`));
