import { execFile, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import vm from 'node:vm';
import { build } from 'esbuild';
import ts from 'typescript';
import { describe, expect, inject, it } from 'vitest';
import budgets from '../.size-limit.json' with { type: 'json' };
import manifest from '../package.json' with { type: 'json' };

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = readdirSync(join(root, 'dist'), { recursive: true, encoding: 'utf8' }).map((path) => `dist/${path}`);
const declarations = dist.filter((path) => /\.d\.c?ts$/.test(path));

describe('the package', () => {
	it('holds what was built, its papers and nothing else', () => {
		const others = inject('packed').filter((path) => !/^dist\/.*\.(js|cjs|d\.ts|d\.cts)$/.test(path));
		expect(others.sort()).toEqual([
			'CHANGELOG.md',
			'LICENSE',
			'README.md',
			'dist/THIRD-PARTY-NOTICES.txt',
			'package.json',
		]);
	});

	it('has no fault that publint finds', () => tool('publint/src/cli.js', inject('tarball'), '--strict'));

	it('has types that resolve under every condition', () =>
		tool('@arethetypeswrong/cli/dist/index.js', inject('tarball'), '--profile', 'node16'));

	it('keeps its size budgets', () => tool('size-limit/bin.js'));
});

describe('the root entry', () => {
	it('evaluates where there is no Node, only what a browser has', async () => {
		const code = await bundle("export * from './dist/index.js'");
		const { setInterval, clearInterval, setTimeout, clearTimeout, AbortController, AbortSignal } = globalThis;
		const browser = { performance, setInterval, clearInterval, setTimeout, clearTimeout, AbortController, AbortSignal };
		const { TextEncoder, TextDecoder, queueMicrotask, console } = globalThis;
		const context = vm.createContext({ ...browser, TextEncoder, TextDecoder, queueMicrotask, console });
		expect(vm.runInContext(`${code}; typeof brownout.createLoadShedder`, context)).toBe('function');
	});

	it('leaves nothing in a bundle that uses nothing of it', async () => {
		expect(await bundle("import './dist/index.js'; export const a = 1")).not.toContain('class');
	});

	it('has the whole public core under the budget of the core', () => {
		const core = budgets.find(({ name }) => name === 'the pure core alone');
		expect(core?.import).toBe(`{ ${coreExports().join(', ')} }`);
	});
});

describe('the entries', () => {
	it('share every error class of the library, so that instanceof holds across them', () => {
		const files = dist.filter((path) => path.endsWith('.js') && !path.startsWith('dist/cli/'));
		const names = files.flatMap((path) => classNames(parse(path))).filter((name) => name.endsWith('Error'));
		expect(names).toContain('ConfigError');
		expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
	});

	it('are the same in CommonJS, which has no copy of the code', () => {
		const require = createRequire(import.meta.url);
		const { ConfigError } = require(join(root, 'dist/index.cjs'));
		const { fileSpill } = require(join(root, 'dist/spill-file/index.cjs'));
		const { spillStoreConformance } = require(join(root, 'dist/testing/index.cjs'));
		for (const refuses of [fileSpill, spillStoreConformance]) expect(() => refuses({})).toThrow(ConfigError);
		// Outside the test runner, which has an `import` of its own.
		const script = `import('./dist/index.js').then(({ ConfigError }) =>
			process.exit(ConfigError === require('./dist/index.cjs').ConfigError ? 0 : 1));`;
		expect(spawnSync(process.execPath, ['-e', script], { cwd: root }).status).toBe(0);
	});
});

describe('an error that nobody catches', () => {
	it.each([
		['index.js', 'createLoadShedder()'],
		['spill-file/index.js', 'fileSpill()'],
		['simulate/index.js', "readTrace('')"],
	])('of %s shows a line or two of the code, not the whole file', (entry, call) => {
		const script = `(await import('./dist/${entry}')).${call};`;
		const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
			cwd: root,
			encoding: 'utf8',
		});
		expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringMatching(/^\w*Error: /m) });
		expect(stderr.length).toBeLessThan(2_000);
	});
});

describe('the live page', () => {
	it('comes with the package in both formats, with its chart library, and needs no file beside it', async () => {
		const require = createRequire(import.meta.url);
		const entries = [
			await import(join(root, 'dist/dashboard/index.js')),
			require(join(root, 'dist/dashboard/index.cjs')),
		];
		const { createLoadShedder, marketDataLadder } = await import(join(root, 'dist/index.js'));
		const signals = { lag: { read: () => 0, fallsWhilePaused: false }, heap: () => 0.5 };
		const shedder = createLoadShedder({ ladder: marketDataLadder, signals, priorityOf: () => 'normal' });
		for (const { serveDashboard } of entries) {
			const page = await serveDashboard(shedder);
			expect(await (await fetch(page.url)).text()).toContain('<script type="module" src="page.js">');
			expect(await (await fetch(`${page.url}page.css`)).text()).toContain('.uplot');
			expect(await (await fetch(`${page.url}page.js`)).text()).toContain('u-cursor-x');
			await page.close();
		}
		await shedder.stop();
		for (const path of dist.filter((name) => name.startsWith('dist/dashboard/') && /\.c?js$/.test(name)))
			expect(readFileSync(join(root, path), 'utf8')).not.toMatch(/(from|require\(|import\()\s*["'](esbuild|uplot)["']/);
		expect(readFileSync(join(root, 'dist/THIRD-PARTY-NOTICES.txt'), 'utf8')).toContain('uplot');
	});
});

describe('the emitted types', () => {
	it('exist for both formats of every entry', () => {
		const entries = Object.keys(manifest.exports).filter((path) => path !== './package.json');
		for (const entry of entries)
			for (const type of ['d.ts', 'd.cts']) expect(declarations).toContain(posix.join('dist', entry, `index.${type}`));
	});

	it.each(declarations)('of %s name no package that a user may not have', (path) => {
		const { importedFiles, typeReferenceDirectives } = ts.preProcessFile(readFileSync(join(root, path), 'utf8'));
		const names = [...importedFiles, ...typeReferenceDirectives].map(({ fileName }) => fileName);
		const installed = Object.keys(manifest.peerDependencies);
		const foreign = names.filter((name) => !name.startsWith('.') && !installed.includes(name));
		expect(foreign.filter((name) => !isBuiltin(name))).toEqual([]);
		if (/^dist\/index\.d\.c?ts$/.test(path)) expect(foreign).toEqual([]);
	});

	it.each(declarations)('of %s contain no any', (path) => expect(anys(parse(path))).toEqual([]));
});

/** Runs the command line of a package of this project; what it prints is the message when it fails. */
async function tool(path: string, ...parameters: string[]): Promise<void> {
	const env = { ...process.env, NO_COLOR: '1' };
	try {
		await promisify(execFile)(process.execPath, [join(root, 'node_modules', path), ...parameters], { cwd: root, env });
	} catch (error) {
		const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
		throw new Error(`${path} complains:\n${stdout}${stderr}`, { cause: error });
	}
}

async function bundle(contents: string): Promise<string> {
	const { outputFiles } = await build({
		...{ stdin: { contents, resolveDir: root }, bundle: true, write: false, minifySyntax: true },
		...{ platform: 'browser', format: 'iife', globalName: 'brownout', logLevel: 'silent' },
	});
	return outputFiles.map(({ text }) => text).join('');
}

/** The values that the root entry exports from `src/core`, sorted. */
function coreExports(): string[] {
	const entry = join(root, 'src/index.ts');
	const { options } = ts.parseJsonConfigFileContent({ extends: './tsconfig.json' }, ts.sys, root);
	const program = ts.createProgram([entry], options);
	const checker = program.getTypeChecker();
	const source = program.getSourceFile(entry);
	const exported = source && checker.getSymbolAtLocation(source);
	return (exported ? checker.getExportsOfModule(exported) : [])
		.map((symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol))
		.filter(({ flags }) => flags & ts.SymbolFlags.Value)
		.filter(({ declarations: [first] = [] }) => first?.getSourceFile().fileName.includes('/src/core/'))
		.map(({ name }) => name)
		.sort();
}

function classNames(source: ts.SourceFile): string[] {
	const found: string[] = [];
	const visit = (node: ts.Node): void => {
		// The bundler writes `var Name = class extends Error {}`.
		if (ts.isVariableDeclaration(node) && node.initializer && ts.isClassExpression(node.initializer)) {
			found.push(node.name.getText());
		} else if (ts.isClassDeclaration(node) && node.name) {
			found.push(node.name.text);
		}
		ts.forEachChild(node, visit);
	};
	visit(source);
	return found;
}

/** Every `any`, with its line. The constraint `(...args: any[]) => void` of a map of listeners gives nobody an `any`. */
function anys(source: ts.SourceFile): string[] {
	const found: string[] = [];
	const visit = (node: ts.Node): void => {
		const isConstraint = ts.isParameter(node) && node.dotDotDotToken && node.type?.getText() === 'any[]';
		if (node.kind === ts.SyntaxKind.AnyKeyword) found.push(node.parent.getText());
		if (!isConstraint) ts.forEachChild(node, visit);
	};
	visit(source);
	return found;
}

function parse(path: string): ts.SourceFile {
	return ts.createSourceFile(path, readFileSync(join(root, path), 'utf8'), ts.ScriptTarget.ES2022, true);
}
