import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const pom = fileURLToPath(new URL('./pom.xml', import.meta.url));
/** 43 MB over a slow line. */
const DOWNLOAD_MS = 600_000;

/**
 * Apache Kafka as jars, which Maven brings once: they are kept in the user's cache, in one directory per text of pom.xml.
 *
 * @returns the directory.
 * @throws ENOENT where Maven is not installed; else what Maven said.
 */
export async function kafkaJars(): Promise<string> {
	const version = createHash('sha256')
		.update(await readFile(pom))
		.digest('hex')
		.slice(0, 12);
	const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'brownout-kafka');
	const jars = join(cache, version);
	if (await exists(jars)) return jars;
	await mkdir(cache, { recursive: true });
	const coming = await mkdtemp(join(cache, 'coming-'));
	try {
		const goal = ['-q', '-B', '-f', pom, 'dependency:copy-dependencies'];
		await promisify(execFile)('mvn', [...goal, '-DincludeScope=runtime', `-DoutputDirectory=${coming}`], {
			timeout: DOWNLOAD_MS,
		});
		// Whole or not at all. Another process may have been faster; then its directory stands in the way of ours.
		await rename(coming, jars).catch(async (error: unknown) => {
			if (!(await exists(jars))) throw error;
		});
		return jars;
	} finally {
		await rm(coming, { recursive: true, force: true });
	}
}

const exists = (path: string) =>
	access(path).then(
		() => true,
		() => false,
	);
