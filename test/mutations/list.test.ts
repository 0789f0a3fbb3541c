import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { mutations, rules } from './list.js';

const root = new URL('../../', import.meta.url);
const read = (file: string) => readFileSync(new URL(file, root), 'utf8');

describe('the list of mutations', () => {
	test.each(mutations)(
		'$rule: finds its line in $file: $search',
		({ file, search, replace, test: { file: testFile, name } }) => {
			expect(read(file).split(search)).toHaveLength(2);
			expect(search).not.toContain('\n');
			expect(replace).not.toBe(search);
			// Names are written in the tests with whatever quotes they need.
			expect(read(testFile).replaceAll("\\'", "'").includes(titleOf(name)), `${name} is in ${testFile}`).toBe(true);
		},
	);

	test('every rule has one', () => {
		const broken = new Set(mutations.map(({ rule }) => rule));
		expect(rules.filter((rule) => !broken.has(rule))).toEqual([]);
	});

	test('no two are the same', () => {
		const all = mutations.map(({ file, search, replace, test: { name } }) => `${file} ${search} ${replace} ${name}`);
		expect(new Set(all).size).toBe(all.length);
	});
});

/** Rows of a table are named by it: `refuses %s`. The row's own words are what can be found. */
function titleOf(name: string): string {
	return name.startsWith('R11: refuses ') ? name.slice('R11: refuses '.length) : name;
}
