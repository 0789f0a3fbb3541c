import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { drawPictures } from '../scripts/pictures.js';

const docs = new URL('../docs/', import.meta.url);
const committed = readdirSync(new URL('images/', docs)).sort();

describe('the pictures of the documentation', async () => {
	const drawn = await drawPictures();

	it('are those that are drawn, and no others', () => expect(committed).toEqual([...drawn.keys()].sort()));

	it.each(committed)('%s shows what is simulated today; if not: npm run docs:images', (file) => {
		// A difference of a drawing is no reading; that there is one says enough.
		expect(readFileSync(new URL(`images/${file}`, docs), 'utf8') === drawn.get(file)).toBe(true);
	});

	it.each(committed)('%s is shown on a page', (file) => {
		const pages = readdirSync(docs).filter((name) => name.endsWith('.md'));
		const shows = pages.filter((page) => readFileSync(new URL(page, docs), 'utf8').includes(`](images/${file})`));
		expect(shows).not.toEqual([]);
	});
});
