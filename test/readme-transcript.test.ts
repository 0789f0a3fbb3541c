import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';

// What one reads first has to be what the programs really print. `UPDATE_TRANSCRIPT=1 npm run test:docs` writes it anew.

const root = new URL('..', import.meta.url);
const readme = new URL('README.md', root);
const folder = new URL(`test/.transcript-${process.pid}/`, root);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('shows in the README what the program in the recipes prints', async () => {
	const recipes = readFileSync(new URL('docs/recipes.md', root), 'utf8');
	const [, program = ''] = recipes.split('## Simulate an overload')[1]?.match(/```ts run\n([\s\S]*?)```/) ?? [];
	expectShown(/(<!-- transcript: begin[^\n]*\n```text\n)([\s\S]*?)(```)/, await printed(program));
});

it('shows below the first program of the README what it prints', async () => {
	const [, program = ''] = readFileSync(readme, 'utf8').match(/```ts run\n([\s\S]*?)```/) ?? [];
	expectShown(/(```ts run\n[\s\S]*?```\n\n```text\n)([\s\S]*?)(```)/, await printed(program));
});

async function printed(program: string): Promise<string> {
	const source = program.replace(/from 'brownout(?:\/([\w-]+))?'/g, (_, entry) =>
		entry === undefined ? "from '../../src/index.js'" : `from '../../src/${entry}/index.js'`,
	);
	mkdirSync(folder, { recursive: true });
	const file = fileURLToPath(new URL('program.ts', folder));
	writeFileSync(file, source);
	const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', file], { cwd: folder });
	return stdout;
}

/** @param shown  what stands before the transcript, the transcript, what stands behind it. */
function expectShown(shown: RegExp, stdout: string): void {
	const text = readFileSync(readme, 'utf8');
	if (process.env.UPDATE_TRANSCRIPT) writeFileSync(readme, text.replace(shown, `$1${stdout}$3`));
	else expect(text.match(shown)?.[2]).toBe(stdout);
}
