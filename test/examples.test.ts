import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

/** The arguments with which an example is short enough for a test. */
const ARGUMENTS: Readonly<Record<string, readonly string[]>> = { 'demo.ts': ['--quick'] };

const root = fileURLToPath(new URL('..', import.meta.url));
const examples = readdirSync(`${root}examples`).filter((name) => name.endsWith('.ts'));

describe('the examples', () => {
	it.each(examples)('%s runs from the sources and prints what it shows', async (name) => {
		const parameters = ['--import', 'tsx', `examples/${name}`, ...(ARGUMENTS[name] ?? [])];
		const { stdout } = await promisify(execFile)(process.execPath, parameters, { cwd: root, timeout: 50_000 });
		expect(stdout).not.toBe('');
	});
});
