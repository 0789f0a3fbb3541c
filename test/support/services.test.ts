import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access } from 'node:fs/promises';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { find } from './services/find.js';
import { launch } from './services/instance.js';
import {
	describeWith,
	kafka,
	nats,
	postgres,
	rabbitmq,
	redis,
	startAlertmanager,
	startNats,
	startPostgres,
	startPrometheus,
	startRabbitmq,
	startRedis,
	until,
} from './services.js';

vi.setConfig({ testTimeout: 60_000 });
afterEach(() => void vi.unstubAllEnvs());

const places = { name: 'thing', variable: 'THING_URL', localUrl: 'thing://local' };
const missing = () => Promise.reject(new Error('spawn thing ENOENT'));

describe('a server for tests', () => {
	it('is the one that the variable names, else the local one, else a new one', async () => {
		const start = async () => ({ url: 'thing://started', stop: async () => {} });
		const found = async (usable: string) =>
			(await find({ ...places, refusal: async (url) => (url === usable ? undefined : 'closed'), start }))?.url;
		expect(await found('thing://local')).toBe('thing://local');
		expect(await found('thing://elsewhere')).toBe('thing://started');
		vi.stubEnv('THING_URL', 'thing://named');
		expect(await found('thing://named')).toBe('thing://named');
		await expect(found('thing://local')).rejects.toThrow('THING_URL=thing://named: closed');
	});

	it('is missing loudly, or not at all when it is required', async () => {
		const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
		const closed = { ...places, refusal: async () => 'closed', start: missing };
		vi.stubEnv('BROWNOUT_REQUIRE_SERVICES', '');
		expect(await find(closed)).toBeUndefined();
		const line = 'no thing: thing://local: closed; spawn thing ENOENT';
		expect(stderr.mock.calls).toEqual([[`SKIPPED, ${line}\n`]]);
		vi.stubEnv('BROWNOUT_REQUIRE_SERVICES', '1');
		await expect(find(closed)).rejects.toThrow(line);
		stderr.mockRestore();
	});

	it('is missing where the programme is not installed', async () => {
		const nowhere = {
			url: () => '',
			refusal: async () => undefined,
			command: () => ({ file: 'no-such-server', args: [] }),
		};
		const error = await launch({ name: 'thing', ...nowhere }).catch((thrown: unknown) => thrown);
		expect(error).toMatchObject({ code: 'ENOENT', message: 'spawn no-such-server ENOENT' });
	});

	it('gives up waiting after a bound, with the last reason', async () => {
		const waiting = until('rain', () => Promise.reject(new Error('sunshine')), 50);
		await expect(waiting).rejects.toMatchObject({
			message: 'rain: not within 50 ms',
			cause: expect.objectContaining({ message: 'sunshine' }),
		});
	});
});

await describeWith(redis, 'a redis that was found', ({ url }) => {
	it('answers', () => expect(listens(url)).resolves.toBe(true));
});
await describeWith(postgres, 'a postgres that was found', ({ url }) => {
	it('answers', () => expect(listens(url)).resolves.toBe(true));
});
await describeWith(nats, 'a nats that was found', ({ url }) => {
	it('answers', () => expect(listens(url)).resolves.toBe(true));
});

await describeWith(kafka, 'a kafka that was found', ({ url }) => {
	it('answers', () => expect(listens(`kafka://${url}`)).resolves.toBe(true));
});

await describeWith(rabbitmq, 'a rabbitmq that was found', ({ url }) => {
	it('answers', () => expect(listens(url)).resolves.toBe(true));
});

await describeWith(
	() => startRedis(['--appendonly', 'yes', '--appendfsync', 'always']),
	'a private redis',
	(server) => {
		it('says why one could not be started', async () => {
			await expect(startRedis(['--port', 'none'])).rejects.toThrow(
				/redis-server ended at once \(1\):[\s\S]*'port "none"'/,
			);
		});

		it('keeps its data over kill -9 and is gone after stop', async () => {
			await withRedis(server.url, (client) => client.set('a', '1'));
			const { pid } = server;
			await server.kill();
			expect(server.pid).toBeUndefined();
			expect(await listens(server.url)).toBe(false);
			await server.restart();
			expect(server.pid).not.toBe(pid);
			expect(await withRedis(server.url, (client) => client.get('a'))).toBe('1');
			await server.stop();
			expect(await listens(server.url)).toBe(false);
			await expect(access(server.directory)).rejects.toThrow('ENOENT');
			await server.stop();
		});
	},
);

const services = fileURLToPath(new URL('./services.ts', import.meta.url));
await describeWith(startRedis, 'a private redis whose test is killed', () => {
	it('ends too, and leaves nothing behind', async () => {
		const script = `import { startRedis } from ${JSON.stringify(services)};
			const { pid, directory } = await startRedis();
			process.stdout.write(JSON.stringify({ pid, directory }));`;
		const owner = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script]);
		const [line] = await once(owner.stdout, 'data');
		const { pid, directory } = JSON.parse(String(line));
		const is = (path: string) =>
			access(path).then(
				() => true,
				() => false,
			);
		expect([await is(directory), isAlive(pid)]).toEqual([true, true]);
		owner.kill('SIGKILL');
		await until('the server ends', async () => !isAlive(pid) && !(await is(directory)));
	});
});

await describeWith(
	() => startPostgres({ synchronous_commit: 'off' }),
	'a private postgres',
	(server) => {
		it('has the settings it was given and comes back after kill -9', async () => {
			expect(await show(server.url, 'synchronous_commit')).toBe('off');
			await server.kill();
			expect(await listens(server.url)).toBe(false);
			await server.restart();
			expect(await show(server.url, 'fsync')).toBe('on');
		});
	},
);

await describeWith(
	() => startNats({ max_payload: 4_096 }),
	'a private nats',
	(server) => {
		it('has the settings it was given and comes back after kill -9', async () => {
			expect(await greeting(server.url)).toMatch(/^INFO .*"max_payload":4096/);
			await server.kill();
			await server.restart();
			expect(await greeting(server.url)).toMatch(/^INFO /);
		});
	},
);

await describeWith(
	() => startRabbitmq({ consumer_timeout: 1_000_000 }),
	'a private rabbitmq',
	(server) => {
		it('comes back after kill -9 and is gone after stop', async () => {
			await server.kill();
			expect(await listens(server.url)).toBe(false);
			await server.restart();
			expect(await listens(server.url)).toBe(true);
			await server.stop();
			expect(await listens(server.url)).toBe(false);
			await expect(access(server.directory)).rejects.toThrow('ENOENT');
		}, 200_000);
	},
);

await describeWith(
	() => startPrometheus({ targets: {} }),
	'a private prometheus',
	({ url, stop }) => {
		it('answers, and is gone after stop', async () => {
			expect((await fetch(`${url}/api/v1/query?query=up`)).status).toBe(200);
			await stop();
			expect(await listens(url)).toBe(false);
		});
	},
);

await describeWith(
	() => startAlertmanager('http://127.0.0.1:9/'),
	'a private alertmanager',
	({ url, stop }) => {
		it('answers, and is gone after stop', async () => {
			expect((await fetch(`${url}/api/v2/status`)).status).toBe(200);
			await stop();
			expect(await listens(url)).toBe(false);
		});
	},
);

function isAlive(pid: number): boolean {
	try {
		return process.kill(pid, 0);
	} catch {
		return false;
	}
}

function listens(url: string): Promise<boolean> {
	const { hostname, port } = new URL(url);
	return new Promise((resolve) => {
		const socket = connect(Number(port), hostname);
		socket.once('connect', () => {
			resolve(true);
			socket.destroy();
		});
		socket.once('error', () => resolve(false));
	});
}

function greeting(url: string): Promise<string> {
	const { hostname, port } = new URL(url);
	return new Promise((resolve, reject) => {
		const socket = connect(Number(port), hostname);
		socket.once('data', (line) => {
			resolve(String(line));
			socket.destroy();
		});
		socket.once('error', reject);
	});
}

async function withRedis<T>(url: string, use: (client: Redis) => Promise<T>): Promise<T> {
	const client = new Redis(url);
	try {
		return await use(client);
	} finally {
		client.disconnect();
	}
}

async function show(url: string, setting: string): Promise<unknown> {
	const client = new pg.Client(url);
	await client.connect();
	try {
		return (await client.query(`SHOW ${setting}`)).rows[0][setting];
	} finally {
		await client.end();
	}
}
