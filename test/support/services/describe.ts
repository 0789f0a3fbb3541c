import { afterAll, describe, expect, it } from 'vitest';
import { messageOf, missing, type Service } from './find.js';

/**
 * A suite that needs a server: `await describeWith(redis, 'redisSpill', ({ url }) => { it(...) })` at the top of a file.
 * Without the server, or the programme of a private one, it is shown as skipped. The service is stopped after the suite.
 */
export async function describeWith<S extends Service>(
	service: () => Promise<S | undefined>,
	name: string,
	body: (service: S) => void,
): Promise<void> {
	const found = await service().catch((error: NodeJS.ErrnoException) => {
		if (error.code !== 'ENOENT') throw error;
		return missing(`${name}: ${messageOf(error)}`, error);
	});
	if (found === undefined) {
		describe(name, () => {
			it.skipIf(true)('needs a server that is not here', () => expect.fail('there is no server'));
		});
		return;
	}
	describe(name, () => {
		afterAll(() => found.stop());
		body(found);
	});
}
