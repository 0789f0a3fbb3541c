import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { answersTo } from './programme.js';

/** One unit test, as `promtool test rules` takes it. */
export interface UnitTest {
	readonly interval: string;
	readonly input_series: readonly { readonly series: string; readonly values: string }[];
	readonly alert_rule_test?: readonly {
		readonly eval_time: string;
		readonly alertname: string;
		readonly exp_alerts: readonly {
			readonly exp_labels: Readonly<Record<string, string>>;
			readonly exp_annotations: Readonly<Record<string, string>>;
		}[];
	}[];
	readonly promql_expr_test?: readonly {
		readonly expr: string;
		readonly eval_time: string;
		readonly exp_samples: readonly { readonly labels: string; readonly value: number }[];
	}[];
}

/** Prometheus' tool, when it is in the PATH. It is no server, so there is nothing to stop. */
export const promtool = () => answersTo('promtool', '--version');

/** @param rules  the text of a rules file. @throws what the tool says, when a test fails or a rule cannot be evaluated. */
export async function testRules(rules: string, test: UnitTest): Promise<void> {
	const directory = await mkdtemp(join(tmpdir(), 'brownout-promtool-'));
	try {
		const file = join(directory, 'tests.yml');
		await writeFile(join(directory, 'rules.yml'), rules);
		const tests = { rule_files: ['rules.yml'], evaluation_interval: test.interval, tests: [test] };
		// JSON is valid YAML.
		await writeFile(file, JSON.stringify(tests));
		await run(['test', 'rules', file]);
	} finally {
		await rm(directory, { recursive: true });
	}
}

/** @returns what it prints. @throws what it says when it is not content. */
export async function run(args: readonly string[], input?: string): Promise<string> {
	const running = promisify(execFile)('promtool', args, { timeout: 60_000, maxBuffer: 10_000_000 });
	running.child.stdin?.end(input);
	try {
		const { stdout, stderr } = await running;
		return `${stdout}${stderr}`;
	} catch (error) {
		const { stdout, stderr } = error as { stdout?: string; stderr?: string };
		throw new Error(`promtool ${args.join(' ')}\n${stdout ?? ''}${stderr ?? ''}`, { cause: error });
	}
}
