import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

// A link of README, CHANGELOG and docs that stays in the repository leads to a file that is there, and to one of its headings.

const root = fileURLToPath(new URL('..', import.meta.url));
const pages = readdirSync(`${root}docs`, { recursive: true, encoding: 'utf8' })
	.filter((path) => path.endsWith('.md'))
	.map((path) => join('docs', path));

it.each(['README.md', 'CHANGELOG.md', ...pages])('the links of %s lead somewhere', (page) => {
	const links = [...textOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
	expect(links.filter((link) => !/^[a-z]+:/.test(link) && !leadsSomewhere(page, link))).toEqual([]);
});

function leadsSomewhere(page: string, link: string): boolean {
	const [path, heading] = link.split('#');
	const target = path ? join(dirname(page), path) : page;
	if (!existsSync(root + target)) return false;
	return heading === undefined || headingsOf(target).includes(heading);
}

/** As GitHub makes them: `## What "nothing lost" means` is `what-nothing-lost-means`. */
function headingsOf(page: string): string[] {
	const headings = [...textOf(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading.toLowerCase());
	return headings.map((heading) => heading.replace(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-'));
}

/** Without its code. */
function textOf(page: string): string {
	return readFileSync(root + page, 'utf8').replace(/```[\s\S]*?```/g, '');
}
