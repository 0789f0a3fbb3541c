import { dirname } from 'node:path';
import type { FileSystem, OpenFile } from '../../../src/spill-file/file-system.js';

interface Inode {
	readonly ino: number;
	readonly mtimeMs: number;
	/** What programs see. */
	data: Buffer;
	/** What is on the platter. */
	synced: Buffer;
}

/** A change of the directory that is not on the platter yet. */
type Pending = { readonly directory: string } & (
	| { readonly set: string; readonly inode: Inode | 'directory' }
	| { readonly unset: string }
	| { readonly rename: string; readonly to: string }
);

/** A call that the disk is about to carry out. */
export interface Call {
	readonly name: string;
	readonly path: string;
	/** Calls count from 0. */
	readonly n: number;
}

/** What goes wrong with a call: it throws this code, or writes only so many bytes. */
export type Fault = { readonly code: string } | { readonly bytes: number };

type Keeps = (path: string, what: number | 'length' | 'entry') => boolean;

const SECTOR = 512;

/**
 * A file system in memory that a test can make fail and cut the power of. Then it forgets what was not synced, or any part
 * of it: the bytes of files by the sector, and entries of directories one by one.
 */
export class Disk implements FileSystem {
	/** Decides what goes wrong. */
	fault: (call: Call) => Fault | undefined = () => undefined;
	calls = 0;
	freeBytes = 2 ** 40;
	readonly #entries = new Map<string, Inode | 'directory'>();
	readonly #platter = new Map<string, Inode | 'directory'>();
	#pending: Pending[] = [];
	#dead = false;
	#openFiles = 0;

	/** Files that are open now. */
	get openFiles(): number {
		return this.#openFiles;
	}

	get paths(): string[] {
		return [...this.#entries.keys()].filter((path) => this.#entries.get(path) !== 'directory').sort();
	}

	contentOf(path: string): Buffer {
		return this.#file(path).data;
	}

	/** Damages or replaces a file, on the platter too. */
	overwrite(path: string, data: Uint8Array): void {
		const inode = this.#file(path);
		inode.data = Buffer.from(data);
		inode.synced = Buffer.from(data);
	}

	/** The same content on another disk, all of it synced. */
	clone(): Disk {
		const disk = new Disk();
		for (const [path, inode] of this.#entries) {
			const data = inode === 'directory' ? inode : inodeOf(inode.data);
			disk.#entries.set(path, data);
			disk.#platter.set(path, data);
		}
		return disk;
	}

	/**
	 * Cuts the power. Every later call on this disk fails.
	 *
	 * @param keeps  whether a change that was not synced reached the platter all the same: the bytes of a file from a byte on,
	 *   its length, or a change of the directory.
	 * @returns what is found when it is on again.
	 */
	powerLoss(keeps: Keeps): Disk {
		this.#dead = true;
		const disk = new Disk();
		const entries = new Map(this.#platter);
		for (const change of this.#pending) if (keeps(change.directory, 'entry')) apply(entries, change);
		const copies = new Map<Inode, Inode>();
		for (const [path, inode] of entries) {
			// What lay in a directory that is not there cannot be found.
			if (path !== '/' && !reachable(entries, path)) continue;
			if (inode === 'directory') disk.#entries.set(path, inode);
			else {
				const copy = copies.get(inode) ?? inodeOf(torn(path, inode, keeps));
				copies.set(inode, copy);
				disk.#entries.set(path, copy);
			}
		}
		for (const [path, inode] of disk.#entries) disk.#platter.set(path, inode);
		return disk;
	}

	async open(path: string, how: Parameters<FileSystem['open']>[1]): Promise<OpenFile> {
		this.#call(`open-${how}`, path);
		const found = this.#entries.get(path);
		if (how === 'directory') {
			if (found !== 'directory') throw failure('ENOENT', path);
			this.#openFiles++;
			return this.#openDirectory(path);
		}
		if (found === 'directory') throw failure('EISDIR', path);
		if (how === 'create' && found !== undefined) throw failure('EEXIST', path);
		if (found === undefined && this.#entries.get(dirname(path)) !== 'directory') throw failure('ENOENT', path);
		if (how === 'read' && found === undefined) throw failure('ENOENT', path);
		const inode = found ?? inodeOf(Buffer.alloc(0));
		if (found === undefined) this.#change({ directory: dirname(path), set: path, inode });
		this.#openFiles++;
		return this.#openFile(path, inode);
	}

	async mkdir(path: string): Promise<string | undefined> {
		this.#call('mkdir', path);
		let first: string | undefined;
		for (const part of ancestors(path)) {
			if (this.#entries.has(part)) continue;
			first ??= part;
			if (part === '/') {
				this.#entries.set(part, 'directory');
				this.#platter.set(part, 'directory');
			} else this.#change({ directory: dirname(part), set: part, inode: 'directory' });
		}
		return first;
	}

	async readdir(path: string): Promise<string[]> {
		this.#call('readdir', path);
		return [...this.#entries.keys()]
			.filter((entry) => entry !== '/' && dirname(entry) === path)
			.map((entry) => entry.slice(path.length + 1));
	}

	async readFile(path: string): Promise<Uint8Array> {
		this.#call('readFile', path);
		return Buffer.from(this.#file(path).data);
	}

	async stat(path: string): Promise<{ size: number; mtimeMs: number; ino: number }> {
		this.#call('stat', path);
		const { data, mtimeMs, ino } = this.#file(path);
		return { size: data.length, mtimeMs, ino };
	}

	/** What somebody else does to a directory: everything in it is gone, and so is it. */
	removeDirectory(path: string): void {
		for (const entry of [...this.#entries.keys()]) {
			if (entry === path || entry.startsWith(`${path}/`)) this.#change({ directory: dirname(entry), unset: entry });
		}
	}

	async link(from: string, to: string): Promise<void> {
		this.#call('link', to);
		if (this.#entries.has(to)) throw failure('EEXIST', to);
		this.#change({ directory: dirname(to), set: to, inode: this.#file(from) });
	}

	async rename(from: string, to: string): Promise<void> {
		this.#call('rename', to);
		this.#file(from);
		this.#change({ directory: dirname(to), rename: from, to });
	}

	async unlink(path: string): Promise<void> {
		this.#call('unlink', path);
		this.#file(path);
		this.#change({ directory: dirname(path), unset: path });
	}

	async statfs(path: string): Promise<{ bavail: number; bsize: number }> {
		this.#call('statfs', path);
		return { bavail: Math.floor(this.freeBytes / SECTOR), bsize: SECTOR };
	}

	#openFile(path: string, inode: Inode): OpenFile {
		const put = (name: string, bytes: Buffer, position: number) => {
			const fault = this.#call(name, path);
			const written = fault === undefined ? bytes : bytes.subarray(0, fault);
			const size = Math.max(inode.data.length, position + written.length);
			const data = Buffer.alloc(size);
			inode.data.copy(data);
			written.copy(data, position);
			inode.data = data;
			return { bytesWritten: written.length };
		};
		return {
			read: async (buffer, offset, length, position) => {
				this.#call('read', path);
				const some = inode.data.subarray(position, position + length);
				buffer.set(some, offset);
				return { bytesRead: some.length };
			},
			write: async (buffer, offset, length, position) =>
				put('write', Buffer.from(buffer.slice(offset, offset + length)), position),
			writev: async (buffers, position) => put('writev', Buffer.concat(buffers), position),
			datasync: async () => {
				this.#call('datasync', path);
				inode.synced = Buffer.from(inode.data);
			},
			sync: async () => {
				this.#call('sync', path);
				inode.synced = Buffer.from(inode.data);
			},
			truncate: async (length) => {
				this.#call('truncate', path);
				const data = Buffer.alloc(length);
				inode.data.copy(data);
				inode.data = data;
			},
			stat: async () => {
				this.#call('stat', path);
				return { size: inode.data.length, mtimeMs: Date.now() };
			},
			close: async () => {
				this.#openFiles--;
				this.#call('close', path);
			},
		};
	}

	#openDirectory(path: string): OpenFile {
		const unused = async () => {
			throw failure('EISDIR', path);
		};
		return {
			read: unused,
			write: unused,
			writev: unused,
			datasync: unused,
			truncate: unused,
			stat: unused,
			sync: async () => {
				this.#call('sync', path);
				for (const change of this.#pending) if (change.directory === path) apply(this.#platter, change);
				this.#pending = this.#pending.filter(({ directory }) => directory !== path);
			},
			close: async () => {
				this.#openFiles--;
				this.#call('close', path);
			},
		};
	}

	/** @returns how many bytes to write instead of all, if so. */
	#call(name: string, path: string): number | undefined {
		const n = this.calls++;
		if (this.#dead) throw failure('EIO', path);
		const fault = this.fault({ name, path, n });
		if (fault === undefined) return undefined;
		if ('code' in fault) throw failure(fault.code, path);
		return fault.bytes;
	}

	#change(change: Pending): void {
		apply(this.#entries, change);
		this.#pending.push(change);
	}

	#file(path: string): Inode {
		const inode = this.#entries.get(path);
		if (inode === undefined || inode === 'directory') throw failure('ENOENT', path);
		return inode;
	}
}

let inodes = 0;

/** A file with this content, on the platter too. */
function inodeOf(data: Buffer): Inode {
	return { ino: ++inodes, mtimeMs: Date.now(), data: Buffer.from(data), synced: Buffer.from(data) };
}

function apply(entries: Map<string, Inode | 'directory'>, change: Pending): void {
	if ('set' in change) entries.set(change.set, change.inode);
	else if ('unset' in change) entries.delete(change.unset);
	else {
		const inode = entries.get(change.rename);
		// The file that was to be renamed may itself not have reached the platter.
		if (inode === undefined) return;
		entries.delete(change.rename);
		entries.set(change.to, inode);
	}
}

function reachable(entries: ReadonlyMap<string, unknown>, path: string): boolean {
	return ancestors(dirname(path)).every((part) => entries.has(part));
}

function ancestors(path: string): string[] {
	const parts = path.split('/').filter(Boolean);
	return ['/', ...parts.map((_, i) => `/${parts.slice(0, i + 1).join('/')}`)];
}

/** A file of which only some sectors of the latest changes were written. */
function torn(path: string, { data, synced }: Inode, keeps: Keeps): Buffer {
	if (data.equals(synced)) return Buffer.from(data);
	// The length is metadata: it may be the new one though the bytes are not there.
	const result = Buffer.alloc(keeps(path, 'length') ? data.length : Math.min(data.length, synced.length));
	synced.copy(result);
	for (let at = 0; at < result.length; at += SECTOR) {
		if (keeps(path, at)) data.copy(result, at, at, Math.min(at + SECTOR, result.length));
	}
	return result;
}

function failure(code: string, path: string): Error {
	return Object.assign(new Error(`${code}: ${path}`), { code });
}
