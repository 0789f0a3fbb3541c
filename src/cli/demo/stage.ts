import { createLogUpdate } from 'log-update';
import pc from 'picocolors';
import { wrapWords } from './format.js';
import { type Colors, WIDTH } from './layout.js';
import type { Moment } from './moment.js';
import { panel, statusLine } from './panel.js';

/** Where a demo is shown. */
export interface Stage {
	/** Something moves in place. Else there are only lines, one below the other, without escape codes. */
	readonly live: boolean;
	readonly colors: Colors;
	heading(text: string): void;
	/** A paragraph of the narrator. @param indent default 2 */
	tell(text: string, indent?: number): void;
	/** A line as it is. */
	line(text: string): void;
	/** Shows a moment: all of it where something moves, else the gist of it in a line. */
	show(moment: Moment): void;
	/** Shows all of a moment where `show` does not. */
	look(moment: Moment): void;
	/** The last moment stays where it is. */
	end(): void;
}

/** Live where a person watches; plain lines in a pipe, a log, a dumb terminal, or where NO_COLOR is set. */
export function createStage(out: NodeJS.WriteStream, env: NodeJS.ProcessEnv): Stage {
	return out.isTTY && !env.NO_COLOR && env.TERM !== 'dumb' ? liveStage(out) : plainStage(out);
}

function liveStage(out: NodeJS.WriteStream): Stage {
	const colors = pc.createColors(true);
	const update = createLogUpdate(out);
	let last: readonly string[] = [];
	// What is told scrolls away above; the panel stays below.
	const print = (text: string) => {
		update.persist(text);
		if (last.length > 0) update(last.join('\n'));
	};
	return {
		live: true,
		colors,
		heading: (text) => print(`\n${colors.bold(text)}`),
		tell: (text, indent = 2) => print(paragraph(text, indent)),
		line: print,
		show(moment) {
			last = ['', ...panel(moment, colors)];
			update(last.join('\n'));
		},
		look: () => undefined,
		end() {
			last = [];
			update.done();
		},
	};
}

function plainStage(out: NodeJS.WriteStream): Stage {
	const colors = pc.createColors(false);
	const print = (text: string) => {
		out.write(`${text}\n`);
	};
	return {
		live: false,
		colors,
		heading: (text) => print(`\n${text}`),
		tell: (text, indent = 2) => print(paragraph(text, indent)),
		line: print,
		show: (moment) => print(statusLine(moment)),
		look: (moment) => print(['', ...panel(moment, colors), ''].map((line) => line.trimEnd()).join('\n')),
		end: () => undefined,
	};
}

function paragraph(text: string, indent: number): string {
	return wrapWords(text, WIDTH - indent)
		.map((line) => ' '.repeat(indent) + line)
		.join('\n');
}
