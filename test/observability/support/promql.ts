import { parser } from '@prometheus-io/lezer-promql';
import { CATALOGUE, PREFIX } from '../../../src/metrics/catalogue.js';
import { LABELS, SHEDDER } from '../../../src/metrics/labels.js';

/** The labels of each metric, each with its possible values where these are few. */
export type Names = ReadonlyMap<string, ReadonlyMap<string, readonly string[] | undefined>>;

/** Every name there is in the catalogue, as it is scraped, and the one that Prometheus gives every target. */
export const NAMES: Names = new Map([
	['up', new Map()],
	...CATALOGUE.map(
		({ name, labels }) =>
			[
				`${PREFIX}${name}`,
				new Map(([SHEDDER, ...labels] as const).map((label) => [label, possible(LABELS[label])])),
			] as const,
	),
]);

function possible(values: string | readonly string[]): readonly string[] | undefined {
	return typeof values === 'string' ? undefined : values;
}

/** What Prometheus and its service discovery put on every series. */
export const TARGET_LABELS: readonly string[] = ['job', 'instance', 'cluster', 'namespace'];

type SyntaxNode = ReturnType<typeof parser.parse>['topNode'];

/** A metric that a query names, with the labels that its matchers name. */
export interface Selector {
	readonly metric: string;
	readonly matchers: readonly { readonly label: string; readonly operator: string; readonly value: string }[];
}

/** What a query names that does not exist, and where it is no PromQL. Empty when all is well. */
export function complaints(query: string, names: Names = NAMES): string[] {
	const text = (node: SyntaxNode) => query.slice(node.from, node.to);
	const found: string[] = [];
	const labelsOf = (metric: string) => [...(names.get(metric)?.keys() ?? [])];
	const root = parser.parse(query).topNode;
	walk(root, (node) => {
		if (node.type.isError) found.push(`${query}: no PromQL at ${node.from}`);
		if (node.name === 'VectorSelector') {
			const { metric, matchers } = selectorOf(node, text);
			const labels = names.get(metric);
			if (labels === undefined) found.push(`there is no metric ${metric || query}`);
			else
				for (const { label, operator, value } of matchers) {
					const values = labels.get(label);
					if (!labels.has(label) && !TARGET_LABELS.includes(label)) found.push(`${metric} has no label ${label}`);
					// A regular expression may stand for several.
					else if (/^!?=$/.test(operator) && values?.includes(value) === false)
						found.push(`${label} of ${metric} is never ${value}`);
				}
		}
		if (node.name === 'GroupingLabels') {
			// Below its modifier, which stands in an aggregation or between the two sides of an operator.
			const around = node.parent?.parent ?? root;
			const metrics = selectors(around, text).map(({ metric }) => metric);
			const some = [...TARGET_LABELS, ...metrics.flatMap(labelsOf)];
			for (const label of node.getChildren('LabelName').map(text))
				if (!some.includes(label)) found.push(`none of ${metrics.join(', ')} has a label ${label}`);
		}
	});
	return found;
}

/** Every metric that a query names. */
export function selectorsOf(query: string): Selector[] {
	return selectors(parser.parse(query).topNode, (node) => query.slice(node.from, node.to));
}

function selectors(root: SyntaxNode, text: (node: SyntaxNode) => string): Selector[] {
	const found: Selector[] = [];
	walk(root, (node) => {
		if (node.name === 'VectorSelector') found.push(selectorOf(node, text));
	});
	return found;
}

function selectorOf(node: SyntaxNode, text: (node: SyntaxNode) => string): Selector {
	const name = node.getChild('Identifier');
	const matchers = node.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ?? [];
	return {
		metric: name === null ? '' : text(name),
		matchers: matchers.map((matcher) => ({
			label: text(matcher.getChild('LabelName') ?? matcher),
			operator: text(matcher.getChild('MatchOp') ?? matcher),
			value: text(matcher.getChild('StringLiteral') ?? matcher).slice(1, -1),
		})),
	};
}

function walk(node: SyntaxNode, visit: (node: SyntaxNode) => void): void {
	visit(node);
	for (let child = node.firstChild; child !== null; child = child.nextSibling) walk(child, visit);
}
