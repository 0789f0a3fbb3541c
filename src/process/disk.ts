import type { StatsFs } from 'node:fs';
import { statfs } from 'node:fs/promises';
import type { SignalSource } from '../ports/signal.js';

export interface DiskOptions {
	/** Any existing file or directory of the file system in question, such as the directory of the spill. */
	readonly path: string;
}

/**
 * How full the file system that holds `path` is, 0..1: used / (used + what this process may still use), as `df` shows it. The
 * blocks reserved for the administrator do not count as free. Unknown on a file system without blocks.
 *
 * A read rejects with an error that names the path when it cannot be measured. At most one measurement is under way, because
 * one that hangs (a dead network mount) occupies a thread that all file access shares.
 */
export function diskSignal({ path }: DiskOptions): SignalSource {
	return diskOn(statfs, path);
}

type Space = Pick<StatsFs, 'blocks' | 'bfree' | 'bavail'>;

/** {@link diskSignal} on any measurement. */
export function diskOn(measure: (path: string) => Promise<Space>, path: string): SignalSource {
	let underWay: Promise<number> | undefined;
	const ask = async (): Promise<number> => {
		try {
			return diskRatio(await measure(path));
		} catch (cause) {
			throw new Error(`diskSignal: cannot measure the file system of "${path}": ${String(cause)}`, { cause });
		} finally {
			underWay = undefined;
		}
	};
	return {
		read() {
			underWay ??= ask();
			return underWay;
		},
	};
}

export function diskRatio({ blocks, bfree, bavail }: Space): number {
	const used = blocks - bfree;
	return used / (used + bavail);
}
