import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { apacheKafka, describeWith, nats, rabbitmq, redis, type Service } from './support/services.js';

/** The arguments with which an example is short enough for a test. */
const ARGUMENTS: Readonly<Record<string, readonly string[]>> = {
	'demo.ts': ['--quick'],
	'dashboard.ts': ['--port', '0', '--for', '2'],
};

/** The examples that need a server, by the variable in which they look for its URL. */
const SERVED: readonly (readonly [
	variable: string,
	find: () => Promise<Service | undefined>,
	names: readonly string[],
])[] = [
	['NATS_URL', nats, ['nats.ts']],
	['KAFKA_BROKERS', apacheKafka, ['kafkajs.ts', 'platformatic-kafka.ts']],
	['REDIS_URL', redis, ['redis-streams.ts', 'bullmq.ts']],
	['AMQP_URL', rabbitmq, ['amqplib.ts']],
];

const root = fileURLToPath(new URL('..', import.meta.url));
const examples = readdirSync(`${root}examples`).filter((name) => name.endsWith('.ts'));
const alone = examples.filter((name) => !SERVED.some(([, , names]) => names.includes(name)));

async function run(name: string, env: Readonly<Record<string, string>> = {}): Promise<void> {
	const parameters = ['--import', 'tsx', `examples/${name}`, ...(ARGUMENTS[name] ?? [])];
	const options = { cwd: root, timeout: 50_000, env: { ...process.env, ...env } };
	const { stdout } = await promisify(execFile)(process.execPath, parameters, options);
	expect(stdout).not.toBe('');
}

describe('the examples', () => {
	it.each(alone)('%s runs from the sources and prints what it shows', (name) => run(name));
});

for (const [variable, find, names] of SERVED) {
	const here = names.filter((name) => examples.includes(name));
	await describeWith(find, `the examples for ${variable}`, ({ url }) => {
		it.each(here)('%s runs from the sources and prints what it shows', (name) => run(name, { [variable]: url }));
	});
}
