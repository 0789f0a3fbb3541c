import { join } from 'node:path';
import { codeOf } from './errors.js';
import type { FileSystem } from './file-system.js';
import type { Segment } from './log.js';
import { remove } from './owner-file.js';

export const QUARANTINE_SUFFIX = '.damaged';
/** A person needs an example or two, and the space is wanted. */
const FILES_MAX = 4;

/** Damaged segments that are done with, set aside for a person to look at: the latest few, within an eighth of the space. */
export class Quarantine {
	readonly #files: FileSystem;
	readonly #directory: string;
	readonly #maxBytes: number;
	#kept: readonly { readonly file: string; readonly bytes: number }[] = [];

	constructor(files: FileSystem, directory: string, maxBytes: number) {
		this.#files = files;
		this.#directory = directory;
		this.#maxBytes = maxBytes;
	}

	/** File names. */
	get names(): readonly string[] {
		return this.#kept.map(({ file }) => file);
	}

	get bytes(): number {
		return this.#kept.reduce((sum, { bytes }) => sum + bytes, 0);
	}

	/** Finds what is there already. */
	async load(names: readonly string[]): Promise<void> {
		const kept: { file: string; bytes: number }[] = [];
		for (const file of names.filter((name) => name.endsWith(QUARANTINE_SUFFIX)).sort()) {
			const handle = await this.#files.open(join(this.#directory, file), 'read');
			try {
				kept.push({ file, bytes: (await handle.stat()).size });
			} finally {
				await handle.close();
			}
		}
		this.#kept = kept;
	}

	/** Sets a segment aside, or removes it where it is too large for that. A person may have removed what was set aside. */
	async take({ file, end, waste }: Segment): Promise<void> {
		const bytes = end + waste;
		while (this.#kept.length > 0 && (this.#kept.length >= FILES_MAX || this.bytes + bytes > this.#maxBytes / 8)) {
			const [oldest, ...rest] = this.#kept;
			if (oldest) await remove(this.#files, join(this.#directory, oldest.file));
			this.#kept = rest;
		}
		const path = join(this.#directory, file);
		if (bytes > this.#maxBytes / 8) {
			await remove(this.#files, path);
			return;
		}
		try {
			await this.#files.rename(path, path + QUARANTINE_SUFFIX);
		} catch (error) {
			// Somebody has removed it, and there is nothing left to look at.
			if (codeOf(error) === 'ENOENT') return;
			throw error;
		}
		this.#kept = [...this.#kept, { file: file + QUARANTINE_SUFFIX, bytes }];
	}
}
