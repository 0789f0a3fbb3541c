import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';

// What one reads first has to be what the program really prints. `UPDATE_TRANSCRIPT=1 npm run test:docs` writes it anew.

const root = new URL('..', import.meta.url);
const folder = new URL(`test/.transcript-${process.pid}/`, root);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('shows in the README what the program in the recipes prints', async () => {
	const recipes = readFileSync(new URL('docs/recipes.md', root), 'utf8');
	const [, program = ''] = recipes.split('## Simulate an overload')[1]?.match(/```ts run\n([\s\S]*?)```/) ?? [];
	const source = program
		.replace("from 'brownout/testing'", "from '../../src/testing/index.js'")
		.replace("from 'brownout'", "from '../../src/index.js'");
	mkdirSync(folder, { recursive: true });
	writeFileSync(new URL('program.ts', folder), source);
	const { stdout } = await promisify(execFile)(process.execPath, [
		'--import',
		'tsx',
		fileURLToPath(new URL('program.ts', folder)),
	]);

	const readme = new URL('README.md', root);
	const text = readFileSync(readme, 'utf8');
	const shown = /(<!-- transcript: begin[^\n]*\n```text\n)([\s\S]*?)(```)/;
	if (process.env.UPDATE_TRANSCRIPT) writeFileSync(readme, text.replace(shown, `$1${stdout}$3`));
	else expect(text.match(shown)?.[2]).toBe(stdout);
});
