import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import manifest from '../package.json' with { type: 'json' };

/**
 * Who may import whom: each folder of `src` and the folders it may look into, besides itself.
 * A folder that is not named here has no place yet; give it one.
 */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
	core: [],
	ports: ['core'],
	control: ['core', 'ports', 'intake'],
	replay: ['core', 'ports'],
	intake: ['core', 'ports'],
	signals: ['core', 'ports'],
	spill: ['core', 'ports'],
	presets: ['core', 'ports'],
	handling: ['core', 'ports', 'control', 'replay', 'intake'],
	index: ['core', 'ports', 'control', 'handling', 'replay', 'intake', 'signals', 'spill', 'presets'],
	process: ['core', 'ports'],
	csv: [],
	'tiers-file': ['core', 'ports', 'csv'],
	'spill-file': ['core', 'ports', 'spill'],
	'spill-redis': ['core', 'ports', 'spill'],
	'spill-postgres': ['core', 'ports', 'spill'],
	'spill-nats': ['core', 'ports', 'spill'],
	brokers: ['core', 'ports'],
	kafkajs: ['core', 'ports', 'brokers'],
	'platformatic-kafka': ['core', 'ports', 'brokers'],
	nats: ['core', 'ports', 'brokers'],
	'redis-streams': ['core', 'ports', 'brokers'],
	bullmq: ['core', 'ports', 'brokers'],
	amqplib: ['core', 'ports', 'brokers'],
	http: ['core', 'ports'],
	metrics: ['core', 'ports'],
	prometheus: ['core', 'ports', 'metrics'],
	opentelemetry: ['core', 'ports', 'metrics'],
	diagnostics: ['core', 'ports'],
	dashboard: ['core', 'ports'],
	testing: ['core', 'ports', 'spill', 'intake'],
	simulate: ['core', 'ports', 'csv', 'signals', 'presets'],
	cli: ['core', 'ports', 'csv', 'index'],
};

/** The command line is a user of the library: beside the root it may import what a user may, the entries of the package. */
const ENTRIES = [
	'src/index.ts',
	'src/process/index.ts',
	'src/tiers-file/index.ts',
	'src/spill-file/index.ts',
	'src/testing/index.ts',
	'src/simulate/index.ts',
	'src/kafkajs/index.ts',
	'src/nats/index.ts',
	'src/redis-streams/index.ts',
	'src/amqplib/index.ts',
	'src/prometheus/index.ts',
	'src/dashboard/index.ts',
];

/** What would make the core depend on more than its arguments. */
const IMPURE = new Set([
	...['Date', 'performance', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'console', 'crypto'],
	...['process', 'fetch', 'globalThis'],
]);

/** Small libraries are bundled into the entries that need them, so that to install the package installs nothing else. */
const BUNDLED: Readonly<Record<string, readonly string[]>> = {
	cli: ['cli-table3', 'commander', 'csv-parse', 'log-update', 'picocolors'],
	simulate: ['csv-parse'],
	// The chart library is in the page; what bundles it is not in the package.
	dashboard: ['uplot', 'esbuild'],
	'tiers-file': ['csv-parse'],
	control: ['async-mutex'],
	'spill-file': ['async-mutex'],
	'spill-postgres': ['async-mutex'],
	'spill-nats': ['async-mutex'],
	'spill-redis': ['async-mutex'],
};
/** Only their types are used; the build writes these into ours. */
const TYPES_ONLY = ['typed-emitter'];

/** The sources by path from the root of the project. */
type Tree = ReadonlyMap<string, string>;

describe('the architecture', () => {
	const tree = readTree();

	it('has only the arrows between folders that are allowed', () => expect(badArrows(tree)).toEqual([]));
	it('has no circular import', () => expect(cycles(tree)).toEqual([]));
	it('keeps clocks, timers, randomness, output and packages out of the core', () =>
		expect(impurities(tree)).toEqual([]));
	it('reaches nothing of Node from the root entry', () => expect(nodeFromRoot(tree)).toEqual([]));
	it('imports only packages that a user has or that the build bundles', () => expect(badPackages(tree)).toEqual([]));
});

describe('the check of the architecture', () => {
	it('sees imports, re-exports, type imports and dynamic imports, and no text that looks like one', () => {
		const text = `
			import { a } from './a.js'; import type { B } from './b.js'; export * from './c.js'; export { d } from './d.js';
			const e = await import('./e.js'); type F = import('./f.js').F; import './g.js'; import h = require('./h.js');
			// import './comment.js'
			const i = "import './string.js'";`;
		expect(importsOf('src/core/x.ts', text).map(({ to }) => to)).toEqual(
			['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((name) => `src/core/${name}.ts`),
		);
	});

	it.each([
		['src/core/a.ts', "import '../ports/clock.js';", 'src/core/a.ts must not import src/ports/clock.ts'],
		['src/core/a.ts', "import type { B } from '../index.js';", 'src/core/a.ts must not import src/index.ts'],
		['src/replay/a.ts', "import '../control/b.js';", 'src/replay/a.ts must not import src/control/b.ts'],
		['src/process/a.ts', "import '../tiers-file/b.js';", 'src/process/a.ts must not import src/tiers-file/b.ts'],
		['src/process/a.ts', "export * from '../handling/b.js';", 'src/process/a.ts must not import src/handling/b.ts'],
		['src/cli/a.ts', "import '../tiers-file/parse.js';", 'src/cli/a.ts must not import src/tiers-file/parse.ts'],
		['src/core/a.ts', "import '../../test/b.js';", 'src/core/a.ts must not import test/b.ts'],
		['src/novelty/a.ts', '', 'src/novelty/a.ts lies in a folder that ARROWS does not name'],
	])('refuses %s with %s', (path, text, complaint) => {
		expect(badArrows(new Map([[path, text]]))).toEqual([complaint]);
	});

	it.each([
		['src/handling/a.ts', "import '../control/b.js'; import '../core/c.js'; import './d.js';"],
		['src/index.ts', "export * from './core/step.js'; export * from './handling/shedder.js';"],
		['src/cli/a.ts', "import '../index.js'; import '../process/index.js';"],
	])('allows %s with %s', (path, text) => expect(badArrows(new Map([[path, text]]))).toEqual([]));

	it('refuses a circle, also one of types, and names its files once', () => {
		const circle = new Map([
			['src/core/a.ts', "import './b.js';"],
			['src/core/b.ts', "import type { C } from './c.js';"],
			['src/core/c.ts', "import './b.js';"],
		]);
		expect(cycles(circle)).toEqual(['src/core/b.ts -> src/core/c.ts -> src/core/b.ts']);
	});

	it.each([
		'const at = Date.now();',
		'setTimeout(run, 5);',
		'const seed = Math.random();',
		'const { random } = Math;',
		"console.log('x');",
		'const at = globalThis.performance.now();',
		"import { readFileSync } from 'node:fs';",
		"import { Mutex } from 'async-mutex';",
	])('refuses a core that says %s', (text) => {
		expect(impurities(new Map([['src/core/a.ts', text]])).length).toBeGreaterThan(0);
	});

	it('allows a core that only names such things in members, strings and comments', () => {
		const text =
			"// Date\nexport const pure = (o: { Date: number; performance: number }) => [o.Date, o.performance, 'Date', Math.max(1, 2)];";
		expect(impurities(new Map([['src/core/a.ts', text]]))).toEqual([]);
	});

	it('refuses Node however far from the root entry it is', () => {
		const far = new Map([
			['src/index.ts', "export * from './control/a.js';"],
			['src/control/a.ts', "import type { B } from './b.js';"],
			['src/control/b.ts', "import { EventEmitter } from 'events';"],
			['src/process/index.ts', "import 'node:v8';"],
		]);
		expect(nodeFromRoot(far)).toEqual(['src/control/b.ts is reached from src/index.ts and imports events']);
	});

	it('refuses a package that the user of an entry does not have', () => {
		const texts: [string, string][] = [
			['src/testing/a.ts', "import { it } from 'vitest';"],
			['src/control/a.ts', "import { Mutex } from 'async-mutex'; import type Emitter from 'typed-emitter';"],
			['src/control/b.ts', "import Emitter from 'typed-emitter';"],
			['src/cli/a.ts', "import { Command } from 'commander';"],
		];
		expect(badPackages(new Map(texts))).toEqual([
			'src/testing/a.ts must not import vitest',
			'src/control/b.ts must not import typed-emitter',
		]);
	});
});

function badArrows(tree: Tree): string[] {
	return [...tree].flatMap(([path, text]) => {
		const allowed = ARROWS[folderOf(path)];
		if (!allowed) return [`${path} lies in a folder that ARROWS does not name`];
		return importsOf(path, text)
			.map(({ to }) => to)
			.filter((to) => to.includes('/') && to.endsWith('.ts'))
			.filter((to) => !(to.startsWith('src/') && [folderOf(path), ...allowed].includes(folderOf(to))))
			.filter((to) => !(folderOf(path) === 'cli' && ENTRIES.includes(to)))
			.map((to) => `${path} must not import ${to}`);
	});
}

function cycles(tree: Tree): string[] {
	const found: string[] = [];
	const done = new Set<string>();
	const visit = (path: string, trail: readonly string[]): void => {
		const start = trail.indexOf(path);
		if (start >= 0) found.push([...trail.slice(start), path].join(' -> '));
		if (done.has(path) || start >= 0) return;
		for (const { to } of importsOf(path, tree.get(path) ?? '')) if (tree.has(to)) visit(to, [...trail, path]);
		done.add(path);
	};
	for (const path of tree.keys()) visit(path, []);
	return found;
}

function impurities(tree: Tree): string[] {
	return [...tree]
		.filter(([path]) => folderOf(path) === 'core')
		.flatMap(([path, text]) => [
			...importsOf(path, text)
				.filter(({ to }) => !to.endsWith('.ts'))
				.map(({ to }) => `${path} imports ${to}`),
			...impureNames(parse(path, text)).map((name) => `${path} uses ${name}`),
		]);
}

function impureNames(source: ts.SourceFile): string[] {
	const found: string[] = [];
	const visit = (node: ts.Node): void => {
		if (ts.isIdentifier(node) && IMPURE.has(node.text) && !isMemberName(node)) found.push(node.text);
		if (ts.isIdentifier(node) && node.text === 'random') found.push('Math.random');
		ts.forEachChild(node, visit);
	};
	visit(source);
	return found;
}

/** `o.Date` and `{ Date: 1 }` name a member; `Date` and `{ Date }` mean the global. */
function isMemberName(node: ts.Identifier): boolean {
	const { parent } = node;
	if (ts.isPropertyAccessExpression(parent)) return parent.name === node;
	return (ts.isPropertyAssignment(parent) || ts.isPropertySignature(parent)) && parent.name === node;
}

function nodeFromRoot(tree: Tree): string[] {
	const reached = new Set(['src/index.ts']);
	const found: string[] = [];
	for (const path of reached) {
		for (const { to } of importsOf(path, tree.get(path) ?? '')) {
			if (isBuiltin(to)) found.push(`${path} is reached from src/index.ts and imports ${to}`);
			if (to.endsWith('.ts')) reached.add(to);
		}
	}
	return found;
}

function badPackages(tree: Tree): string[] {
	const installed = Object.keys(manifest.peerDependencies);
	return [...tree].flatMap(([path, text]) =>
		importsOf(path, text)
			.filter(({ to }) => !to.endsWith('.ts') && !isBuiltin(to))
			.filter(({ to, typeOnly }) => {
				const name = to.split('/', to.startsWith('@') ? 2 : 1).join('/');
				const usable = [...installed, ...(BUNDLED[folderOf(path)] ?? []), ...(typeOnly ? TYPES_ONLY : [])];
				return !usable.includes(name);
			})
			.map(({ to }) => `${path} must not import ${to}`),
	);
}

interface Import {
	/** The path of a source file, or the name of a package or of a part of Node. */
	readonly to: string;
	readonly typeOnly: boolean;
}

/** Every import and re-export, of values and of types, in the order of the text. */
function importsOf(path: string, text: string): Import[] {
	const found: Import[] = [];
	const add = (specifier: ts.Node | undefined, typeOnly: boolean): void => {
		if (!specifier || !ts.isStringLiteralLike(specifier)) return;
		const { text: name } = specifier;
		const to = name.startsWith('.') ? posix.join(posix.dirname(path), name).replace(/\.js$/, '.ts') : name;
		found.push({ to, typeOnly });
	};
	const visit = (node: ts.Node): void => {
		if (ts.isImportDeclaration(node)) {
			add(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword);
		} else if (ts.isExportDeclaration(node)) {
			add(node.moduleSpecifier, node.isTypeOnly);
		} else if (ts.isExternalModuleReference(node)) {
			add(node.expression, false);
		} else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
			add(node.argument.literal, true);
		} else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
			add(node.arguments[0], false);
		}
		ts.forEachChild(node, visit);
	};
	visit(parse(path, text));
	return found;
}

function parse(path: string, text: string): ts.SourceFile {
	return ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
}

/** The folder below `src`; the root entry is a folder of its own. */
function folderOf(path: string): string {
	return path === 'src/index.ts' ? 'index' : (path.split('/')[1] ?? '');
}

function readTree(): Tree {
	const root = fileURLToPath(new URL('..', import.meta.url));
	const paths = readdirSync(`${root}src`, { recursive: true, encoding: 'utf8' })
		.map((path) => posix.join('src', path.replaceAll('\\', '/')))
		.filter((path) => path.endsWith('.ts'));
	return new Map(paths.map((path) => [path, readFileSync(root + path, 'utf8')]));
}
