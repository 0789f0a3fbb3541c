import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { Redis } from 'ioredis';
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

/** Streams of all demos that run at the moment. */
async function redisPlaces(url: string): Promise<string[]> {
	const client = new Redis(url);
	return client.keys('brownout-demo-*').finally(() => client.quit());
}

async function natsPlaces(url: string): Promise<string[]> {
	const connection = await connect({ servers: url });
	const names: string[] = [];
	for await (const name of (await jetstreamManager(connection)).streams.names()) names.push(name);
	await connection.close();
	return names;
}

const ours = (names: readonly string[], before: readonly string[] = []) =>
	names.filter((name) => name.startsWith('brownout-demo-') && !before.includes(name));

const BROKERS = [
	['nats', 'NATS_URL', nats, natsPlaces],
	['redis', 'REDIS_URL', redis, redisPlaces],
	['kafka', 'KAFKA_BROKERS', apacheKafka, undefined],
	['rabbitmq', 'AMQP_URL', rabbitmq, undefined],
] as const;

for (const [broker, variable, find, listPlaces] of BROKERS) {
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

		if (listPlaces === undefined) return;
		it.each([
			['SIGINT', 130],
			['SIGTERM', 143],
		] as const)('leaves nothing behind at %s', { timeout: 120_000 }, async (signal, code) => {
			const before = await listPlaces(url);
			const temporary = mkdtempSync(join(tmpdir(), 'brownout-interrupted-'));
			const command = ['--import', 'tsx', 'examples/demo.ts', '--real-load', '--broker', broker];
			const env = { ...process.env, [variable]: url, TMPDIR: temporary };
			const child = spawn(process.execPath, command, { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] });
			try {
				let out = '';
				for await (const chunk of child.stdout.setEncoding('utf8')) {
					out += chunk;
					// Messages flow, and what does not is in the spill.
					if (/[1-9]\S* checked/.test(out) && !child.killed) {
						expect(ours(await listPlaces(url), before)).toHaveLength(1);
						expect(ours(readdirSync(temporary))).toHaveLength(1);
						child.kill(signal);
					}
				}
				if (child.exitCode === null) await once(child, 'exit');
				expect({ code: child.exitCode, out }).toEqual({ code, out: expect.stringContaining('  interrupted: ') });
				expect(ours(await listPlaces(url), before)).toEqual([]);
				expect(ours(readdirSync(temporary))).toEqual([]);
			} finally {
				child.kill('SIGKILL');
				rmSync(temporary, { recursive: true });
			}
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
