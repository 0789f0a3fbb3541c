import { SpillFullError } from '../ports/spill.js';
import { asSpillError } from './errors.js';
import type { FileSystem } from './file-system.js';

/** The file system is asked again after so much time or so many bytes: others write to it too. */
const ASK_EVERY_MS = 250;
const ASK_EVERY_BYTES = 4 * 1024 * 1024;

/** Keeps space free on the file system for others (`minFreeBytes`). */
export class Space {
	readonly #files: FileSystem;
	readonly #directory: string;
	readonly #minFreeBytes: number;
	#free = 0;
	#written = 0;
	#askedAtMs = Number.NEGATIVE_INFINITY;

	constructor(files: FileSystem, directory: string, minFreeBytes: number) {
		this.#files = files;
		this.#directory = directory;
		this.#minFreeBytes = minFreeBytes;
	}

	/** @throws SpillFullError when less than `minFreeBytes` would be left. */
	async claim(bytes: number): Promise<void> {
		if (this.#minFreeBytes === 0) return;
		const old = performance.now() - this.#askedAtMs > ASK_EVERY_MS || this.#written > ASK_EVERY_BYTES;
		if (old || !this.#leaves(bytes)) await this.#ask();
		if (!this.#leaves(bytes)) {
			throw new SpillFullError(
				`the file system of ${this.#directory} has ${this.#free} bytes free, and minFreeBytes is ${this.#minFreeBytes}`,
			);
		}
		this.#written += bytes;
	}

	#leaves(bytes: number): boolean {
		return this.#free - this.#written - bytes >= this.#minFreeBytes;
	}

	async #ask(): Promise<void> {
		try {
			const { bavail, bsize } = await this.#files.statfs(this.#directory);
			this.#free = bavail * bsize;
		} catch (error) {
			throw asSpillError(`cannot ask how much space ${this.#directory} has`, error, 'SPILL_WRITE');
		}
		this.#written = 0;
		this.#askedAtMs = performance.now();
	}
}
