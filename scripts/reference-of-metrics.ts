import { CHAPTERS, PREFIX } from '../src/metrics/catalogue.js';
import { LABELS, SHEDDER } from '../src/metrics/labels.js';
import type { Metric } from '../src/metrics/metric.js';

const BEGIN = '<!-- begin: npm run docs:metrics -->';
const END = '<!-- end -->';

const UNITS: { readonly [U in Metric['unit']]: string } = {
	count: '',
	messages: 'messages',
	bytes: 'bytes',
	seconds: 's',
	timestamp: 's since the epoch',
	ratio: '0..1, more when overloaded',
	level: 'index in the ladder',
	state: '0 or 1',
	signal: 'of the signal',
	rate: 'messages a second',
};

/** The page with the reference in its place. @throws Error when it has no place for it. */
export function withReference(page: string): string {
	const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
	if (from < 0 || to < from) throw new Error(`the page needs a line ${BEGIN} and a line ${END}`);
	return `${page.slice(0, from)}${BEGIN}\n\n${reference()}\n\n${page.slice(to)}`;
}

function reference(): string {
	const chapters = Object.entries(CHAPTERS).map(([title, metrics]) => `### ${title}\n\n${tableOf(metrics)}`);
	return [...chapters, `### Labels\n\n${labels()}`].join('\n\n');
}

function tableOf(metrics: readonly Metric[]): string {
	const rows = metrics.map(({ name, kind, unit, labels, cluster, help, absent }) => {
		const names = labels.map((label) => `\`${label}\``).join(', ');
		const text = absent === undefined ? help : `${help}. No sample ${absent}`;
		return [`\`${PREFIX}${name}\``, kind, UNITS[unit], names, cluster, `${text}.`];
	});
	return table(['metric', 'kind', 'unit', 'labels', 'cluster', 'what it says'], rows);
}

function labels(): string {
	const rows = Object.entries(LABELS).map(([name, values]) => {
		const text = typeof values === 'string' ? values : values.map((value) => `\`${value}\``).join(', ');
		return [`\`${name}\``, name === SHEDDER ? `${text}; every metric may have it` : text];
	});
	return table(['label', 'values'], rows);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
	const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
	return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n');
}
