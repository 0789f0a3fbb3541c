import Table from 'cli-table3';
import colors from 'picocolors';
import type { Ladder } from '../../index.js';
import type { Simulation, Suggestion, Trace } from '../../simulate/index.js';
import { counted } from '../counted.js';
import { compact, wrapWords } from '../demo/format.js';
import { DATES_FROM_MS, duration, moment, reading, share } from './format.js';

export interface Run {
	readonly name: string;
	readonly ladder: Ladder;
	readonly result: Simulation;
}

/** Columns of the staircase, and of the text that runs on. */
const STAIRS = 64;
const WIDTH = 100;

/** What was read, in a line. */
export function traceLine(source: string, { timesMs, series }: Trace): string {
	const from = timesMs[0] ?? 0;
	const to = timesMs[timesMs.length - 1] ?? 0;
	const dates = from >= DATES_FROM_MS ? `, ${moment(from)} to ${moment(to)} UTC` : '';
	const points = timesMs.length.toLocaleString('en-US');
	return `${source}: ${duration(to - from)} in ${points} points${dates}: ${Object.keys(series).join(', ')}\n`;
}

/** Everything about one ladder. */
export function runText({ name, result }: Run, movesMax: number): string {
	return [
		heading(name, result),
		stairs(result),
		moves(result, movesMax),
		levels(result),
		messages(result),
		service(result),
		notes(result.notes),
	]
		.filter((part) => part !== '')
		.join('\n');
}

/** A proposal: the fragment to copy, and why. */
export function suggestionText(name: string, { fragment, reasons, refused }: Suggestion): string {
	const list = (lines: readonly string[], sign: string) =>
		lines.flatMap((line) => wrapWords(line, WIDTH - 4).map((part, i) => `  ${i === 0 ? sign : ' '} ${part}`));
	return [
		`${colors.bold('suggested')} for ${name}`,
		'',
		...fragmentLines(fragment).map((line) => `  ${line}`),
		'',
		...list(reasons, '*'),
		...list(
			refused.map((line) => `${line}. It keeps its numbers.`),
			'-',
		),
		'',
	].join('\n');
}

/** As JSON, a level a line. */
function fragmentLines({ signals, levels, cooldownMs }: Suggestion['fragment']): string[] {
	const rows = (entries: readonly string[]) =>
		entries.map((row, i) => `    ${row}${i < entries.length - 1 ? ',' : ''}`);
	return [
		'{',
		'  "signals": {',
		...rows(Object.entries(signals).map(([name, policy]) => `${JSON.stringify(name)}: ${JSON.stringify(policy)}`)),
		'  },',
		'  "levels": [',
		...rows(levels.map((level) => JSON.stringify(level))),
		'  ],',
		`  "cooldownMs": ${cooldownMs}`,
		'}',
	];
}

/** Several ladders side by side, then where each stood when. */
export function comparisonText(runs: readonly Run[]): string {
	const table = plainTable(
		['', ...runs.map(({ name }) => name)],
		runs.map((_, i) => i + 1),
	);
	for (const [label, tell] of factsFor(runs)) table.push([label, ...runs.map(({ result }) => tell(result))]);
	const stories = runs.map(({ name, result }) => `\n${colors.bold(name)}\n${stairs(result)}`).join('');
	const all = [...new Set(runs.flatMap(({ result }) => result.notes))];
	return `${table.toString()}\n${stories}\n${notes(all)}`;
}

type Fact = readonly [label: string, tell: (result: Simulation) => string];

/** What is compared: what any run tells, with a rate what became of the messages, in a closed loop how long they waited. */
function factsFor(runs: readonly Run[]): readonly Fact[] {
	const [first = ''] = runs[0]?.result.levels ?? [];
	const any: Fact[] = [
		['moves', ({ transitions }) => String(transitions.length)],
		['flaps', ({ flaps }) => (flaps > 0 ? colors.red(String(flaps)) : '0')],
		['ends at', ({ endLevel }) => endLevel],
		[
			`time above ${first}`,
			({ levels, timeInLevelMs, fromMs, toMs }) =>
				share(1 - (timeInLevelMs[levels[0] as string] as number) / (toMs - fromMs || 1)),
		],
		[
			'worst level',
			({ levels, timeInLevelMs }) => levels.findLast((level) => (timeInLevelMs[level] as number) > 0) ?? first,
		],
	];
	const treated = (['lean', 'spilled', 'dropped'] as const).map(
		(key): Fact => [`messages ${key}`, (result) => share(sum(result, key) / (sum(result, 'offered') || 1))],
	);
	const closed: Fact[] = [
		['protected late', ({ protectedLate }) => share(protectedLate)],
		['oldest message', ({ service }) => duration(service?.ageMsPeak ?? 0)],
		['lag peak', ({ service }) => compact(service?.lagPeak ?? 0)],
		['spill peak', ({ service }) => compact(service?.spillPeak ?? 0)],
		['spill empty again', drained],
	];
	return [
		...any,
		...(runs.some(({ result }) => result.messages.length > 0) ? treated : []),
		...(runs.some(({ result }) => result.service !== null) ? closed : []),
	];
}

function heading(name: string, result: Simulation): string {
	const { loop, transitions, flaps, endLevel, protectedShed, service } = result;
	const kind = loop === 'signals' ? 'open loop, recorded signals' : 'closed loop, a model of the service';
	const facts = [
		counted(transitions.length, 'move'),
		flaps > 0 ? colors.red(counted(flaps, 'flap')) : colors.green('no flap'),
		`ends at ${endLevel}`,
		...(result.messages.length > 0 ? [`${compact(protectedShed)} protected messages shed`] : []),
		...(service === null
			? []
			: [
					result.protectedLate > 0
						? colors.yellow(`${share(result.protectedLate)} of the protected late`)
						: 'none of the protected late',
				]),
	];
	return `${colors.bold(name)} ${colors.dim(`(${kind})`)}\n${facts.join(', ')}\n`;
}

/** The level over time, one line a level. */
function stairs(result: Simulation): string {
	const { levels, fromMs, toMs } = result;
	const visited = visitsOver(result, STAIRS);
	const width = Math.max(...levels.map((level) => level.length));
	const paint = [colors.green, colors.yellow, colors.yellow, colors.red, colors.magenta];
	const lines = levels
		.map((level, i) => {
			const bar = visited.map((seen) => signOf(i, seen)).join('');
			const tint = paint[Math.min(i, paint.length - 1)] as (text: string) => string;
			return `  ${level.padEnd(width)} ${bar.replace(/█+/g, tint)}`;
		})
		.reverse();
	const [from, to] = [moment(fromMs), moment(toMs)];
	const axis = `  ${' '.repeat(width)} ${from}${to.padStart(STAIRS - from.length)}`;
	return `${lines.join('\n')}\n${colors.dim(axis)}\n`;
}

/** The highest level of a stretch, one that was visited too, one that lies below, one that was not reached. */
function signOf(level: number, seen: ReadonlySet<number>): string {
	const highest = Math.max(...seen);
	return level === highest ? '█' : seen.has(level) ? '▒' : level < highest ? '░' : '·';
}

/** The levels that were in force in each of so many equal stretches of time. */
function visitsOver({ levels, transitions, fromMs, toMs }: Simulation, columns: number): ReadonlySet<number>[] {
	const visited = Array.from({ length: columns }, () => new Set<number>());
	const column = (ms: number) => Math.min(columns - 1, Math.floor(((ms - fromMs) / (toMs - fromMs || 1)) * columns));
	const stay = (sinceMs: number, untilMs: number, level: number) => {
		for (let i = column(sinceMs); i <= column(untilMs); i++) visited[i]?.add(level);
	};
	let level = 0;
	let sinceMs = fromMs;
	for (const { atMs, to } of transitions) {
		stay(sinceMs, atMs, level);
		level = levels.indexOf(to);
		sinceMs = atMs;
	}
	stay(sinceMs, toMs, level);
	return visited;
}

function moves({ transitions }: Simulation, max: number): string {
	const shown = transitions.slice(0, max);
	if (shown.length === 0) return '';
	const width = Math.max(...shown.map(({ from, to }) => from.length + to.length + 4));
	const lines = shown.map(({ atMs, from, to, direction, causes, why }) => {
		const up = direction === 'escalate';
		// What is unknown all the time is told once, below.
		const known = causes.filter(({ reading: value }) => !Number.isNaN(value));
		const reasons = known.map(
			({ signal, reading: value, threshold }) =>
				`${signal} ${reading(signal, value)} ${up ? 'reached' : 'below'} ${reading(signal, threshold)}`,
		);
		const move = `${from} -> ${to}`.padEnd(width);
		const arrow = up ? colors.yellow('▲') : colors.green('▼');
		return `  ${moment(atMs)}  ${arrow} ${move}  ${reasons.join(', ') || why}`;
	});
	const rest = transitions.length - lines.length;
	if (rest > 0) lines.push(colors.dim(`  and ${rest} more; --moves ${transitions.length} shows all`));
	return `${lines.join('\n')}\n`;
}

function levels({ levels, timeInLevelMs, fromMs, toMs, pausedMs }: Simulation): string {
	const table = plainTable(['level', 'time', 'share'], [1, 2]);
	for (const level of levels) {
		const ms = timeInLevelMs[level] as number;
		table.push([level, ms > 0 ? duration(ms) : '-', share(ms / (toMs - fromMs || 1))]);
	}
	const paused = pausedMs > 0 ? `intake was paused for ${duration(pausedMs)}\n` : '';
	return `${table.toString()}\n${paused}`;
}

const COLUMNS = ['full', 'lean', 'spilled', 'rejected', 'dropped', 'waiting', 'replayed', 'late'] as const;

function messages({ messages, loop }: Simulation): string {
	if (messages.length === 0) return '';
	const used = COLUMNS.filter((column) => messages.some((row) => row[column] > 0));
	const named = (column: string) => (column === 'waiting' && loop === 'signals' ? 'held back' : column);
	const table = plainTable(['priority', 'offered', ...used.map(named)], [1, ...used.map((_, i) => i + 2)]);
	for (const row of messages) {
		table.push([
			row.priority,
			...(['offered', ...used] as const).map((key) => (row[key] > 0 ? compact(row[key]) : '-')),
		]);
	}
	return `${table.toString()}\n`;
}

function service(result: Simulation): string {
	if (result.service === null) return '';
	const { lagPeak, ageMsPeak, sloMs, spillPeak, heapPeak, utilisation, waitingAtEnd, drainedAtMs } = result.service;
	const late = ageMsPeak > sloMs ? colors.yellow(duration(ageMsPeak)) : duration(ageMsPeak);
	const lines = [
		`  lag       peak ${compact(lagPeak)} messages, the oldest ${late} (SLO ${duration(sloMs)}), ${compact(waitingAtEnd)} at the end`,
		`  spill     ${spillPeak > 0 ? `peak ${compact(spillPeak)} messages, ${drainedAtMs === null ? '' : 'empty again '}${drained(result)}` : 'not needed'}`,
		...(heapPeak === null ? [] : [`  heap      peak ${share(heapPeak)}`]),
		`  consumer  ${share(utilisation)} busy`,
	];
	return `${lines.join('\n')}\n`;
}

function drained({ service }: Simulation): string {
	if (service === null || service.spillPeak === 0) return '-';
	if (service.drainedAtMs !== null) return moment(service.drainedAtMs);
	return colors.yellow(`${compact(service.spilledAtEnd)} left`);
}

function notes(lines: readonly string[]): string {
	if (lines.length === 0) return '';
	return `${lines.flatMap((line) => wrapWords(line, WIDTH - 2).map((part, i) => colors.dim(`${i === 0 ? '* ' : '  '}${part}`))).join('\n')}\n`;
}

export function plainTable(head: string[], rightAligned: readonly number[]) {
	return new Table({
		head,
		style: { head: [], border: [], compact: true },
		colAligns: head.map((_, i) => (rightAligned.includes(i) ? 'right' : 'left')),
	});
}

function sum({ messages }: Simulation, key: 'offered' | 'lean' | 'spilled' | 'dropped'): number {
	return messages.reduce((total, row) => total + row[key], 0);
}
