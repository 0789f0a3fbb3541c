import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { setImmediate as breathe, setTimeout as sleep } from 'node:timers/promises';
import { end } from './generator-process.js';
import { createInbox } from './inbox.js';
import type { LoadSource } from './source.js';

/** The consumer makes room for the pipe, the checks and the picture this often. */
const SLICE_MS = 10;
const IDLE_MS = 2;
const FINISH_WITHIN_MS = 10_000;

/** Messages come through a pipe into a bounded queue of this process. @param most  how many wait here at most. */
export function pipeSource(generator: ChildProcess, most: number): LoadSource {
	const exited = once(generator, 'exit');
	const inbox = createInbox(generator.stdout as Readable, most);
	let consumed: Promise<void> = Promise.resolve();
	return {
		where: 'through a pipe into a queue of this process',
		lag: inbox.length,
		// What waits is in this process.
		fallsWhilePaused: true,
		intake: inbox.intake,
		async start(shedder, handle, failed) {
			const wrapped = shedder.wrap(handle);
			const consume = async () => {
				while (!inbox.over()) {
					const untilMs = performance.now() + SLICE_MS;
					for (let message = inbox.take(); message !== undefined; ) {
						await wrapped(message);
						message = performance.now() < untilMs ? inbox.take() : undefined;
					}
					await (inbox.length() > 0 ? breathe() : sleep(IDLE_MS));
				}
			};
			consumed = consume().catch(failed);
		},
		counts: () => ({ arrived: inbox.arrived(), waiting: inbox.length() }),
		async finish() {
			generator.stdin?.end();
			await Promise.race([Promise.all([consumed, exited]), sleep(FINISH_WITHIN_MS, undefined, { ref: false })]);
			return { report: inbox.report(), left: inbox.length() };
		},
		close: () => end(generator),
	};
}
