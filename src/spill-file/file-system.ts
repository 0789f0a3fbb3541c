import { constants } from 'node:fs';
import * as fs from 'node:fs/promises';

/** An open file, or a directory opened to be synced. The part of `FileHandle` that is used, so that tests can stand in for it. */
export interface OpenFile {
	read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ readonly bytesRead: number }>;
	write(
		buffer: Uint8Array,
		offset: number,
		length: number,
		position: number,
	): Promise<{ readonly bytesWritten: number }>;
	writev(buffers: readonly Uint8Array[], position: number): Promise<{ readonly bytesWritten: number }>;
	datasync(): Promise<void>;
	sync(): Promise<void>;
	truncate(length: number): Promise<void>;
	stat(): Promise<{ readonly size: number; readonly mtimeMs: number }>;
	close(): Promise<void>;
}

/** The file-system calls that the log makes, and no others. */
export interface FileSystem {
	/** `create` fails when the file exists; `update` makes it when it does not; `directory` is for `sync` only. */
	open(path: string, how: 'read' | 'create' | 'update' | 'directory'): Promise<OpenFile>;
	/** Makes the directory and its parents. @returns the first one made, if any. */
	mkdir(path: string): Promise<string | undefined>;
	readdir(path: string): Promise<readonly string[]>;
	readFile(path: string): Promise<Uint8Array>;
	/** Fails with ENOENT when the name is gone, also where its file is still open. */
	stat(path: string): Promise<{ readonly size: number; readonly mtimeMs: number; readonly ino: number }>;
	/** Fails when `to` exists. */
	link(from: string, to: string): Promise<void>;
	rename(from: string, to: string): Promise<void>;
	unlink(path: string): Promise<void>;
	statfs(path: string): Promise<{ readonly bavail: number; readonly bsize: number }>;
}

const FLAGS = {
	read: 'r',
	create: 'wx+',
	update: constants.O_RDWR | constants.O_CREAT,
	directory: 'r',
} as const;

/** Files are for their owner only: a spilled message may hold anything. */
export const nodeFileSystem: FileSystem = {
	async open(path, how) {
		// Windows cannot open a directory; its metadata is journalled, and there is nothing to sync.
		if (how === 'directory' && process.platform === 'win32') return NO_DIRECTORY;
		return fs.open(path, FLAGS[how], 0o600);
	},
	mkdir: (path) => fs.mkdir(path, { recursive: true, mode: 0o700 }),
	readdir: (path) => fs.readdir(path),
	readFile: (path) => fs.readFile(path),
	stat: (path) => fs.stat(path),
	link: (from, to) => fs.link(from, to),
	rename: (from, to) => fs.rename(from, to),
	unlink: (path) => fs.unlink(path),
	statfs: (path) => fs.statfs(path),
};

const nothing = async () => {};
const unreadable = async () => {
	throw new Error('a directory has no bytes');
};
const NO_DIRECTORY: OpenFile = {
	read: unreadable,
	write: unreadable,
	writev: unreadable,
	stat: unreadable,
	datasync: nothing,
	sync: nothing,
	truncate: nothing,
	close: nothing,
};

/** Makes the creation and removal of the entries of a directory durable. */
export async function syncDirectory(files: FileSystem, path: string): Promise<void> {
	const directory = await files.open(path, 'directory');
	try {
		await directory.sync();
	} finally {
		await directory.close();
	}
}

/** Writes all of the buffers: a call may write less than it was given. @throws the system's error, such as ENOSPC. */
export async function writeFully(file: OpenFile, buffers: readonly Uint8Array[], position: number): Promise<void> {
	let rest = buffers;
	let at = position;
	while (rest.length > 0) {
		// More buffers than IOV_MAX in one call are an error on some systems.
		const some = rest.slice(0, IOV_MAX);
		const { bytesWritten } = await file.writev(some, at);
		if (bytesWritten <= 0) throw Object.assign(new Error('a write wrote nothing'), { code: 'EIO' });
		at += bytesWritten;
		rest = after(rest, bytesWritten);
	}
}

const IOV_MAX = 512;

/** What is left of the buffers behind their first `bytes`. */
function after(buffers: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
	let left = bytes;
	for (const [i, buffer] of buffers.entries()) {
		if (left < buffer.byteLength) return [buffer.subarray(left), ...buffers.slice(i + 1)];
		left -= buffer.byteLength;
	}
	return [];
}

/** Reads up to `length` bytes. @returns how many there were: less only at the end of the file. */
export async function readFully(file: OpenFile, into: Uint8Array, length: number, position: number): Promise<number> {
	let got = 0;
	while (got < length) {
		const { bytesRead } = await file.read(into, got, length - got, position + got);
		if (bytesRead === 0) break;
		got += bytesRead;
	}
	return got;
}
