import process from 'node:process';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { BrokerName } from './demo/brokers/broker.js';
import { BROKER_NAMES, findPlace } from './demo/brokers/index.js';
import { whole } from './demo/format.js';
import { generate, type LoadPlan } from './demo/generator.js';
import { interruptible } from './demo/interruption.js';
import { complaints, ledgerLines } from './demo/ledger.js';
import { PACKET_SIZE } from './demo/market.js';
import { playRealLoad } from './demo/real-load.js';
import { createStage, type Stage } from './demo/stage.js';
import { playStory } from './demo/story.js';

interface Flags {
	readonly quick?: true;
	readonly speed?: number;
	readonly realLoad?: true;
	readonly rate?: number;
	readonly ramp?: number;
	readonly duration?: number;
	readonly metrics?: number;
	readonly dashboard?: number;
	readonly broker?: BrokerName | 'auto' | 'memory';
	readonly generator?: LoadPlan;
}

const QUICK = 30;

/** `brownout demo`: the story of an overload, on simulated time or under real load. Exit code 1 when it does not end well. */
export function addDemoCommand(program: Command): void {
	program
		.command('demo')
		.description('Watch an overload being survived: five minutes on simulated time, or under real load.')
		.option('--quick', 'the same story in less than 15 seconds')
		.addOption(new Option('--speed <n>', 'n times as fast').argParser(positive).conflicts('quick'))
		.addOption(new Option('--real-load', 'really overload this process from another one').conflicts(['quick', 'speed']))
		.addOption(new Option('--rate <n>', 'messages per second at the peak of the real load').argParser(positive))
		.addOption(new Option('--ramp <s>', 'seconds until that peak (default: 4)').argParser(notNegative))
		.addOption(
			new Option('--duration <s>', 'seconds of real load, the ramp included (default: 12)').argParser(positive),
		)
		.addOption(
			new Option('--broker <name>', 'a real broker for the real load; auto: the first that answers').choices([
				...BROKER_NAMES,
				'memory',
				'auto',
			]),
		)
		.addOption(new Option('--metrics <port>', 'serve the metrics of the real load for Prometheus').argParser(port))
		.addOption(
			new Option('--dashboard [port]', 'serve the live page of the real load (default: any free port)')
				.argParser(port)
				.preset('0'),
		)
		// Not for people: the role of the other process.
		.addOption(new Option('--generator <plan>').argParser(JSON.parse).hideHelp())
		.action(run);
}

async function run(flags: Flags, command: Command): Promise<void> {
	if (flags.generator !== undefined) return generate(flags.generator);
	for (const name of ['rate', 'ramp', 'duration', 'broker', 'metrics', 'dashboard'] as const) {
		if (flags[name] !== undefined && !flags.realLoad) command.error(`error: --${name} needs --real-load`);
	}
	const stage = createStage(process.stdout, process.env);
	const wrong = await (flags.realLoad ? realLoad(stage, flags) : story(stage, flags));
	process.exitCode = conclude(stage, wrong);
}

/** Says how a run has ended. @returns the exit code. */
export function conclude(stage: Pick<Stage, 'line' | 'colors'>, wrong: readonly string[]): 0 | 1 {
	const { green, red } = stage.colors;
	stage.line('');
	for (const text of wrong) stage.line(red(`This run did not end well: ${text}.`));
	if (wrong.length > 0) return 1;
	stage.line(green('The level is NORMAL, nothing waits, and every message is accounted for.'));
	return 0;
}

async function story(stage: Stage, flags: Flags): Promise<string[]> {
	// Where nobody watches there is nothing to wait for.
	const unwatched = process.stdout.isTTY ? 1 : Number.POSITIVE_INFINITY;
	const stats = await playStory(stage, flags.speed ?? (flags.quick && process.stdout.isTTY ? QUICK : unwatched));
	printLedger(stage, ledgerLines(stats, PACKET_SIZE));
	return complaints(stats, 'NORMAL');
}

async function realLoad(stage: Stage, { broker = 'memory', ...flags }: Flags): Promise<string[]> {
	const place = await findPlace(broker, process.env);
	const generator = [process.argv[1] ?? '', 'demo', '--generator'];
	const { stats, report, left } = await interruptible(
		(interruption) => playRealLoad(stage, { ...flags, place, interruption }, generator),
		() => stage.line('  interrupted: what this run has made is removed'),
	);
	printLedger(stage, ledgerLines(stats));
	const sent = report?.sent ?? Number.NaN;
	const { heldBack = 0 } = report ?? {};
	stage.line(`  the generator sent ${whole(sent)}, and held back ${whole(heldBack)} while nobody took them`);
	if (place !== undefined) stage.line(`  the broker still holds ${whole(left)}`);
	const seen = `the generator sent ${whole(sent)} messages, the shedder was offered ${whole(stats.offered)}`;
	return [
		...complaints(stats, 'NORMAL'),
		...(left === 0 ? [] : [`${whole(left)} messages are left in the broker`]),
		// A broker delivers at least once: what a client had not acknowledged in time comes again.
		...((place === undefined ? sent === stats.offered : sent <= stats.offered) ? [] : [seen]),
	];
}

function printLedger(stage: Stage, lines: readonly string[]): void {
	stage.heading('The ledger, in messages');
	for (const line of lines) stage.line(`  ${line}`);
}

function positive(text: string): number {
	const value = Number(text);
	if (!(value > 0 && value < Number.POSITIVE_INFINITY)) throw new InvalidArgumentError('It must be a number above 0.');
	return value;
}

function port(text: string): number {
	const value = Number(text);
	if (!/^\d+$/.test(text) || value > 65_535) throw new InvalidArgumentError('It must be a port, 0 for any free one.');
	return value;
}

function notNegative(text: string): number {
	return text.trim() !== '' && Number(text) === 0 ? 0 : positive(text);
}
