import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { drawPictures } from './pictures.js';

/** Draws the pictures of the documentation anew: `npm run docs:images`. test/docs-images.test.ts tells when that is due. */
const folder = new URL('../docs/images/', import.meta.url);
await mkdir(folder, { recursive: true });
const drawn = await drawPictures();
for (const file of await readdir(folder)) if (!drawn.has(file)) await rm(new URL(file, folder));
for (const [file, svg] of drawn) {
	await writeFile(new URL(file, folder), svg);
	process.stdout.write(`docs/images/${file} ${svg.length} bytes\n`);
}
