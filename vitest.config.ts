import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** Where the JSON report goes, for whoever counts the tests. */
const report = process.env.BROWNOUT_TEST_REPORT;

const docs = [
	'test/readme-transcript.test.ts',
	'test/docs-snippets.test.ts',
	'test/docs-links.test.ts',
	'test/examples.test.ts',
	'test/docs-commands.test.ts',
	'test/docs-images.test.ts',
	'test/demo/run.test.ts',
	'test/demo/brokers.test.ts',
];
const built = ['test/package.test.ts', 'test/consumers/**/*.test.ts'];

/** One project after the other: compilers at work would disturb the tests that measure this process. */
const inTurn = (groupOrder: number) => ({ sequence: { groupOrder } });

export default defineConfig({
	test: {
		reporters: report ? ['default', ['json', { outputFile: report }]] : ['default'],
		allowOnly: false,
		// Half of the time is spent on waiting for servers, also where there are two cores.
		maxWorkers: Math.max(2, availableParallelism() - 1),
		projects: [
			// The library itself, from the sources. The stores on servers start those that are not running.
			{
				test: {
					...inTurn(0),
					name: 'unit',
					include: ['test/**/*.test.ts'],
					exclude: [...docs, ...built],
					// Only what hangs takes as long, also where servers start on a busy machine.
					testTimeout: 60_000,
					hookTimeout: 60_000,
				},
			},
			// What README, docs and examples show works, from the sources.
			{ test: { ...inTurn(1), name: 'docs', include: docs, testTimeout: 60_000 } },
			// What a user installs works. Reads `dist`, so build first.
			{
				test: {
					...inTurn(2),
					name: 'package',
					include: built,
					globalSetup: 'test/consumers/pack.ts',
					testTimeout: 120_000,
					hookTimeout: 120_000,
				},
			},
		],
	},
});
