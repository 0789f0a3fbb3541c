import { readFile, writeFile } from 'node:fs/promises';
import { withReference } from './reference-of-metrics.js';

/** Writes the tables of docs/metrics.md anew: `npm run docs:metrics`. test/metrics/reference.test.ts tells when that is due. */
const page = new URL('../docs/metrics.md', import.meta.url);
await writeFile(page, withReference(await readFile(page, 'utf8')));
