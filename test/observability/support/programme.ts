import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Service } from '../../support/services.js';

/** A programme of the PATH as a service that needs no stopping, for `describeWith`. @throws ENOENT when it is missing. */
export async function answersTo(file: string, ...args: readonly string[]): Promise<Service> {
	await promisify(execFile)(file, args, { timeout: 20_000 });
	return { url: file, stop: async () => {} };
}
