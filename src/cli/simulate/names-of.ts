import { extname, normalize } from 'node:path';

/**
 * What ladders are called: as their files without the extension, with as much of the path before it as tells one from the
 * others.
 */
export function namesOf(sources: readonly string[]): string[] {
	const paths = sources.map((source) => normalize(source));
	const parts = paths.map((path) => path.slice(0, path.length - extname(path).length).split(/[\\/]/));
	const nameAt = (i: number, depth: number) => (parts[i] as string[]).slice(-depth).join('/');
	const depths = Array.from({ length: Math.max(...parts.map(({ length }) => length)) }, (_, i) => i + 1);
	return paths.map((path, i) => {
		const isTaken = (depth: number) =>
			paths.some((other, j) => other !== path && nameAt(j, depth) === nameAt(i, depth));
		const depth = depths.find((one) => !isTaken(one));
		// Where only the extensions differ, they are needed.
		return depth === undefined ? path : nameAt(i, depth);
	});
}
