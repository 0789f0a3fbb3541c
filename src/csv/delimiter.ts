const DELIMITERS = [',', ';', '\t'] as const;

/**
 * What stands between the cells of a CSV text: the comma, semicolon or tab that its header has most of, a comma where it has
 * none. Only one of them, because keys and numbers may contain the others.
 */
export function delimiterOf(csv: string): string {
	const [header = ''] = /^.*$/m.exec(csv.trimStart()) ?? [];
	const bare = header.replace(/"(?:[^"]|"")*"/g, '');
	const count = (delimiter: string) => bare.split(delimiter).length;
	return DELIMITERS.reduce((most, delimiter) => (count(delimiter) > count(most) ? delimiter : most));
}
