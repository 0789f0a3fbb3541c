import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { SpillError } from '../ports/spill.js';
import { codeOf } from './errors.js';
import { type FileSystem, syncDirectory } from './file-system.js';
import { Hold } from './hold.js';
import { type Host, lives, type Owner, ownerText } from './owner.js';
import { readOwner, remove, writeOwner } from './owner-file.js';

const LOCK = 'lock';
/** `lock.bury-<token>`: the right to replace the lock of a dead owner. */
const BURY = 'lock.bury-';
const PREPARED = 'lock.new-';
const SOCKET = 'lock.sock-';
/** How often the state of the lock may change under our eyes before we give up. */
const ATTEMPTS_MAX = 16;

/**
 * Takes a directory for this process, or says who has it.
 *
 * The file appears with all of its content at once (`link` fails when the name exists). The lock of a dead owner is replaced
 * only by who holds the right to bury exactly that owner, a lock of its own with the owner's token in its name; so of
 * many who find the same dead owner one gets through, and nobody removes a lock that has changed hands meanwhile.
 *
 * @throws SpillError `SPILL_LOCKED`, with the owner in the message.
 */
export async function lockDirectory(files: FileSystem, directory: string, host: Host, nowMs: number): Promise<Hold> {
	const token = randomUUID();
	const path = (name: string) => join(directory, name);
	const stopListening = await host.listen(path(SOCKET + token));
	const owner: Owner = {
		token,
		bootId: await host.bootId(),
		pid: host.pid,
		startTicks: await ticksOf(host),
		pidNamespace: await host.pidNamespace(),
		host: host.name,
		sinceMs: nowMs,
		answers: stopListening !== undefined,
	};
	const release = async () => {
		try {
			await persistently(async () => {
				// A lock that is not ours any more was taken by somebody who was told to: it is theirs now.
				if ((await readOwner(files, path(LOCK)))?.token === token) await remove(files, path(LOCK));
			});
			await persistently(() => remove(files, path(PREPARED + token)));
		} finally {
			await stopListening?.();
			await persistently(() => remove(files, path(SOCKET + token)));
		}
	};
	try {
		await writeOwner(files, path(PREPARED + token), owner);
		await acquire(files, directory, host, owner, LOCK, 0);
		await persistently(() => remove(files, path(PREPARED + token)));
		await tidy(files, directory, host);
		await syncDirectory(files, directory);
		return new Hold({ files, directory, lock: path(LOCK), token, release });
	} catch (error) {
		// What went wrong first is what is told.
		await release().catch(() => undefined);
		throw error;
	}
}

/** A lock that stays by a mishap keeps this very process out, for as long as it lives. */
async function persistently(work: () => Promise<void>): Promise<void> {
	for (let attempt = 1; ; attempt++) {
		try {
			return await work();
		} catch (error) {
			if (attempt === 3) throw error;
		}
	}
}

/** Who holds a directory now; `undefined` = nobody who is known, or nobody. */
export async function ownerOf(
	files: FileSystem,
	directory: string,
	host: Host,
): Promise<{ readonly owner: Owner; readonly alive: boolean } | undefined> {
	const owner = await readOwner(files, join(directory, LOCK));
	if (owner === undefined || owner.pid < 0) return undefined;
	return { owner, alive: await lives(owner, host, join(directory, SOCKET + owner.token)) };
}

/** Makes `name` ours. @param depth  how many dead owners of rights have been met, one behind the other. */
async function acquire(
	files: FileSystem,
	directory: string,
	host: Host,
	own: Owner,
	name: string,
	depth: number,
): Promise<void> {
	const path = join(directory, name);
	const prepared = join(directory, PREPARED + own.token);
	for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
		const made = await linked(files, prepared, path);
		if (made === 'linked') return;
		if (made === 'no such file') {
			// Who became the owner meanwhile took it, half written, for what somebody dead had left.
			await writeOwner(files, prepared, own);
			continue;
		}
		const holder = await readOwner(files, path);
		// Released in this moment.
		if (holder === undefined) continue;
		if (await lives(holder, host, join(directory, SOCKET + holder.token))) throw locked(directory, holder);
		if (depth === ATTEMPTS_MAX) break;
		const right = BURY + holder.token;
		await acquire(files, directory, host, own, right, depth + 1);
		try {
			// With the right in hand nobody else replaces this lock; it may have been replaced before.
			if ((await readOwner(files, path))?.token !== holder.token) continue;
			const copy = `${prepared}-${depth}`;
			await writeOwner(files, copy, own);
			await files.rename(copy, path);
			return;
		} finally {
			await remove(files, join(directory, right));
		}
	}
	throw new SpillError(`${directory} cannot be locked: its lock keeps changing hands`, { code: 'SPILL_LOCKED' });
}

function locked(directory: string, owner: Owner): SpillError {
	return new SpillError(`${directory} is in use by ${ownerText(owner)}; one directory serves one store at a time`, {
		code: 'SPILL_LOCKED',
	});
}

async function linked(files: FileSystem, from: string, to: string): Promise<'linked' | 'exists' | 'no such file'> {
	try {
		await files.link(from, to);
		return 'linked';
	} catch (error) {
		const code = codeOf(error);
		if (code === 'EEXIST') return 'exists';
		if (code === 'ENOENT') return 'no such file';
		throw error;
	}
}

async function ticksOf(host: Host): Promise<string | null> {
	const ticks = await host.startTicks(host.pid);
	return ticks === 'gone' ? null : ticks;
}

/** Removes what others left that died on the way. Rights to bury are worth nothing now that the lock is ours. */
async function tidy(files: FileSystem, directory: string, host: Host): Promise<void> {
	for (const name of await files.readdir(directory)) {
		const path = join(directory, name);
		if (name.startsWith(BURY)) await remove(files, path);
		else if (name.startsWith(SOCKET) && !(await host.answers(path))) await remove(files, path);
		else if (name.startsWith(PREPARED)) {
			const owner = await readOwner(files, path);
			if (owner !== undefined && !(await lives(owner, host, join(directory, SOCKET + owner.token)))) {
				await remove(files, path);
			}
		}
	}
}
