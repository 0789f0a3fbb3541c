import { execFile } from 'node:child_process';
import {
	existsSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	realpathSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import ts from 'typescript';
import { afterAll, describe, expect, it } from 'vitest';

/**
 * Every ```ts block of README.md and docs/ compiles against the sources under the strict settings of the project, with
 * `brownout` and its subpaths resolved as for a user. After `ts` a block may say
 *
 * - `run`: the snippet also runs, from the sources, and ends with exit code 0;
 * - `continued`: it goes on where the block before it in the same document ended, and is compiled together with it.
 *
 * `{...}` and `[...]` are left to the renderer of the page. Any other word is refused, and so is code under a name that
 * would not be checked (`js`, `typescript`): there is no way to show a snippet that does not compile.
 */
interface Snippet {
	/** The document and the line on which the code begins, such as `docs/recipes.md:12`. */
	readonly name: string;
	/** The document with everything but the code of this snippet blanked, so that its line numbers are those of the page. */
	readonly text: string;
	readonly run: boolean;
}

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = workshop();
afterAll(() => rmSync(folder, { recursive: true }));

describe('the snippets of the documentation', () => {
	const snippets = documents().flatMap((path) => snippetsOf(path, readFileSync(root + path, 'utf8')));
	const complaints = typeErrors(snippets);

	it.each(snippets)('$name compiles', ({ name }) => expect(complaints.get(name)).toEqual([]));

	it.each(snippets.filter(({ run }) => run))('$name runs', async (snippet) => {
		await promisify(execFile)(process.execPath, ['--import', 'tsx', fileOf(snippet)], { cwd: folder, timeout: 50_000 });
	});
});

describe('the check of the snippets', () => {
	it('finds the blocks, joins what is continued and keeps the line numbers of the page', () => {
		const page = [
			'# Title',
			'```ts run',
			'let a = 1;',
			'```',
			'and',
			'```sh',
			'ls',
			'```',
			'```ts continued',
			'a += 1;',
			'```',
		];
		expect(snippetsOf('a.md', page.join('\n'))).toEqual([
			{ name: 'a.md:3', text: '\n\nlet a = 1;\n\n\n\n\n\n\na += 1;\n', run: true },
		]);
	});

	it('sees blocks in lists and longer fences, and no blocks inside of others', () => {
		const page = ['- item', '  ```ts', '  const a = 1;', '  ```', '````md', '```ts no-check', '```', '````'];
		expect(snippetsOf('a.md', page.join('\n')).map(({ name }) => name)).toEqual(['a.md:3']);
	});

	it.each([
		['```ts no-check\n```', 'a.md:1: "no-check" means nothing here'],
		['```js\n```', 'a.md:1: write "ts" instead of "js", so that the code is checked'],
		['```ts continued\n```', 'a.md:1: there is no block before it to continue'],
		['```ts\nconst a = 1;', 'a.md:1: the block does not end'],
	])('refuses %j', (page, complaint) => expect(() => snippetsOf('a.md', page)).toThrow(complaint));

	it('reports a snippet that does not compile, with the line of the page', () => {
		const page = 'Text.\n\n```ts\nexport const a: number = 1;\nexport const b: string = a;\n```\n';
		const [found] = typeErrors(snippetsOf('a.md', page)).values();
		expect(found).toEqual(["line 5: Type 'number' is not assignable to type 'string'."]);
	});

	it('reports a name that the package does not export', () => {
		const page =
			"```ts\nimport { nonsense } from 'brownout';\nimport * as more from 'brownout/nonsense';\nnonsense(more);\n```\n";
		const [found] = typeErrors(snippetsOf('a.md', page)).values();
		expect(found?.map((line) => line.split(':')[0])).toEqual(['line 2', 'line 3']);
	});
});

function documents(): string[] {
	const pages = readdirSync(`${root}docs`, { recursive: true, encoding: 'utf8' })
		.filter((path) => path.endsWith('.md') && !/(^|[\\/])(\.|node_modules)/.test(path))
		.map((path) => join('docs', path));
	return ['README.md', ...pages].filter((path) => existsSync(root + path));
}

function snippetsOf(path: string, markdown: string): Snippet[] {
	const lines = markdown.split('\n');
	const snippets: { first: number; shown: Set<number>; run: boolean }[] = [];
	for (let at = 0; at < lines.length; at++) {
		const [, fence, language, words] = /^\s*(`{3,}|~{3,})\s*(\w*)(.*)$/.exec(lines[at] ?? '') ?? [];
		if (fence === undefined) continue;
		const where = `${path}:${at + 1}`;
		const end = lines.findIndex((line, index) => index > at && line.trim() === fence);
		if (end < 0) throw new Error(`${where}: the block does not end`);
		if (/^(js|javascript|typescript|[cm]?[jt]sx?)$/.test(language ?? '') && language !== 'ts') {
			throw new Error(`${where}: write "ts" instead of "${language}", so that the code is checked`);
		}
		if (language === 'ts') {
			const marks = words?.match(/\{.*?\}|\[.*?\]|\S+/g)?.filter((word) => !/^[{[]/.test(word)) ?? [];
			const unknown = marks.find((mark) => mark !== 'run' && mark !== 'continued');
			if (unknown) throw new Error(`${where}: "${unknown}" means nothing here`);
			if (!marks.includes('continued')) snippets.push({ first: at + 1, shown: new Set(), run: false });
			const snippet = snippets.at(-1);
			if (!snippet) throw new Error(`${where}: there is no block before it to continue`);
			snippet.run ||= marks.includes('run');
			for (let line = at + 1; line < end; line++) snippet.shown.add(line);
		}
		at = end;
	}
	return snippets.map(({ first, shown, run }) => ({
		name: `${path}:${first + 1}`,
		text: lines.map((line, index) => (shown.has(index) ? line : '')).join('\n'),
		run,
	}));
}

/** What the compiler says about each snippet, by the snippet's name. */
function typeErrors(snippets: readonly Snippet[]): Map<string, string[]> {
	for (const snippet of snippets) writeFileSync(fileOf(snippet), snippet.text);
	const config = ts.getParsedCommandLineOfConfigFile(join(folder, 'tsconfig.json'), undefined, {
		...ts.sys,
		onUnRecoverableConfigFileDiagnostic: ({ messageText }) => {
			throw new Error(ts.flattenDiagnosticMessageText(messageText, '\n'));
		},
	});
	const program = ts.createProgram(snippets.map(fileOf), config?.options ?? {});
	const complain = ({ file, start = 0, messageText }: ts.Diagnostic) =>
		`line ${(file?.getLineAndCharacterOfPosition(start).line ?? -1) + 1}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
	return new Map(
		snippets.map((snippet) => {
			const file = program.getSourceFile(fileOf(snippet));
			const found = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
			return [snippet.name, found.map(complain)];
		}),
	);
}

function fileOf({ name }: Snippet): string {
	return join(folder, `${name.replace(/[^\w.-]/g, '-')}.ts`);
}

/** A folder like a user's project, in which `brownout` is the sources and the other packages are those of this project. */
function workshop(): string {
	const path = realpathSync(mkdtempSync(join(tmpdir(), 'brownout-snippets-')));
	const compilerOptions = {
		// A snippet may declare a thing and leave its use to the reader.
		...{ noUnusedLocals: false, noUnusedParameters: false },
		...{ moduleDetection: 'force', typeRoots: [`${root}node_modules/@types`] },
		paths: { brownout: [`${root}src/index.ts`], 'brownout/*': [`${root}src/*/index.ts`] },
	};
	writeFileSync(join(path, 'package.json'), JSON.stringify({ type: 'module' }));
	writeFileSync(
		join(path, 'tsconfig.json'),
		JSON.stringify({ extends: `${root}tsconfig.json`, compilerOptions, include: ['*.ts'] }),
	);
	symlinkSync(`${root}node_modules`, join(path, 'node_modules'), 'junction');
	return path;
}
