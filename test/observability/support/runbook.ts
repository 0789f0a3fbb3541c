/** The queries of a page: its ```promql blocks, without what indents them. */
export function queriesOf(page: string): string[] {
	return [...page.matchAll(/^( *)```promql\n([\s\S]*?)\n *```$/gm)].map(([, indent = '', query = '']) =>
		query.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
	);
}
