import { relative, resolve } from 'node:path';
import { transform } from 'esbuild';
import { defineConfig, type Options } from 'tsup';
import { bundlePage } from './src/dashboard/page/bundle.js';

/** Puts the files of the live page, bundled, in the place of what bundles them when the sources are run. */
const withPage: NonNullable<Options['esbuildPlugins']>[number] = {
	name: 'with-page',
	setup(build) {
		build.onLoad({ filter: /dashboard[\\/]page[\\/]assets\.ts$/ }, async () => ({
			contents: `const files = new Map(${JSON.stringify([...(await bundlePage())])});
				export const assets = async () => files;`,
		}));
	},
};

/** Node prints the whole line that an uncaught error was thrown from. */
const LINE_LIMIT = 120;

const library = {
	entry: [
		'src/index.ts',
		'src/process/index.ts',
		'src/spill-file/index.ts',
		'src/spill-redis/index.ts',
		'src/spill-postgres/index.ts',
		'src/spill-nats/index.ts',
		'src/kafkajs/index.ts',
		'src/platformatic-kafka/index.ts',
		'src/nats/index.ts',
		'src/redis-streams/index.ts',
		'src/bullmq/index.ts',
		'src/amqplib/index.ts',
		'src/http/index.ts',
		'src/prometheus/index.ts',
		'src/opentelemetry/index.ts',
		'src/diagnostics/index.ts',
		'src/dashboard/index.ts',
		'src/tiers-file/index.ts',
		'src/simulate/index.ts',
		'src/testing/index.ts',
	],
	target: 'node20',
	// The entries share their chunks, so that a class such as `ConfigError` has one identity across them.
	splitting: true,
	esbuildPlugins: [withPage],
	// Half of the package would be indentation; names stay, so that a stack trace can be read.
	esbuildOptions: (options) => {
		options.minifyWhitespace = true;
		options.minifySyntax = true;
		options.lineLimit = LINE_LIMIT;
	},
} satisfies Options;

/** Names are for stack traces in production. What does not run there, and is not ours, does without them. */
const shortNames: NonNullable<Options['plugins']>[number] = {
	name: 'short-names',
	renderChunk: (code, { path }) =>
		/dist\/(simulate|testing)\//.test(path) || /class\s+CsvError/.test(code)
			? transform(code, {
					...{ format: 'esm', platform: 'node', target: library.target },
					...{ minify: true, lineLimit: LINE_LIMIT },
				})
			: undefined,
};

/** Files of their own that no user imports. */
const inner = {
	/** The CSV parser that entries share. */
	csv: 'node_modules/csv-parse/lib/sync.js',
	/** Made when it is imported, so whoever does not use it should not have it in a bundle. */
	'presets/market-data': 'src/presets/market-data.ts',
};

/** The command line is a user of the library, so it imports what is built instead of carrying a second copy. */
const usesLibrary: NonNullable<Options['esbuildPlugins']>[number] = {
	name: 'uses-library',
	setup(build) {
		build.onResolve({ filter: /^csv-parse\/sync$/ }, () => ({ path: '../csv.js', external: true }));
		build.onResolve({ filter: /^\..*\/index\.js$/ }, ({ path, resolveDir }) => {
			const entry = relative(resolve('src'), resolve(resolveDir, path));
			return library.entry.includes(`src/${entry.replace(/js$/, 'ts')}`)
				? { path: `../${entry}`, external: true }
				: undefined;
		});
	},
};

export default defineConfig([
	{
		...library,
		entry: { ...Object.fromEntries(library.entry.map((path) => [path.slice(4, -3), path])), ...inner },
		format: 'esm',
		plugins: [shortNames],
	},
	// Of CommonJS; scripts/formats.ts lets both formats share them, and the code.
	{ ...library, format: 'cjs', dts: { only: true } },
	{
		entry: { 'cli/main': 'src/cli/main.ts' },
		format: 'esm',
		target: 'node20',
		minify: true,
		esbuildOptions: (options) => {
			options.lineLimit = LINE_LIMIT;
		},
		esbuildPlugins: [usesLibrary],
		// Tables in colour, which we do not draw, would need it; cli-table3 does without.
		external: ['@colors/colors'],
		// The bundled terminal libraries are CommonJS and call `require`, which an ES module does not have.
		banner: { js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);" },
	},
]);
