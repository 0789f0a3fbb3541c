/**
 * The benchmarks. Prints one table per group: CPU time per message, the ratio to the floor, and the goals.
 *
 *     npm run bench -- [--quick] [--check] [--only decide]
 *
 * `--check` exits with 1 when a goal is missed; `--quick` takes a tenth of the time and is that much noisier.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { compile } from './compile.js';
import { type Goal, type Measured, median } from './group.js';
import { groups } from './groups/index.js';
import { peer } from './peers.js';

const { values: options } = parseArgs({
	options: { quick: { type: 'boolean' }, check: { type: 'boolean' }, only: { type: 'string' } },
});
const effort = options.quick ? { processes: 1, rounds: 3, ms: 50 } : { processes: 5, rounds: 5, ms: 80 };

/** One process's measurements: what the compiler made of the code differs from one to the next. */
async function inProcess(script: string, name: string): Promise<readonly Measured[]> {
	const child = fork(script, [name, String(effort.ms), String(effort.rounds)], { execArgv: ['--expose-gc'] });
	const results: (readonly Measured[])[] = [];
	child.on('message', (message) => results.push(message as readonly Measured[]));
	// The channel closes after its last message.
	const [[code]] = await Promise.all([once(child, 'exit'), once(child, 'disconnect')]);
	const [result] = results;
	if (result === undefined) throw new Error(`the group "${name}" ended with ${code} and no result`);
	return result;
}

interface Row {
	readonly name: string;
	/** Of the least disturbed round. */
	readonly ns: number;
	/** The median of all rounds; in each, both were measured one after the other. */
	readonly ratio: number;
	readonly bytes: number | undefined;
	readonly goal: Goal | undefined;
}

async function rowsOf(script: string, name: string): Promise<readonly Row[]> {
	const processes: (readonly Measured[])[] = [];
	for (let i = 0; i < effort.processes; i++) processes.push(await inProcess(script, name));
	const of = (i: number) => processes.map((cases) => cases[i] as Measured);
	return (processes[0] ?? []).map(({ name, goal }, i) => {
		const floor = of(0).flatMap(({ ns }) => ns);
		const own = of(i).flatMap(({ ns }) => ns);
		const bytes = of(i).flatMap((measured) => measured.bytes ?? []);
		return {
			name,
			goal,
			// Others on the machine can only slow a round down; a ratio has to stand for the usual case.
			ns: Math.min(...own),
			ratio: median(own.map((ns, round) => ns / (floor[round] as number))),
			bytes: bytes.length > 0 ? Math.max(...bytes) : undefined,
		};
	});
}

function missed({ ns, ratio, bytes, goal }: Row): boolean {
	const { ratioMax = Infinity, bytesMax = Infinity, perSMin = 0 } = goal ?? {};
	return ratio > ratioMax || (bytes ?? 0) > bytesMax || 1e9 / ns < perSMin;
}

function goalText({ ratioMax, bytesMax, perSMin }: Goal = {}): string {
	return [
		ratioMax !== undefined && `at most ${ratioMax}x`,
		bytesMax !== undefined && `${bytesMax} bytes`,
		perSMin !== undefined && `at least ${perSMin / 1e6} M/s`,
	]
		.filter(Boolean)
		.join(', ');
}

/** Markdown, which reads well in a terminal too. */
function table(rows: readonly Row[], hasFloor: boolean): string {
	const head = ['', 'CPU ns', 'M/s', 'of the floor', 'bytes', 'goal', ''];
	const cells = rows.map((row) => [
		row.name,
		row.ns.toFixed(row.ns < 100 ? 1 : 0),
		(1e3 / row.ns).toPrecision(3),
		hasFloor ? `${row.ratio.toFixed(2)}x` : '',
		row.bytes === undefined ? '' : String(row.bytes),
		goalText(row.goal),
		row.goal === undefined ? '' : missed(row) ? 'MISSED' : 'kept',
	]);
	const widths = head.map((title, i) => Math.max(title.length, ...cells.map((line) => line[i]?.length ?? 0)));
	const right = (i: number) => i > 0 && i < 5;
	const line = (texts: readonly string[]) =>
		`| ${texts.map((text, i) => (right(i) ? text.padStart(widths[i] ?? 0) : text.padEnd(widths[i] ?? 0))).join(' | ')} |`;
	const rule = `|${widths.map((width, i) => `${'-'.repeat(width + 1)}${right(i) ? ':' : '-'}`).join('|')}|`;
	return [line(head), rule, ...cells.map(line)].join('\n');
}

const names = options.only === undefined ? Object.keys(groups) : [options.only];
const unknown = names.find((name) => groups[name] === undefined);
if (unknown !== undefined) throw new Error(`--only ${unknown}: must be one of ${Object.keys(groups).join(', ')}`);

console.log(`Node ${process.version}, ${availableParallelism()} cores, ${process.platform} ${process.arch}`);
if ((await peer('cockatiel')) === undefined)
	console.log('The libraries compared with are not installed: `npm run bench:peers` installs them.');

const script = await compile('measure.ts');
let failures = 0;
for (const name of names) {
	const rows = await rowsOf(script, name);
	failures += rows.filter(missed).length;
	console.log(
		`\n### ${groups[name]?.title}\n\n${groups[name]?.about}.\n\n${table(rows, groups[name]?.hasFloor ?? true)}`,
	);
}
console.log(failures === 0 ? '\nEvery goal is kept.' : `\n${failures} goals are missed.`);
if (options.check && failures > 0) process.exitCode = 1;
