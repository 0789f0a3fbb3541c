import { SpillError } from '../ports/spill.js';
import { codeOf } from './errors.js';
import type { FileSystem } from './file-system.js';
import { type Owner, ownerText } from './owner.js';
import { readOwner } from './owner-file.js';

export interface HoldParts {
	readonly files: FileSystem;
	readonly directory: string;
	/** The path of the lock. */
	readonly lock: string;
	/** What the lock says of us. */
	readonly token: string;
	/** Removes the lock, if it is ours, and what belongs to it. */
	readonly release: () => Promise<void>;
}

/**
 * A directory that is ours: until we give it back, or somebody removes the lock or the whole directory under us. Then it is
 * lost for good, for somebody else may have worked in it meanwhile; to go on means to lock and to recover it anew.
 */
export class Hold {
	readonly #parts: HoldParts;
	/** How the lock looked when it was last read and was ours. */
	#seen: { readonly ino: number; readonly mtimeMs: number } | undefined;
	/** Why it is not ours any more. */
	#lost: string | undefined;

	constructor(parts: HoldParts) {
		this.#parts = parts;
	}

	get isLost(): boolean {
		return this.#lost !== undefined;
	}

	/** @throws SpillError `SPILL_LOCK_LOST` */
	throwIfLost(): void {
		if (this.#lost === undefined) return;
		throw new SpillError(`${this.#parts.directory} is not ours any more: ${this.#lost}`, { code: 'SPILL_LOCK_LOST' });
	}

	/** Looks whether the lock is still there and ours. @throws SpillError `SPILL_LOCK_LOST`; the system's error when it cannot tell. */
	async check(): Promise<void> {
		this.throwIfLost();
		const { files, lock, token } = this.#parts;
		let seen: { readonly ino: number; readonly mtimeMs: number } | undefined;
		try {
			seen = await files.stat(lock);
			// A file system gives the number of a removed file out again, but not together with its time.
			if (seen.ino === this.#seen?.ino && seen.mtimeMs === this.#seen.mtimeMs) return;
		} catch (error) {
			if (codeOf(error) !== 'ENOENT') throw error;
		}
		// Another file, or ours restored or touched: what it says decides.
		const owner = seen && (await readOwner(files, lock));
		if (owner?.token === token) {
			this.#seen = seen;
			return;
		}
		this.#lost = lostTo(owner);
		this.throwIfLost();
	}

	/** Gives the directory back. Harmless when it is another's. */
	release(): Promise<void> {
		return this.#parts.release();
	}
}

function lostTo(owner: Owner | undefined): string {
	if (owner === undefined) return 'its lock was removed, and perhaps more';
	return `its lock was removed, and now it belongs to ${ownerText(owner)}`;
}
