import { open } from 'node:fs/promises';
import type { Stats } from '../../../src/index.js';

/** What the consumers of a course have written down so far. */
export interface Log {
	/** The messages in the order in which they were handled, each run in its own list. */
	readonly runs: readonly (readonly number[])[];
	readonly handled: ReadonlySet<number>;
	readonly levels: readonly string[];
	readonly intake: readonly string[];
	readonly errors: readonly string[];
	/** The last figures of each run. */
	readonly figures: readonly Stats[];
	/** How many consumers have got ready, and how many have ended when they were asked to. */
	readonly ready: number;
	readonly quits: number;
}

/** Reads a log that grows, from where it was left. A missing one is empty. */
export function followLog(path: string): () => Promise<Log> {
	const runs: number[][] = [];
	const figures: Stats[] = [];
	const log = {
		runs,
		figures,
		handled: new Set<number>(),
		levels: [] as string[],
		intake: [] as string[],
		errors: [] as string[],
	};
	let ready = 0;
	let quits = 0;
	let position = 0;
	let rest = '';
	const take = (kind: string, text: string): void => {
		if (kind === 'B') runs.push([]);
		else if (kind === 'R') ready++;
		else if (kind === 'Q') quits++;
		else if (kind === 'L') log.levels.push(text);
		else if (kind === 'I') log.intake.push(text);
		else if (kind === 'E') log.errors.push(text);
		else if (kind === 'S') figures[runs.length - 1] = JSON.parse(text) as Stats;
		else if (kind === 'P') {
			runs.at(-1)?.push(Number(text));
			log.handled.add(Number(text));
		}
	};
	return async () => {
		const file = await open(path).catch(() => undefined);
		if (file !== undefined) {
			const { buffer } = await file.read({ buffer: Buffer.alloc((await file.stat()).size - position), position });
			await file.close();
			position += buffer.length;
			const lines = (rest + buffer.toString('latin1')).split('\n');
			// Whatever comes after the last line break is being written.
			rest = lines.pop() ?? '';
			for (const line of lines) take(line.slice(0, 1), line.slice(2));
		}
		return { ...log, ready, quits };
	};
}
