import { relative, resolve } from 'node:path';
import { transform } from 'esbuild';
import { defineConfig, type Options } from 'tsup';

const library = {
	entry: [
		'src/index.ts',
		'src/process/index.ts',
		'src/spill-file/index.ts',
		'src/spill-redis/index.ts',
		'src/spill-postgres/index.ts',
		'src/spill-nats/index.ts',
		'src/tiers-file/index.ts',
		'src/testing/index.ts',
	],
	target: 'node20',
	// The entries share their chunks, so that a class such as `ConfigError` has one identity across them.
	splitting: true,
	// Half of the package would be indentation; names stay, so that a stack trace can be read.
	esbuildOptions: (options) => {
		options.minifyWhitespace = true;
		options.minifySyntax = true;
	},
} satisfies Options;

/**
 * esbuild shares chunks between ES modules only. tsup's own way to CommonJS chunks rewrites every `?.` and `??` into
 * calls that allocate, on the path of every message too; esbuild keeps them.
 */
const commonJs: NonNullable<Options['plugins']>[number] = {
	name: 'commonjs',
	renderChunk: (code) => transform(code, { format: 'cjs', platform: 'node', target: library.target, minify: true }),
};

/** The command line is a user of the library, so it imports the built entries instead of carrying a second copy. */
const usesLibrary: NonNullable<Options['esbuildPlugins']>[number] = {
	name: 'uses-library',
	setup(build) {
		build.onResolve({ filter: /^\..*\/index\.js$/ }, ({ path, resolveDir }) => {
			const entry = relative(resolve('src'), resolve(resolveDir, path));
			return library.entry.includes(`src/${entry.replace(/js$/, 'ts')}`)
				? { path: `../${entry}`, external: true }
				: undefined;
		});
	},
};

export default defineConfig([
	{ ...library, format: 'esm' },
	{ ...library, format: 'esm', outExtension: () => ({ js: '.cjs' }), plugins: [commonJs] },
	{ ...library, format: ['esm', 'cjs'], dts: { only: true } },
	{
		entry: { 'cli/main': 'src/cli/main.ts' },
		format: 'esm',
		target: 'node20',
		minify: true,
		esbuildPlugins: [usesLibrary],
		// The bundled terminal libraries are CommonJS and call `require`, which an ES module does not have.
		banner: { js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);" },
	},
]);
