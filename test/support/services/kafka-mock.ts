import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Service } from './find.js';
import { guardOf } from './instance.js';

const READY_MS = 10_000;

/**
 * The mock cluster inside of kcat, a consumer that reads a topic of its own. It says where it listens in what it logs.
 *
 * @throws ENOENT where kcat is not installed.
 */
export async function startMock(): Promise<Service> {
	const parameters = ['-C', '-b', 'mock', '-t', 'brownout', '-X', 'test.mock.num.brokers=1', '-d', 'mock'];
	const child = spawn('kcat', parameters, { stdio: ['ignore', 'ignore', 'pipe'] });
	await Promise.race([once(child, 'spawn'), once(child, 'error').then(([error]) => Promise.reject(error))]);
	const gone = once(child, 'exit');
	const directory = await mkdtemp(join(tmpdir(), 'brownout-kcat-'));
	// It ends when this process does, however that ends.
	const guard = guardOf(child, directory);
	const stop = async (): Promise<void> => {
		child.kill('SIGKILL');
		await gone;
		guard.kill('SIGKILL');
		await rm(directory, { recursive: true, force: true });
	};
	const timer = setTimeout(() => child.kill('SIGKILL'), READY_MS);
	try {
		const url = await new Promise<string>((resolve, reject) => {
			let log = '';
			child.once('exit', () => reject(new Error(`kcat ended and did not say where it listens:\n${log}`)));
			// Read for as long as it runs: it logs every request.
			child.stderr.on('data', (chunk: Buffer) => {
				if (log.length < 10_000) log += chunk;
				const [, found] = /bootstrap\.servers=([\d.]+:\d+)/.exec(log) ?? [];
				if (found !== undefined) resolve(found);
			});
		});
		return { url, stop };
	} finally {
		clearTimeout(timer);
	}
}
