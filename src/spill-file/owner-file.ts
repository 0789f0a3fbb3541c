import { crc32 } from 'node:zlib';
import { codeOf } from './errors.js';
import { type FileSystem, writeFully } from './file-system.js';
import type { Owner } from './owner.js';

/** Writes an owner down, so that the file can be linked or renamed into its place complete. */
export async function writeOwner(files: FileSystem, path: string, owner: Owner): Promise<void> {
	const file = await files.open(path, 'create');
	try {
		await writeFully(file, [Buffer.from(JSON.stringify(owner))], 0);
		await file.datasync();
	} finally {
		await file.close();
	}
}

/** @returns `undefined` where there is no lock. A lock that cannot be read was damaged, for it appeared complete. */
export async function readOwner(files: FileSystem, path: string): Promise<Owner | undefined> {
	let bytes: Uint8Array;
	try {
		bytes = await files.readFile(path);
	} catch (error) {
		if (codeOf(error) === 'ENOENT') return undefined;
		throw error;
	}
	const text = Buffer.from(bytes).toString('utf8');
	try {
		const found: unknown = JSON.parse(text);
		if (isOwner(found)) return found;
	} catch {
		// Not JSON: damaged, like JSON of another shape.
	}
	// Nobody lives in boot "damaged"; its content is its name, so that it is buried once.
	const token = `damaged-${crc32(bytes).toString(16)}-${bytes.length}`;
	const nobody = { bootId: 'damaged', pid: -1, startTicks: null, pidNamespace: null, host: '', answers: false };
	return { ...nobody, token, sinceMs: Number.NaN };
}

function isOwner(value: unknown): value is Owner {
	if (typeof value !== 'object' || value === null) return false;
	const { token, bootId, pid } = value as Partial<Record<keyof Owner, unknown>>;
	// The token becomes part of a file name.
	return typeof token === 'string' && /^[\w-]+$/.test(token) && typeof bootId === 'string' && typeof pid === 'number';
}

/** Also when it is gone already. */
export async function remove(files: FileSystem, path: string): Promise<void> {
	try {
		await files.unlink(path);
	} catch (error) {
		if (codeOf(error) !== 'ENOENT') throw error;
	}
}
