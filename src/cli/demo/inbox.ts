import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Intake } from '../../index.js';
import type { Message } from './feed.js';
import type { GeneratorReport } from './generator.js';

/**
 * Messages between the pipe and the handler. While it is full, or the intake is paused, nobody reads the pipe; then the pipe
 * is full too, and the generator waits.
 *
 * @param most  how many messages wait here at most, besides those of the chunk that was read last.
 */
export function createInbox(pipe: Readable, most: number) {
	const lines = createInterface({ input: pipe });
	let waiting: Message[] = [];
	let taken = 0;
	let arrived = 0;
	let paused = false;
	let reading = true;
	let ended = false;
	let report: GeneratorReport | undefined;

	const length = () => waiting.length - taken;
	const flow = () => {
		const read = !paused && length() < most;
		if (ended || read === reading) return;
		reading = read;
		if (read) lines.resume();
		else lines.pause();
	};
	lines.on('line', (line) => {
		const item = JSON.parse(line) as Message | GeneratorReport;
		if ('sent' in item) report = item;
		else {
			waiting.push(item);
			arrived++;
			flow();
		}
	});
	lines.once('close', () => {
		ended = true;
	});
	const intake: Intake = {
		pause() {
			paused = true;
			flow();
		},
		resume() {
			paused = false;
			flow();
		},
	};
	return {
		intake,
		length,
		/** Messages so far. */
		arrived: () => arrived,
		/** Nothing more will come, and nothing waits. */
		over: () => ended && length() === 0,
		/** What the generator said at its end. */
		report: () => report,
		take(): Message | undefined {
			const message = waiting[taken];
			if (message === undefined) return undefined;
			taken++;
			if (taken > 1_000 && taken * 2 > waiting.length) {
				waiting = waiting.slice(taken);
				taken = 0;
			}
			flow();
			return message;
		},
	};
}
