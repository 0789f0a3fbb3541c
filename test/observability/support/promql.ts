import { parser } from '@prometheus-io/lezer-promql';

/** The labels of each metric, and of each recording rule. */
export type Names = ReadonlyMap<string, readonly string[]>;

/** What Prometheus and its service discovery put on every series. */
export const TARGET_LABELS: readonly string[] = ['job', 'instance', 'cluster', 'namespace'];

type SyntaxNode = ReturnType<typeof parser.parse>['topNode'];

/** A metric that a query names, with the labels that its matchers name. */
export interface Selector {
	readonly metric: string;
	readonly matchers: readonly string[];
}

/** What a query names that does not exist, and where it is no PromQL. Empty when all is well. */
export function complaints(query: string, names: Names): string[] {
	const text = (node: SyntaxNode) => query.slice(node.from, node.to);
	const found: string[] = [];
	const labelsOf = (metric: string) => names.get(metric) ?? [];
	const root = parser.parse(query).topNode;
	walk(root, (node) => {
		if (node.type.isError) found.push(`${query}: no PromQL at ${node.from}`);
		if (node.name === 'VectorSelector') {
			const { metric, matchers } = selectorOf(node, text);
			if (!names.has(metric)) found.push(`there is no metric ${metric || query}`);
			else
				for (const label of matchers)
					if (![...TARGET_LABELS, ...labelsOf(metric)].includes(label)) found.push(`${metric} has no label ${label}`);
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
		matchers: matchers.map((matcher) => text(matcher.getChild('LabelName') ?? matcher)),
	};
}

function walk(node: SyntaxNode, visit: (node: SyntaxNode) => void): void {
	visit(node);
	for (let child = node.firstChild; child !== null; child = child.nextSibling) walk(child, visit);
}
