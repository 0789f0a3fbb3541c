import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { apacheKafka, describeWith, nats, rabbitmq, redis } from '../support/services.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Runs the demo as a person does who pipes it into a file. */
function demo(env: Readonly<Record<string, string>>, ...parameters: string[]) {
	const command = ['--import', 'tsx', 'examples/demo.ts', '--real-load', ...parameters];
	return new Promise<{ code: number | string; out: string; err: string }>((resolve) => {
		const options = { cwd: root, timeout: 280_000, env: { ...process.env, ...env } };
		execFile(process.execPath, command, options, (error, out, err) =>
			resolve({ code: error?.code ?? (error ? 'killed' : 0), out, err }),
		);
	});
}

const BROKERS = [
	['nats', 'NATS_URL', nats],
	['redis', 'REDIS_URL', redis],
	['kafka', 'KAFKA_BROKERS', apacheKafka],
	['rabbitmq', 'AMQP_URL', rabbitmq],
] as const;

for (const [broker, variable, find] of BROKERS) {
	await describeWith(find, `the real load through ${broker}`, ({ url }) => {
		it('is survived: every message that was sent is accounted for, and the broker holds none', {
			timeout: 300_000,
		}, async () => {
			const { code, out, err } = await demo({ [variable]: url }, '--broker', broker, '--duration', '3', '--ramp', '0');
			expect({ code, err, out }).toMatchObject({ code: 0, err: '' });
			expect(out.replace(/\s+/g, ' ')).toContain(` at ${url}`);
			expect(out).toContain('▲ NORMAL -> SOFT');
			expect(out).toContain('the broker still holds 0');
		});
	});
}

describe('the choice of a broker', { timeout: 60_000 }, () => {
	it('says what to do where none answers', async () => {
		const { code, err } = await demo({ NATS_URL: 'nats://127.0.0.1:9' }, '--broker', 'nats');
		expect(err).toContain('no NATS server with JetStream answers at nats://127.0.0.1:9; NATS_URL says where it is');
		expect(code).toBe(2);
	});

	it('refuses a broker that it does not know', async () => {
		const { code, err } = await demo({}, '--broker', 'mqtt');
		expect(err).toContain('Allowed choices are');
		expect(code).toBe(2);
	});
});
