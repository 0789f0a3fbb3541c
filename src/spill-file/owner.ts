import { readFile, readlink } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { hostname } from 'node:os';
import { codeOf } from './errors.js';

/** Who holds a directory. A pid alone names nobody: it is given out again, and in containers everybody is pid 1. */
export interface Owner {
	/** Of this holding; never the same twice. */
	readonly token: string;
	/** Of the kernel's current run; the host's name where the system does not tell. */
	readonly bootId: string;
	readonly pid: number;
	/** When the process began, in clock ticks since boot; `null` where the system does not tell. */
	readonly startTicks: string | null;
	/** Pids of another namespace (another container) cannot be looked up; `null` where there are none. */
	readonly pidNamespace: string | null;
	readonly host: string;
	/** Epoch ms. */
	readonly sinceMs: number;
	/** Whether a socket beside the lock answers as long as the process lives. */
	readonly answers: boolean;
}

/** An owner for messages. */
export function ownerText({ pid, host, sinceMs, startTicks }: Owner): string {
	const since = Number.isFinite(sinceMs) ? new Date(sinceMs).toISOString() : 'an unknown time';
	return `process ${pid} (started at tick ${startTicks ?? 'unknown'}) on ${host} since ${since}`;
}

/** What is asked of the system to tell the living from the dead. Tests have systems of their own. */
export interface Host {
	readonly pid: number;
	readonly name: string;
	bootId(): Promise<string>;
	pidNamespace(): Promise<string | null>;
	/** Start time of a living process; `gone` when there is none with this pid, `null` when it lives and no more is known. */
	startTicks(pid: number): Promise<string | 'gone' | null>;
	/** Answers at a path until closed. @returns `undefined` where that is not possible. */
	listen(path: string): Promise<(() => Promise<void>) | undefined>;
	/** Whether somebody answers there. */
	answers(path: string): Promise<boolean>;
}

/**
 * Whether the process that wrote itself down still lives; for one in this very process, such as a worker thread that was
 * ended, whether it still answers.
 *
 * @param socket  the path where it would answer.
 */
export async function lives(owner: Owner, host: Host, socket: string): Promise<boolean> {
	if (owner.bootId !== (await host.bootId())) return false;
	if (owner.pidNamespace !== (await host.pidNamespace())) {
		// Its pid says nothing here. Where it could not open a socket nobody can tell, and a person has to.
		return owner.answers ? host.answers(socket) : true;
	}
	const ticks = await host.startTicks(owner.pid);
	if (ticks === 'gone') return false;
	if (ticks !== null && owner.startTicks !== null && ticks !== owner.startTicks) return false;
	// The kernel closes the socket of a thread with it, and whoever holds a directory listens before and after that.
	return owner.pid === host.pid && owner.answers ? host.answers(socket) : true;
}

/** Sockets have room for a path of about 100 bytes. */
const SOCKET_PATH_MAX = 100;

/** This machine. */
export const thisHost: Host = {
	pid: process.pid,
	name: hostname(),
	async bootId() {
		return (await textOf('/proc/sys/kernel/random/boot_id'))?.trim() ?? hostname();
	},
	async pidNamespace() {
		try {
			return await readlink('/proc/self/ns/pid');
		} catch (error) {
			if (isAbsent(error)) return null;
			throw error;
		}
	},
	async startTicks(pid) {
		const stat = await textOf(`/proc/${pid}/stat`);
		if (stat !== undefined) {
			// The name of the program, in parentheses, may hold spaces and parentheses itself.
			const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
			// A zombie holds nothing any more. Fields 3 and 22 of proc(5).
			return fields[0] === 'Z' || fields[0] === 'X' ? 'gone' : (fields[19] ?? null);
		}
		try {
			process.kill(pid, 0);
			return null;
		} catch (error) {
			return codeOf(error) === 'ESRCH' ? 'gone' : null;
		}
	},
	listen(path) {
		if (process.platform === 'win32' || Buffer.byteLength(path) > SOCKET_PATH_MAX) return Promise.resolve(undefined);
		const server = createServer((socket) => socket.destroy());
		return new Promise((resolve) => {
			// A file system without sockets is no reason not to spill.
			server.once('error', () => resolve(undefined));
			server.listen(path, () => {
				server.unref();
				resolve(() => new Promise<void>((closed) => void server.close(() => closed())));
			});
		});
	},
	answers(path) {
		return new Promise((resolve) => {
			const socket = connect(path);
			socket.once('connect', () => {
				socket.destroy();
				resolve(true);
			});
			// Refused: the file is left of somebody who is gone. A full queue (EAGAIN) means that somebody is there.
			socket.once('error', (error) => resolve(!['ECONNREFUSED', 'ENOENT'].includes(String(codeOf(error)))));
		});
	},
};

async function textOf(path: string): Promise<string | undefined> {
	try {
		return await readFile(path, 'utf8');
	} catch (error) {
		if (isAbsent(error)) return undefined;
		throw error;
	}
}

/** Also what a process that ends while it is looked at gives (ESRCH). */
function isAbsent(error: unknown): boolean {
	return ['ENOENT', 'ENOTDIR', 'ESRCH', 'EACCES'].includes(String(codeOf(error)));
}
