import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Asks again every 20 ms until `holds` is true, for conditions of real servers and processes.
 *
 * @param holds a throw counts as "not yet".
 * @throws after `timeoutMs` (default 20 s), with the last error as its cause.
 */
export async function until(what: string, holds: () => boolean | Promise<boolean>, timeoutMs = 20_000): Promise<void> {
	const endMs = performance.now() + timeoutMs;
	for (;;) {
		let cause: unknown;
		try {
			if (await holds()) return;
		} catch (error) {
			cause = error;
		}
		if (performance.now() > endMs) throw new Error(`${what}: not within ${timeoutMs} ms`, { cause });
		await sleep(20);
	}
}
