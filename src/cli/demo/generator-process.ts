import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Ends the other process, and resolves when it is gone: until then it may send, and so make anew what is being removed. */
export async function end(generator: ChildProcess): Promise<void> {
	if (generator.exitCode !== null || generator.signalCode !== null) return;
	const exited = once(generator, 'exit');
	generator.kill();
	await exited;
}
