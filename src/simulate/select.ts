import { ConfigError } from '../core/errors.js';
import { listed, show } from './shown.js';

/** One series as it was read. */
export interface Column {
	readonly name: string;
	/** Of a Prometheus series, `__name__` among them. */
	readonly labels: { readonly [label: string]: string } | undefined;
	readonly values: ArrayLike<number>;
}

const COMBINED = /^(sum|max|min|avg)\s*\((.*)\)$/s;
const SCALED = /^(.*?)\s*([*/])\s*(\d[\d.eE+-]*|\.\d+)$/s;

/** `{ __name__: 'lag', topic: 'a' }` -> `lag{topic="a"}`, as Prometheus writes it. */
export function seriesName({ __name__: name = '', ...labels }: { readonly [label: string]: string }): string {
	const inner = Object.keys(labels)
		.sort()
		.map((label) => `${label}=${JSON.stringify(labels[label])}`)
		.join(',');
	return inner === '' && name !== '' ? name : `${name}{${inner}}`;
}

/** What a selector of `readTrace`'s `map` stands for. @throws ConfigError */
export function select(
	target: string,
	text: string,
	columns: readonly Column[],
	columnsOfText: { readonly [name: string]: string },
	length: number,
): ArrayLike<number> {
	const fail = (problem: string): never => {
		throw new ConfigError('map', [{ path: `map.${target}`, message: `map.${target}: ${problem}` }]);
	};
	const exact = columns.find(({ name }) => name === text.trim());
	if (exact) return exact.values;
	if (text.trim() !== '' && Number.isFinite(Number(text))) return new Float64Array(length).fill(Number(text));

	const [, inner = text, operator, factor] = SCALED.exec(text.trim()) ?? [];
	const scale = factor === undefined ? 1 : operator === '*' ? Number(factor) : 1 / Number(factor);
	if (!Number.isFinite(scale)) fail(`${show(text)} must be scaled by a number other than 0`);
	const [, combine, selector = inner.trim()] = COMBINED.exec(inner.trim()) ?? [];
	const found = columns.filter((column) => matches(column, selector));
	const names = found.map(({ name }) => name);
	const wrong = columnsOfText[selector];
	if (found.length === 0 && wrong !== undefined) fail(wrong);
	if (found.length === 0) {
		const known = listed(columns.map(({ name }) => name));
		fail(`${show(selector)} must be a series of the recording; there are ${known}`);
	}
	if (found.length > 1 && combine === undefined) {
		fail(`${show(selector)} must match one series, or say sum(...) or max(...); it matches ${listed(names)}`);
	}
	return Float64Array.from({ length }, (_, i) => {
		const values = found.map((column) => column.values[i] ?? Number.NaN);
		// A partition that did not report makes a sum unknown, not small.
		const value =
			combine === 'max'
				? Math.max(...values)
				: combine === 'min'
					? Math.min(...values)
					: values.reduce((sum, one) => sum + one, 0) / (combine === 'avg' ? values.length : 1);
		return value * scale;
	});
}

/** By name, or by the labels given: `lag{topic="a"}` also matches `lag{group="g",topic="a"}`. */
function matches({ name, labels }: Column, selector: string): boolean {
	if (name === selector) return true;
	const [, metric = '', inner] = /^([\w:]*)\s*(?:\{(.*)\})?$/s.exec(selector) ?? [];
	if (labels === undefined || (metric === '' && inner === undefined)) return false;
	if (metric !== '' && metric !== labels.__name__) return false;
	const wanted = [...(inner ?? '').matchAll(/(\w+)\s*=\s*"((?:[^"\\]|\\.)*)"/g)];
	return wanted.every(([, label = '', value]) => labels[label] === JSON.parse(`"${value}"`));
}
