import { execFile } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';

// Each command of these pages prints what stands below it. `UPDATE_TRANSCRIPT=1 npm run test:docs` writes it anew.
const PAGES = { 'simulate.md': 6, 'choosing-thresholds.md': 5, 'why-it-does-not-flap.md': 2 };

const root = fileURLToPath(new URL('..', import.meta.url));
const BLOCK = /```sh\n(npx brownout simulate [\s\S]*?)```\n```text\n([\s\S]*?)```/g;
const picture = `${root}opening.svg`;
afterAll(() => rmSync(picture, { force: true }));

// An hour is simulated in seconds, and in minutes on a machine that has much else to do.
describe.each(Object.entries(PAGES))('docs/%s', { timeout: 240_000 }, (name, count) => {
	const page = `${root}docs/${name}`;
	const blocks = [...readFileSync(page, 'utf8').matchAll(BLOCK)].map(([, command = '', output = '']) => ({
		command,
		output,
	}));

	it('has a command for each of its parts', () => expect(blocks).toHaveLength(count));

	it.each(blocks)('shows what is printed by $command', async ({ command, output }) => {
		const main = `"${process.execPath}" --import tsx src/cli/main.ts`;
		const env = { ...process.env, NO_COLOR: '1' };
		const { stdout, stderr } = await promisify(execFile)('sh', ['-c', command.replace('npx brownout', main)], {
			cwd: root,
			env,
		});
		const printed = `${stderr}${stdout}`;
		if (process.env.UPDATE_TRANSCRIPT) {
			const written = readFileSync(page, 'utf8');
			const from = `\`\`\`sh\n${command}\`\`\`\n\`\`\`text\n`;
			writeFileSync(
				page,
				written.replace(`${from}${output}`, () => `${from}${printed}`),
			);
		} else expect(output).toBe(printed);
	});
});
