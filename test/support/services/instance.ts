import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Service } from './find.js';
import { until } from './until.js';

/** A server of the test's own, in a temporary directory. */
export interface Instance extends Service {
	readonly directory: string;
	/** The process id of the running server; `undefined` while it is down. */
	readonly pid: number | undefined;
	/** Ends it; resolves when the process is gone. Default `SIGKILL`. Its data stay. */
	kill(signal?: NodeJS.Signals): Promise<void>;
	/** Starts it again on the same port and data, after ending it if need be; resolves when it answers. */
	restart(): Promise<void>;
	/** Ends it and removes its data. Idempotent. */
	stop(): Promise<void>;
}

/** How a server of some kind is started. */
export interface Launch {
	/** Such as `redis`. */
	readonly name: string;
	readonly url: (port: number) => string;
	/** Why the server at this URL cannot be used yet; `undefined` when it can. Bounded in time. */
	readonly refusal: (url: string) => Promise<string | undefined>;
	/** Makes the directory ready, once. */
	readonly prepare?: (directory: string) => Promise<void>;
	readonly command: (port: number, directory: string) => Command;
	/** How long it may take until it answers, ms. Default 20 000. */
	readonly readyMs?: number;
}

interface Command {
	readonly file: string;
	readonly args: readonly string[];
	/** Beside the environment of this process. */
	readonly env?: { readonly [name: string]: string };
	readonly uid?: number;
	readonly gid?: number;
}

const READY_MS = 20_000;
const STOP_MS = 5_000;
/** A free port may be taken by another before the server has it. */
const ATTEMPTS = 3;

/** Servers under way. */
const running = new Set<ChildProcess>();

/** @throws what the server said when it could not be started. */
export async function launch(kind: Launch): Promise<Instance> {
	const directory = await mkdtemp(join(tmpdir(), `brownout-${kind.name}-`));
	try {
		await kind.prepare?.(directory);
		for (let attempt = 1; ; attempt++) {
			const port = await freePort();
			try {
				return instance(kind, directory, port, await run(kind, directory, port));
			} catch (error) {
				if (attempt === ATTEMPTS) throw error;
			}
		}
	} catch (error) {
		await rm(directory, { recursive: true, force: true });
		throw error;
	}
}

function instance(kind: Launch, directory: string, port: number, started: ChildProcess): Instance {
	let child = started;
	return {
		url: kind.url(port),
		directory,
		get pid() {
			return running.has(child) ? child.pid : undefined;
		},
		kill: (signal = 'SIGKILL') => end(child, signal),
		async restart() {
			await end(child, 'SIGTERM');
			// What a killed server left behind, such as a worker that holds its memory, may need a moment to go.
			const started = async () => {
				child = await run(kind, directory, port);
				return true;
			};
			await until(`${kind.name} starts again`, started, kind.readyMs);
		},
		async stop() {
			await end(child, 'SIGTERM');
			await rm(directory, { recursive: true, force: true, maxRetries: 5 });
		},
	};
}

/** Resolves when the server answers; rejects with its output when it ends before. */
async function run(kind: Launch, directory: string, port: number): Promise<ChildProcess> {
	const { file, args, env, ...user } = kind.command(port, directory);
	const surroundings = { ...process.env, ...env };
	const child = spawn(file, args, { cwd: directory, env: surroundings, stdio: ['ignore', 'pipe', 'pipe'], ...user });
	let output = '';
	for (const stream of [child.stdout, child.stderr])
		stream.on('data', (chunk: Buffer) => {
			output = `${output}${chunk}`.slice(-4_000);
		});
	let failure: Error | undefined;
	child.once('error', (error) => {
		failure = error;
	});
	await Promise.race([once(child, 'spawn'), once(child, 'error')]);
	if (failure) throw failure;
	const guard = guardOf(child, directory);
	running.add(child);
	child.once('exit', () => {
		running.delete(child);
		guard.kill('SIGKILL');
	});
	let why: string | undefined;
	try {
		await until(
			`${kind.name} is ready`,
			async () => {
				if (!running.has(child)) return true;
				why = await kind.refusal(kind.url(port));
				return why === undefined;
			},
			kind.readyMs ?? READY_MS,
		);
	} catch (cause) {
		await end(child, 'SIGKILL');
		throw new Error(`${file} started and cannot be used: ${why}\n${output}`, { cause });
	}
	if (!running.has(child)) throw new Error(`${file} ended at once (${child.exitCode ?? child.signalCode}):\n${output}`);
	return child;
}

/**
 * Ends the server and removes its directory when this process ends without doing so, however it ends: then the pipe
 * between the two is closed.
 */
export function guardOf(child: ChildProcess, directory: string): ChildProcess {
	const script = 'cat > /dev/null; kill -9 "$0"; rm -rf "$1"';
	const guard = spawn('sh', ['-c', script, String(child.pid), directory], {
		stdio: ['pipe', 'ignore', 'ignore'],
		// Not in our group of processes: the signal that ends us must not end it as well.
		detached: true,
	});
	guard.unref();
	return guard;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
	if (!running.has(child)) return;
	child.kill(signal);
	const gone = () => !running.has(child);
	try {
		await until(`process ${child.pid} ends`, gone, STOP_MS);
	} catch {
		// It would not go when asked.
		child.kill('SIGKILL');
		await until(`process ${child.pid} ends`, gone, STOP_MS);
	}
}

/** A port of 127.0.0.1 that nobody has just now. */
export async function freePort(): Promise<number> {
	const server = createServer().listen(0, '127.0.0.1');
	await once(server, 'listening');
	const address = server.address();
	server.close();
	await once(server, 'close');
	if (address === null || typeof address === 'string') throw new Error('no port was given');
	return address.port;
}
