import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import Table from 'cli-table3';
import type { Command } from 'commander';
import { parse } from 'csv-parse/sync';
import { classifyByVolume, type TierReport } from '../core/classify.js';
import { compiledTiers, defineTiers, type Tiers, type TiersSpec } from '../core/tiers.js';
import { delimiterOf } from '../csv/delimiter.js';
import { counted } from './counted.js';
import { blame, InputError } from './input-error.js';
import { writeAtomically } from './write-atomically.js';

interface Flags {
	readonly top: string;
	readonly names?: string;
	readonly priorities?: string;
	readonly keyColumn?: string;
	readonly volumeColumn?: string;
	readonly previous?: string;
	readonly out?: string;
	readonly maxMoved?: string;
	readonly json?: true;
}

type Direction = 'up' | 'down' | 'renamed';
type Move = TierReport['moved'][number] & { readonly direction: Direction };

/** Rows of a table for people; `--json` has them all. */
const MOVES_SHOWN_MAX = 40;

/** `brownout tiers`: classifies keys by volume, reports what changes, writes the file that `watchTiers` reads (rule T3). */
export function addTiersCommand(program: Command): void {
	program
		.command('tiers')
		.description('Sort keys into tiers by volume: the top 20, the top 100, the rest.')
		.argument(
			'<volumes.csv>',
			'a table with a header, a key and a volume a row, between them commas, semicolons or tabs; - reads standard input',
		)
		.requiredOption('--top <numbers>', 'where to cut, cumulative: 20,100 makes the top 20, the next 80 and the rest')
		.option('--names <names>', 'one a tier and one for the rest (default: tier1,tier2,...)')
		.option('--priorities <names>', 'likewise (default: critical,high,normal, or critical,normal for one cut)')
		.option('--key-column <name>', 'default: key, symbol or ticker')
		.option('--volume-column <name>', 'default: volume')
		.option('--previous <tiers.json>', 'report which keys move up or down against these tiers')
		.option('--out <tiers.json>', 'write the tiers, atomically, for watchTiers')
		.option('--max-moved <number>', 'write nothing, and exit with 2, if more keys move than that; needs --previous')
		.option('--json', 'print the report as JSON')
		.action(run);
}

async function run(source: string, flags: Flags): Promise<void> {
	const { cuts, fallback } = cutsOf(flags);
	const maxMoved = maxMovedOf(flags);
	const volumes = await blame(source, async () =>
		readVolumes(source === '-' ? await text(process.stdin) : await readFile(source, 'utf8'), flags),
	);
	const { previous: old, out } = flags;
	const previous = old ? await blame(old, async () => defineTiers(JSON.parse(await readFile(old, 'utf8')))) : undefined;
	const { tiers, report } = await blame('--names, --priorities', () =>
		classifyByVolume(volumes, cuts, fallback, previous),
	);

	const spec = specOf(tiers);
	const rows = report.tiers.map((row, i) => ({ ...row, priority: [...cuts, fallback][i]?.priority ?? '' }));
	const moved = report.moved.map((move) => ({ ...move, direction: directionOf(move, previous ?? tiers, tiers) }));
	process.stdout.write(
		flags.json ? `${JSON.stringify({ tiers: rows, moved }, null, '\t')}\n` : textOf(rows, old ? moved : undefined),
	);

	if (moved.length > maxMoved) {
		const subject = subjectOf(moved.length);
		throw new InputError(`${subject}, more than --max-moved ${maxMoved}; nothing is written`);
	}
	if (out) {
		await blame(out, () => writeAtomically(out, `${JSON.stringify(spec, null, '\t')}\n`));
		if (!flags.json) process.stdout.write(`\nwritten to ${out}\n`);
	}
}

function cutsOf(flags: Flags) {
	const tops = list(flags.top).map(Number);
	if (!tops.every((top, i) => Number.isInteger(top) && top > (tops[i - 1] ?? 0))) {
		throw new InputError(`--top: "${flags.top}" must be whole numbers, each above the one before it`);
	}
	const count = tops.length + 1;
	const names = flags.names ? list(flags.names) : Array.from({ length: count }, (_, i) => `tier${i + 1}`);
	if (!flags.priorities && count > 3) {
		throw new InputError(`--priorities: ${count} tiers have no default; give one priority for each, the rest last`);
	}
	const usual = count === 3 ? ['critical', 'high', 'normal'] : ['critical', 'normal'];
	const priorities = flags.priorities ? list(flags.priorities) : usual;
	for (const [flag, values] of Object.entries({ '--names': names, '--priorities': priorities })) {
		if (values.length !== count) {
			throw new InputError(
				`${flag}: ${count} are needed (one for each number of --top and one for the rest), got ${values.length}`,
			);
		}
	}
	const tier = (i: number) => ({ name: names[i] ?? '', priority: priorities[i] ?? '' });
	return { cuts: tops.map((top, i) => ({ ...tier(i), top })), fallback: tier(tops.length) };
}

function maxMovedOf({ maxMoved, previous }: Flags): number {
	if (maxMoved === undefined) return Number.POSITIVE_INFINITY;
	if (!previous) throw new InputError('--max-moved: there is nothing to compare with without --previous');
	if (!/^\d+$/.test(maxMoved)) throw new InputError(`--max-moved: "${maxMoved}" must be a whole number of at least 0`);
	return Number(maxMoved);
}

function list(flag: string): string[] {
	return flag.split(',').map((item) => item.trim());
}

/** @throws Error that lists the wrong lines. */
function readVolumes(csv: string, flags: Flags): [string, number][] {
	let columns: string[] = [];
	const rows = parse<{ info: { lines: number }; record: Record<string, string> }>(csv, {
		bom: true,
		columns: (header: string[]) => {
			columns = header.map((name) => name.toLowerCase());
			return columns;
		},
		delimiter: delimiterOf(csv),
		info: true,
		skip_empty_lines: true,
		trim: true,
	});
	const column = (flag: string, wanted: readonly string[]) => {
		const found = wanted.find((name) => columns.includes(name.toLowerCase()));
		if (found) return found.toLowerCase();
		const header = columns.length ? `the columns are ${columns.join(', ')}` : 'it has no header';
		throw new Error(`no column named ${wanted.join(' or ')}: ${header} (${flag} names another one)`);
	};
	const keyColumn = column('--key-column', flags.keyColumn ? [flags.keyColumn] : ['key', 'symbol', 'ticker']);
	const volumeColumn = column('--volume-column', flags.volumeColumn ? [flags.volumeColumn] : ['volume']);
	// An empty table would put every key into the fallback tier, which is the opposite of what a volume table is for.
	if (rows.length === 0) throw new Error('there is a header but no row');

	const wrong: string[] = [];
	const volumes = rows.map(({ info, record }): [string, number] => {
		const key = record[keyColumn] ?? '';
		const cell = record[volumeColumn] ?? '';
		// Number('') is 0: an empty cell must not pass for a key without trade.
		const volume = cell === '' ? Number.NaN : Number(cell);
		if (key === '') wrong.push(`line ${info.lines}: the key is empty`);
		else if (!(volume >= 0 && volume < Number.POSITIVE_INFINITY)) {
			wrong.push(`line ${info.lines}: the volume of ${key} must be a number of at least 0, got "${cell}"`);
		}
		return [key, volume];
	});
	if (wrong.length) {
		const more = wrong.length > 10 ? `\nand ${wrong.length - 10} more` : '';
		throw new Error(`${wrong.slice(0, 10).join('\n')}${more}`);
	}
	return volumes;
}

/** The tiers as `defineTiers` and `watchTiers` take them, keys by descending volume. */
function specOf(tiers: Tiers): TiersSpec<string> {
	const compiled = compiledTiers(tiers);
	const listed = compiled.tiers.map((tier) => ({ ...tier, keys: [] as string[] }));
	for (const [key, index] of compiled.indexOf) listed[index]?.keys.push(key);
	return {
		tiers: listed.slice(0, -1),
		fallback: { name: tiers.names.at(-1) ?? '', priority: compiled.tiers.at(-1)?.priority ?? '' },
	};
}

/** By rank, so that tiers that got other names still compare. */
function directionOf({ from, to }: { from: string; to: string }, previous: Tiers, tiers: Tiers): Direction {
	const step = tiers.names.indexOf(to) - previous.names.indexOf(from);
	if (step === 0) return 'renamed';
	return step < 0 ? 'up' : 'down';
}

function textOf(
	rows: readonly (TierReport['tiers'][number] & { priority: string })[],
	moved?: readonly Move[],
): string {
	const keys = rows.reduce((sum, row) => sum + row.keys, 0);
	const volume = rows.reduce((sum, row) => sum + row.volume, 0);
	const tiers = plainTable(['tier', 'priority', 'keys', 'volume', 'coverage'], [2, 3, 4]);
	for (const row of rows) {
		tiers.push([row.name, row.priority, number(row.keys), number(row.volume), `${(row.coverage * 100).toFixed(1)} %`]);
	}
	const report = `${counted(keys, 'key')}, volume ${number(volume)}\n${tiers.toString()}\n`;
	if (!moved) return report;
	if (moved.length === 0) return `${report}\nno key moves\n`;

	const counts = (['up', 'down', 'renamed'] as const)
		.map((direction) => ({ direction, count: moved.filter((move) => move.direction === direction).length }))
		.filter(({ count }) => count > 0)
		.map(({ direction, count }) => `${count} ${direction}`);
	const moves = plainTable(['key', 'from', 'to', 'moves'], []);
	for (const { key, from, to, direction } of moved.slice(0, MOVES_SHOWN_MAX)) moves.push([key, from, to, direction]);
	const more = moved.length > MOVES_SHOWN_MAX ? `and ${moved.length - MOVES_SHOWN_MAX} more (--json lists all)\n` : '';
	return `${report}\n${subjectOf(moved.length)}: ${counts.join(', ')}\n${moves.toString()}\n${more}`;
}

function subjectOf(moved: number): string {
	return `${counted(moved, 'key')} ${moved === 1 ? 'moves' : 'move'}`;
}

/** Without colours, so that the report reads the same in a terminal, a log and a mail from cron. */
function plainTable(head: string[], rightAligned: readonly number[]) {
	return new Table({
		head,
		style: { head: [], border: [], compact: true },
		colAligns: head.map((_, i) => (rightAligned.includes(i) ? 'right' : 'left')),
	});
}

function number(value: number): string {
	return value.toLocaleString('en-US', { maximumFractionDigits: 2 });
}
