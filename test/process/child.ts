import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/**
 * Runs TypeScript in a process of its own, for what cannot be done to the process of the tests: loading it fully, limiting
 * its heap, seeing whether it ends by itself.
 *
 * @param script  the body of a module; relative imports start at the root of the project. It reports with `console.log`.
 * @returns what it printed, as JSON.
 * @throws when it fails, or has not ended by itself within 25 s.
 */
export async function inChild<T>(script: string, flags: readonly string[] = []): Promise<T> {
	const args = [...flags, '--import', 'tsx', '--input-type=module', '--eval', script];
	const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 25_000, killSignal: 'SIGKILL' });
	return JSON.parse(stdout) as T;
}

/** For a test that starts a process. */
export const childTimeoutMs = 30_000;
