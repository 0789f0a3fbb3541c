/**
 * Breaks the code one line at a time and demands that the named test notices: `npm run test:mutations [word in a rule or file]`.
 * It works on copies of the sources and tests, so that an interrupted run leaves nothing broken behind.
 */
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Table from 'cli-table3';
import { type Mutation, mutations } from './list.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const [word = ''] = process.argv.slice(2);
const wanted = mutations.filter(({ rule, file }) => rule === word || file.includes(word));

type Result = 'killed' | 'survived' | 'test fails without it' | 'text is not there exactly once' | 'does not run';

interface Report {
	readonly testResults: readonly {
		readonly assertionResults: readonly { readonly title: string; readonly status: string }[];
	}[];
}

/** A copy of what the tests need. */
function createCopy(): string {
	const copy = mkdtempSync(join(tmpdir(), 'brownout-mutations-'));
	for (const part of ['src', 'test', 'package.json', 'tsconfig.json', 'vitest.config.ts']) {
		cpSync(join(root, part), join(copy, part), { recursive: true });
	}
	symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
	return copy;
}

/** Runs one test by its name. `null` when it did not run at all. */
async function runTest(copy: string, { file, name }: Mutation['test']): Promise<'passed' | 'failed' | null> {
	const report = join(copy, 'report.json');
	const exact = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
	const vitest = join(root, 'node_modules/vitest/vitest.mjs');
	const args = ['run', '--project', 'unit', file, '-t', exact, '--reporter', 'json', '--outputFile', report];
	rmSync(report, { force: true });
	await new Promise((resolve, reject) => {
		const child = spawn(process.execPath, [vitest, ...args], {
			cwd: copy,
			stdio: 'ignore',
			// The same cases every time: a mutant that is killed today is killed tomorrow.
			env: { ...process.env, FC_RUNS: '500', FC_SEED: '1' },
		});
		child.on('close', resolve).on('error', reject);
	});
	const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as Report;
	const found = testResults.flatMap(({ assertionResults }) => assertionResults).find(({ title }) => title === name);
	return found?.status === 'passed' || found?.status === 'failed' ? found.status : null;
}

/** How each test goes on the code as it is, by its name. */
const tested = new Map<string, ReturnType<typeof runTest>>();

async function judge(copy: string, { file, search, replace, test }: Mutation): Promise<Result> {
	const path = join(copy, file);
	const original = readFileSync(path, 'utf8');
	if (original.split(search).length !== 2) return 'text is not there exactly once';
	const unbroken = tested.get(test.name) ?? runTest(copy, test);
	tested.set(test.name, unbroken);
	if ((await unbroken) !== 'passed') return 'test fails without it';
	writeFileSync(
		path,
		original.replace(search, () => replace),
	);
	const result = await runTest(copy, test);
	writeFileSync(path, original);
	return result === null ? 'does not run' : result === 'failed' ? 'killed' : 'survived';
}

const results = new Map<Mutation, Result>();
const waiting = [...wanted];
await Promise.all(
	Array.from({ length: availableParallelism() }, async () => {
		const copy = createCopy();
		try {
			for (let mutation = waiting.shift(); mutation !== undefined; mutation = waiting.shift()) {
				results.set(mutation, await judge(copy, mutation));
			}
		} finally {
			rmSync(copy, { recursive: true, force: true });
		}
	}),
);

const report = new Table({ head: ['rule', 'file', 'without', 'result'], style: { head: [], border: [] } });
for (const mutation of wanted) {
	const { rule, file, search } = mutation;
	report.push([
		rule,
		file.replace('src/', ''),
		search.length > 60 ? `${search.slice(0, 59)}…` : search,
		results.get(mutation),
	]);
}
const bad = wanted.filter((mutation) => results.get(mutation) !== 'killed');
console.log(report.toString());
console.log(`${wanted.length - bad.length} of ${wanted.length} mutants killed`);
for (const mutation of bad)
	console.log(
		`${mutation.rule} ${mutation.file}: ${results.get(mutation)}: ${mutation.search}\n    by ${mutation.test.file}: ${mutation.test.name}`,
	);
process.exitCode = bad.length > 0 ? 1 : 0;
