import { readdir, readFile, writeFile } from 'node:fs/promises';
import { build } from 'esbuild';
import manifest from '../package.json' with { type: 'json' };

/**
 * Writes the licences of the libraries that the build bundles, as they ask for: `dist/THIRD-PARTY-NOTICES.txt`.
 * Run after the build; what is bundled is read from the bundler itself.
 */
const entries = (await readdir('src', { recursive: true })).flatMap((path) =>
	/^[^/]+\/index\.ts$/.test(path) ? `src/${path}` : [],
);
const { metafile } = await build({
	entryPoints: ['src/index.ts', 'src/cli/main.ts', 'src/dashboard/page/page.ts', ...entries],
	bundle: true,
	platform: 'node',
	format: 'esm',
	outdir: 'dist',
	write: false,
	metafile: true,
	// As in the build itself: a user installs these; what bundles the page stays here.
	external: [...Object.keys(manifest.peerDependencies), '@colors/colors', 'esbuild'],
});

const folders = new Set(
	Object.keys(metafile.inputs).flatMap((path) => path.match(/^.*node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0] ?? []),
);

/** The libraries under each text, so that thirty of them do not say the same thirty times: names with their copyright. */
const holders = new Map<string, { readonly text: string; readonly names: string[] }>();
for (const folder of [...folders].sort()) {
	const { name, version, license } = JSON.parse(await readFile(`${folder}/package.json`, 'utf8'));
	const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
	if (file === undefined) throw new Error(`${name} ${version} (${license}) is bundled and has no licence file`);
	const lines = (await readFile(`${folder}/${file}`, 'utf8')).split(/\r?\n/).map((line) => line.trim());
	const isCopyright = (line: string) => /^copyright (?!notice|holder)/i.test(line);
	const isTitle = (line: string) => /^\(?(the )?(mit|isc) licen[cs]e( \(mit\))?\)?$/i.test(line);
	const text = lines
		.filter((line) => !isCopyright(line) && !isTitle(line))
		.join('\n')
		.trim();
	const copyright = lines.filter(isCopyright);
	if (copyright.length === 0) throw new Error(`${name} ${version} (${license}) is bundled and names no holder`);
	const key = `${license} ${text.replace(/\s+/g, ' ').toLowerCase()}`;
	const group = holders.get(key) ?? { text: `${license} licence\n\n${text}`, names: [] };
	group.names.push([`${name} ${version}`, ...copyright].join('\n  '));
	holders.set(key, group);
}
const notices = [...holders.values()].map(({ text, names }) => `${names.join('\n')}\n\n${text}\n`);
await writeFile('dist/THIRD-PARTY-NOTICES.txt', notices.join(`\n${'-'.repeat(80)}\n\n`));
