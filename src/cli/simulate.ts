import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { type Command, Option } from 'commander';
import {
	readTrace,
	type Simulation,
	simulateService,
	simulateSignals,
	suggestThresholds,
	type Trace,
} from '../simulate/index.js';
import { blame, InputError } from './input-error.js';
import { amounts, durationOf, notNegative, pair, positive, several, whole } from './simulate/flags.js';
import { duration, share } from './simulate/format.js';
import { type Loaded, loadLadder } from './simulate/load-ladder.js';
import { namesOf } from './simulate/names-of.js';
import { writePictures } from './simulate/picture.js';
import { comparisonText, type Run, runText, suggestionText, traceLine } from './simulate/report.js';

interface Candidate extends Loaded {
	readonly name: string;
}

interface Flags {
	readonly ladder?: readonly string[];
	readonly slo?: number;
	readonly map?: Readonly<Record<string, string>>;
	readonly timeColumn?: string;
	readonly share?: Readonly<Record<string, number>>;
	readonly checkEvery?: number;
	readonly hold?: true;
	readonly capacity?: number;
	readonly cost?: Readonly<Record<string, number>>;
	readonly keys?: number;
	readonly heap?: Readonly<Record<string, number>>;
	readonly intake?: 'pull' | 'push';
	readonly spillMax?: number;
	readonly skipToLive?: number;
	readonly seed?: number;
	readonly moves?: number;
	readonly suggest?: true;
	readonly json?: true;
	readonly svg?: string;
	readonly png?: string;
	readonly maxFlaps?: number;
	readonly maxProtectedShed?: number;
	readonly maxProtectedLatePct?: number;
}

const MOVES_SHOWN = 12;

/** What the proposal is called. */
const SUGGESTED = 'suggested';

const SLO_MS = 10_000;

/** Signals that a model of the service tells. */
const MODELLED = ['lag', 'lagMs', 'ageMs'];

/** `brownout simulate`: what a ladder would have done with a recorded load. Exit code 1 when a limit is exceeded. */
export function addSimulateCommand(program: Command): void {
	program
		.command('simulate')
		.description(
			'Replay a recording through one or more ladders, and see when they move, what they shed, and what waits.',
		)
		.argument('<trace>', 'CSV, NDJSON, or the JSON of a Prometheus range query; - reads standard input')
		.option(
			'--ladder <ladder>',
			'market-data, recommended, a .json file or a module; several are compared (default: both names in a closed loop, else the one whose signals were recorded)',
			several,
		)
		.option('--map <signal=series>', 'where a signal comes from: lag=\'sum(kafka_lag{topic="a"})\', heap=0.4', pair)
		.option('--time-column <name>', 'default: time, t, timestamp, ...')
		.option('--share <priority=ratio,...>', 'shares of the priorities in the rate; the rest is shared equally', amounts)
		.option('--check-every <duration>', 'default: 500ms in a closed loop, else as the trace, at most 2s', durationOf)
		.option('--hold', 'a signal stays as it was until the next point, instead of going straight to it')
		.option(
			'--capacity <number>',
			'messages per second with all features on: closes the loop, needs a series rate',
			positive,
		)
		.option('--slo <duration>', 'when a message is late; recommended is made for it (default: 10s)', durationOf)
		.option('--cost <treatment=ratio,...>', 'of lean, spill and drop (default: lean=0.5,spill=0.1,drop=0.02)', amounts)
		.option('--heap <base=ratio,perMessage=ratio>', 'a model of the heap; also bufferMax=messages', amounts)
		.addOption(
			new Option('--intake <kind>', 'where messages wait: pull at a broker, push here').choices(['pull', 'push']),
		)
		.option('--spill-max <number>', 'messages that fit into the spill (default: any number)', positive)
		.option(
			'--skip-to-live <duration>',
			'protected messages older than this are spilled while the ladder spills (default: recommended 0.99 of the SLO, others never)',
			durationOf,
		)
		.option('--keys <number>', 'keys per priority (default: 200)', whole)
		.option('--seed <number>', 'of the choice of priorities and keys (default: 1)', whole)
		.option('--moves <number>', `how many moves to show (default: ${MOVES_SHOWN})`, whole)
		.option('--suggest', 'propose thresholds for the first ladder, with reasons, and compare them with it')
		.option('--json', 'print everything as JSON')
		.option('--svg <file>', 'draw the timeline; needs @observablehq/plot and linkedom')
		.option('--png <file>', 'the same; needs @resvg/resvg-js as well')
		.option('--max-flaps <number>', 'exit with 1 if any ladder flaps more often', whole)
		.option('--max-protected-shed <number>', 'exit with 1 if more protected messages are shed', whole)
		.option('--max-protected-late-pct <percent>', 'exit with 1 if more of the protected messages are late', notNegative)
		.action(run);
}

async function run(source: string, flags: Flags): Promise<void> {
	checkFlags(flags);
	const trace = await blame(source, async () =>
		readTrace(source === '-' ? await text(process.stdin) : await readFile(source, 'utf8'), {
			map: flags.map,
			timeColumn: flags.timeColumn,
		}),
	);
	const candidates: Candidate[] = [];
	const sources = flags.ladder ?? ladderNamesFor(trace, flags);
	const names = namesOf(flags.suggest ? [...sources, SUGGESTED] : sources);
	for (const [i, source] of sources.entries()) {
		candidates.push({ name: names[i] as string, ...(await loadLadder(source, flags.slo ?? SLO_MS)) });
	}
	checkMap(candidates, flags);
	checkRecording(trace, candidates, flags);
	const [first] = candidates as [Candidate];
	const promisedMs = flags.capacity === undefined ? flags.slo : (flags.slo ?? SLO_MS);
	const options = { sloMs: promisedMs, capacityPerS: flags.capacity };
	const suggestion = flags.suggest && (await blame('--suggest', () => suggestThresholds(first.ladder, trace, options)));
	// The proposal differs from the first in its numbers only.
	const tried = suggestion ? [...candidates, { ...first, name: SUGGESTED, ladder: suggestion.ladder }] : candidates;
	const runs: Run[] = [];
	for (const candidate of tried) {
		const { name, ladder } = candidate;
		runs.push({ name, ladder, result: await blame(name, () => simulate(candidate, trace, flags)) });
	}
	// A proposal is no candidate yet: the limits are for what is in use.
	const judged = runs.slice(0, candidates.length);
	const exceeded = judged.flatMap((one) => exceededBy(one, flags));
	const undecided = isLimited(flags) ? judged.flatMap((one) => unknownTo(one, trace, flags)) : [];
	if (flags.json) {
		const told = runs.map(({ name, result }) => ({ ladder: name, ...result }));
		const { ladder: _, ...proposal } = suggestion ?? {};
		process.stdout.write(
			json({ source, runs: told, ...(suggestion && { suggestion: proposal }), exceeded, undecided }),
		);
	} else {
		const proposal = suggestion ? `${suggestionText(first.name, suggestion)}\n` : '';
		process.stdout.write(`${traceLine(source, trace)}\n${proposal}${textOf(runs, flags)}`);
	}
	await writePictures(runs, flags);
	for (const line of [...exceeded, ...undecided]) process.stderr.write(`brownout: ${line}\n`);
	if (undecided.length > 0) process.exitCode = 2;
	else if (exceeded.length > 0) process.exitCode = 1;
}

/** A model of the service can serve any ladder; a recording only the one that reads what was recorded. */
function ladderNamesFor({ series }: Trace, { capacity }: Flags): readonly string[] {
	if (capacity !== undefined) return ['market-data', 'recommended'];
	const inTime = series.lag === undefined && (series.ageMs ?? series.lagMs) !== undefined;
	return [inTime ? 'recommended' : 'market-data'];
}

/** What a closed loop needs means nothing in an open one. */
function checkFlags(flags: Flags): void {
	only('--cost', flags.cost, ['lean', 'spill', 'drop']);
	only('--heap', flags.heap, ['base', 'perMessage', 'bufferMax']);
	if (flags.capacity !== undefined) return;
	const closed = ['cost', 'heap', 'intake', 'spillMax', 'skipToLive', 'keys', 'seed'] as const;
	const given = [...closed, 'maxProtectedLatePct' as const].find((name) => flags[name] !== undefined);
	if (given !== undefined) {
		const flag = given.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
		throw new InputError(`--${flag} needs --capacity: without a model of the service nothing reacts`);
	}
}

/** A series for a name that nobody asks for is a slip of the pen. */
function checkMap(candidates: readonly Candidate[], { map = {} }: Flags): void {
	const signals = new Set(candidates.flatMap(({ ladder }) => ladder.signals));
	const wrong = Object.keys(map).find((name) => !signals.has(name) && name !== 'rate' && name !== 'capacity');
	if (wrong === undefined) return;
	const names = candidates.map(({ name }) => name).join(', ');
	const known = `a signal of ${names} (${[...signals].join(', ')}), rate or capacity`;
	throw new InputError(`--map: "${wrong}" must be ${known}`);
}

/** What a recording lacks is told in the words of the command line. */
function checkRecording({ series, text = {} }: Trace, candidates: readonly Candidate[], { capacity }: Flags): void {
	const there = `there are ${Object.keys(series).join(', ') || 'none'}`;
	if (capacity !== undefined) {
		if (series.rate !== undefined || text.rate !== undefined) return;
		throw new InputError(`--capacity needs a series rate, messages per second: --map 'rate=...' names it; ${there}`);
	}
	const deaf = candidates.find(({ ladder }) =>
		ladder.signals.every((name) => (series[name] ?? text[name]) === undefined),
	);
	if (deaf === undefined) return;
	const { signals } = deaf.ladder;
	const closing = series.rate === undefined ? '' : ', or --capacity closes the loop';
	const mapped = `--map '${signals[0]}=...' names a series${closing}; ${there}`;
	throw new InputError(`${deaf.name}: none of its signals (${signals.join(', ')}) was recorded: ${mapped}`);
}

function simulate(candidate: Candidate, trace: Trace, flags: Flags): Simulation {
	const { ladder, note } = candidate;
	const between = flags.hold ? 'hold' : 'interpolate';
	if (flags.capacity === undefined) {
		const result = simulateSignals(ladder, trace, { between, checkEveryMs: flags.checkEvery, shares: flags.share });
		return { ...result, notes: [...(note ? [note] : []), ...result.notes] };
	}
	const { cost = {}, heap, skipToLive = candidate.skipToLiveMs } = flags;
	const result = simulateService(
		ladder,
		trace,
		{
			capacityPerS: flags.capacity,
			costs: { lean: cost.lean, spill: cost.spill, drop: cost.drop },
			shares: flags.share,
			keys: flags.keys,
			sloMs: flags.slo ?? SLO_MS,
			heap: heap && { base: heap.base ?? 0.3, perMessage: heap.perMessage ?? 0, bufferMax: heap.bufferMax },
			intake: flags.intake,
			spillMax: flags.spillMax,
			skipToLiveMs: skipToLive,
		},
		{ between, checkEveryMs: flags.checkEvery, seed: flags.seed },
	);
	const skips = skipToLive !== undefined && flags.skipToLive === undefined;
	const told = skips
		? `${note} Protected messages older than ${duration(skipToLive)} skip to live (--skip-to-live).`
		: note;
	return { ...result, notes: [...(told ? [told] : []), ...result.notes] };
}

function only(flag: string, given: Readonly<Record<string, number>> = {}, known: readonly string[]): void {
	const wrong = Object.keys(given).find((name) => !known.includes(name));
	if (wrong !== undefined) throw new InputError(`${flag}: "${wrong}" must be one of ${known.join(', ')}`);
}

function textOf(runs: readonly Run[], flags: Flags): string {
	const [first] = runs;
	return runs.length === 1 && first ? runText(first, flags.moves ?? MOVES_SHOWN) : comparisonText(runs);
}

function isLimited({ maxFlaps, maxProtectedShed, maxProtectedLatePct }: Flags): boolean {
	return [maxFlaps, maxProtectedShed, maxProtectedLatePct].some((limit) => limit !== undefined);
}

/** Signals with thresholds of which nothing was ever known, a line each: a limit that is kept without them is kept by luck. */
function unknownTo({ name, ladder, result }: Run, { series }: Trace, { capacity }: Flags): string[] {
	const decides = (signal: string) => ladder.spec.levels.some(({ enterAt = {} }) => enterAt[signal] !== undefined);
	const unknown = Object.entries(result.signals).filter(([signal, { peak }]) => peak === null && decides(signal));
	return unknown.map(([signal]) => {
		const why = series[signal] === undefined ? 'is not in the recording' : 'has no reading in the recording';
		const closes = capacity === undefined && series.rate !== undefined && MODELLED.includes(signal);
		const closing = closes ? ', --capacity models the service' : '';
		const mapped = `--map '${signal}=...' names a series, or a number that stands for it${closing}`;
		return `${name}: ${signal} ${why}, so its thresholds were not tried and no limit can be judged; ${mapped}`;
	});
}

/** What is beyond a limit, a line each. */
function exceededBy({ name, result }: Run, flags: Flags): string[] {
	const { maxFlaps = Number.POSITIVE_INFINITY, maxProtectedShed = Number.POSITIVE_INFINITY } = flags;
	const { maxProtectedLatePct = Number.POSITIVE_INFINITY } = flags;
	const { flaps, protectedShed, protectedLate } = result;
	return [
		...(flaps > maxFlaps ? [`${name}: flaps ${flaps}, more than --max-flaps ${maxFlaps}`] : []),
		...(protectedShed > maxProtectedShed
			? [`${name}: protected messages shed ${protectedShed}, more than --max-protected-shed ${maxProtectedShed}`]
			: []),
		...(protectedLate * 100 > maxProtectedLatePct
			? [
					`${name}: ${share(protectedLate)} of the protected late, more than --max-protected-late-pct ${maxProtectedLatePct}`,
				]
			: []),
	];
}

function json(value: unknown): string {
	return `${JSON.stringify(value, null, '\t')}\n`;
}
