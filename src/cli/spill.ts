import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import Table from 'cli-table3';
import type { Command } from 'commander';
import type { Spilled } from '../index.js';
import { readSpill, type SpillView } from '../spill-file/index.js';
import { counted } from './counted.js';
import { blame, InputError } from './input-error.js';
import { requeue } from './spill/requeue.js';

interface Flags {
	readonly top?: string;
	readonly json?: true;
	readonly out?: string;
}

/** `brownout spill`: looks at the directory of a file spill, also beside a running owner. Only `requeue` writes, and takes the lock. */
export function addSpillCommand(program: Command): void {
	const spill = program
		.command('spill')
		.description('Look at the directory of a file spill, also beside a running service. Only requeue writes.');
	spill
		.command('inspect')
		.description('How much waits, how old it is, which keys it belongs to, what is damaged, and who owns it.')
		.argument('<directory>')
		.option('--top <number>', 'how many keys to show', '10')
		.option('--json', 'print the facts as JSON')
		.action(inspect);
	spill
		.command('verify')
		.description('Read everything. Exit code 1 when anything is damaged or missing.')
		.argument('<directory>')
		.option('--json', 'print the facts as JSON')
		.action(verify);
	spill
		.command('export')
		.description('Print the records that wait as JSON, one a line; a payload that is no UTF-8 in base64.')
		.argument('<directory>')
		.option('--out <file>', 'write to a new file instead')
		.action((directory: string, flags: Flags) => print(directory, flags, lineOf));
	spill
		.command('dead-letters')
		.description(
			'The same for a directory of dead letters, with the error, the attempts and the time of each in front.',
		)
		.argument('<directory>')
		.option('--out <file>', 'write to a new file instead')
		.action((directory: string, flags: Flags) => print(directory, flags, deadLetterOf));
	spill
		.command('requeue')
		.description(
			'Put dead letters back into the spill, without the reasons, to be replayed. The service has to be stopped. ' +
				'None is lost if this is interrupted; the latest thousand may come twice then. Exit code 1 when it cannot be done.',
		)
		.argument('<dead-letters>', 'the directory of the dead letters')
		.argument('<spill>', 'the directory of the spill')
		.option('--max <number>', 'how many at most, the oldest first')
		.option(
			'--partitions <number>',
			'of the spill, as the service has it; needed only where the directory does not tell',
		)
		.action(requeue);
}

async function inspect(directory: string, flags: Flags): Promise<void> {
	const top = Number(flags.top);
	if (!Number.isInteger(top) || top < 0) {
		throw new InputError(`--top: "${flags.top}" must be a whole number of at least 0`);
	}
	const view = await blame(null, () => readSpill(directory));
	const found = await survey(view);
	const keys = [...found.keys].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
	const facts = {
		...factsOf(directory, view, found),
		keys: keys.length,
		top: keys.slice(0, top).map(([key, records]) => ({ key, records })),
	};
	process.stdout.write(flags.json ? json(facts) : `${textOf(facts)}${tableOf(facts.top, facts.keys)}`);
}

async function verify(directory: string, flags: Flags): Promise<void> {
	const view = await blame(null, () => readSpill(directory));
	const facts = factsOf(directory, view, await survey(view));
	const sound = facts.missing === 0 && facts.quarantined.length === 0 && facts.damagedHeaders.length === 0;
	process.stdout.write(
		flags.json ? json({ ...facts, sound }) : `${textOf(facts)}${sound ? 'sound' : 'DAMAGED: see above'}\n`,
	);
	if (!sound) process.exitCode = 1;
}

type Facts = ReturnType<typeof factsOf>;

async function survey(view: SpillView) {
	const keys = new Map<string, number>();
	let records = 0;
	let payload = 0;
	let oldest = Number.POSITIVE_INFINITY;
	let newest = Number.NEGATIVE_INFINITY;
	for await (const record of view.records()) {
		records++;
		payload += record.payload.byteLength;
		oldest = Math.min(oldest, record.enqueuedAtMs);
		newest = Math.max(newest, record.enqueuedAtMs);
		keys.set(record.key, (keys.get(record.key) ?? 0) + 1);
	}
	return { keys, records, payload, oldest, newest };
}

function factsOf(directory: string, view: SpillView, found: Awaited<ReturnType<typeof survey>>) {
	const { owner, partitions, damage } = view;
	const segments = partitions.flatMap((partition) => partition.segments);
	return {
		directory,
		owner,
		partitions: partitions.length,
		segments: segments.length,
		records: found.records,
		bytes: segments.reduce((sum, { bytes }) => sum + bytes, 0),
		payloadBytes: found.payload,
		oldestEnqueuedAtMs: found.records > 0 ? found.oldest : null,
		newestEnqueuedAtMs: found.records > 0 ? found.newest : null,
		missing: damage.missingRecords,
		corrupt: damage.corruptRecords,
		unfinishedBytes: partitions.reduce((sum, { unfinishedBytes }) => sum + unfinishedBytes, 0),
		quarantined: damage.quarantined,
		damagedHeaders: partitions.flatMap(({ damagedHeaders }) => damagedHeaders),
	};
}

function textOf(facts: Facts): string {
	const { owner, oldestEnqueuedAtMs: oldest, newestEnqueuedAtMs: newest } = facts;
	const lines: readonly (readonly [string, string] | false)[] = [
		['directory', facts.directory],
		[
			'owner',
			owner === null
				? 'none'
				: `process ${owner.pid} on ${owner.host} since ${time(owner.sinceMs)}${owner.alive ? '' : ', which is dead'}`,
		],
		['records', number(facts.records)],
		[
			'bytes',
			`${number(facts.bytes)} in ${counted(facts.segments, 'segment')}, ${number(facts.payloadBytes)} of payload`,
		],
		facts.partitions > 1 && ['partitions', number(facts.partitions)],
		oldest !== null && ['oldest', `${time(oldest)}, ${age(oldest)} ago`],
		newest !== null && ['newest', `${time(newest)}, ${age(newest)} ago`],
		['missing', `${counted(facts.missing, 'record')}, damage in ${counted(facts.corrupt, 'place')}`],
		facts.unfinishedBytes > 0 && [
			'unfinished',
			`${counted(facts.unfinishedBytes, 'byte')} at the end, never acknowledged`,
		],
		facts.quarantined.length > 0 && ['set aside', facts.quarantined.join(', ')],
		facts.damagedHeaders.length > 0 && [
			'headers',
			`damaged, which costs no record: ${facts.damagedHeaders.join(', ')}`,
		],
	];
	return lines.map((line) => (line ? `${line[0].padEnd(12)}${line[1]}\n` : '')).join('');
}

function tableOf(top: readonly { readonly key: string; readonly records: number }[], keys: number): string {
	if (top.length === 0) return '';
	// Without colours, so that it reads the same in a terminal, a log and a ticket.
	const table = new Table({
		head: ['key', 'records'],
		style: { head: [], border: [], compact: true },
		colAligns: ['left', 'right'],
	});
	// A key may hold anything, also what would move the cursor of a terminal.
	for (const { key, records } of top) table.push([JSON.stringify(key).slice(1, -1), number(records)]);
	const more = keys > top.length ? `and ${counted(keys - top.length, 'more key')}\n` : '';
	return `\n${table.toString()}\n${more}`;
}

async function print(directory: string, { out }: Flags, toLine: (record: Spilled) => object): Promise<void> {
	const view = await blame(null, () => readSpill(directory));
	async function* lines() {
		for await (const record of view.records()) yield `${JSON.stringify(toLine(record))}\n`;
	}
	if (out === undefined) await pipeline(Readable.from(lines()), process.stdout, { end: false });
	// Never over another file: it may be the last export before a disk was given up.
	else await blame(out, () => pipeline(Readable.from(lines()), createWriteStream(out, { flags: 'wx', mode: 0o600 })));
	const missing = view.damage.missingRecords;
	if (missing > 0) {
		process.stderr.write(
			`brownout: ${counted(missing, 'record')} ${missing === 1 ? 'is' : 'are'} missing; see brownout spill verify\n`,
		);
		process.exitCode = 1;
	}
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function lineOf({ partition, cursor, id, key, payload, ...rest }: Spilled): object {
	const { enqueuedAtMs, expiresAtMs, headers } = rest;
	return { partition, cursor, id, key, enqueuedAtMs, expiresAtMs, headers, ...payloadOf(payload) };
}

/** The reasons that a dead letter carries as headers, in front; the headers of the message itself behind. */
function deadLetterOf(record: Spilled): object {
	const { error, attempts, failedAtMs, ...headers } = record.headers ?? {};
	const reasons = { error, attempts: numeric(attempts), failedAtMs: numeric(failedAtMs) };
	return { ...reasons, ...lineOf({ ...record, headers }) };
}

function numeric(text: string | undefined): number | string | undefined {
	return text === undefined || text === '' || !Number.isFinite(Number(text)) ? text : Number(text);
}

function payloadOf(payload: Uint8Array): { readonly encoding: 'utf8' | 'base64'; readonly payload: string } {
	try {
		return { encoding: 'utf8', payload: utf8.decode(payload) };
	} catch {
		// No UTF-8, so it is no text.
		return { encoding: 'base64', payload: Buffer.from(payload).toString('base64') };
	}
}

function json(facts: object): string {
	return `${JSON.stringify(facts, null, '\t')}\n`;
}

function number(value: number): string {
	return value.toLocaleString('en-US');
}

function time(epochMs: number): string {
	return Math.abs(epochMs) <= 8.64e15 ? new Date(epochMs).toISOString() : String(epochMs);
}

function age(epochMs: number): string {
	const seconds = Math.max(0, Math.round((Date.now() - epochMs) / 1000));
	const parts: readonly (readonly [number, string])[] = [
		[86_400, 'd'],
		[3600, 'h'],
		[60, 'min'],
		[1, 's'],
	];
	const [size, unit] = parts.find(([size]) => seconds >= size) ?? [1, 's'];
	return `${number(Math.floor(seconds / size))} ${unit}`;
}
