import { readFile, stat } from 'node:fs/promises';
import { verify } from '../core/errors.js';
import { noteReload, type TierRegistry } from '../core/tier-registry.js';
import { compiledTiers, type Tiers } from '../core/tiers.js';
import type { Clock } from '../ports/clock.js';
import { TierFileError } from './error.js';
import { formatOf, parseTiers, type TierFileFormat } from './parse.js';

/** Options of {@link watchTiers}. */
export interface WatchTiersOptions {
	/** Default: `csv` for a file name that ends in `.csv`, `json` for any other. */
	readonly format?: TierFileFormat | undefined;
	/** How often the file is read, ms > 0. A change is in force after one to two of these. Default 2000. */
	readonly checkEveryMs?: number | undefined;
	/** A larger file is refused, bytes > 0. Default 16 777 216 (about a million keys). */
	readonly maxBytes?: number | undefined;
	/** Hears each problem once, not at every check. Default: `process.emitWarning`. */
	readonly onError?: ((error: TierFileError) => void) | undefined;
	/** Where the timer comes from; a manual clock in tests. Default: an interval that does not keep the process alive. */
	readonly clock?: Pick<Clock, 'every'> | undefined;
}

/** A tier file that is being watched. */
export interface TiersWatch {
	readonly file: string;
	/** Why the file, as it is now, is not in force; `null` when it is. */
	readonly error: TierFileError | null;
	/**
	 * Looks at the file now; calls while one is under way share it. Never rejects: problems go to `onError` and {@link error}.
	 *
	 * @returns whether the registry has new tiers because of it.
	 */
	check(): Promise<boolean>;
	/** Ends the watch; a check under way changes nothing any more. Idempotent. */
	close(): void;
}

const unrefInterval: Pick<Clock, 'every'> = {
	every(periodMs, run) {
		const timer = setInterval(run, periodMs);
		timer.unref();
		return () => clearInterval(timer);
	},
};

/**
 * Puts the tiers of a file in force, and those of every later version of it, without a restart (rule T4).
 *
 * - JSON is what `defineTiers` takes: `{ "tiers": [{ "name", "priority", "keys": [] }], "fallback": { "name", "priority" } }`.
 * - CSV (commas, semicolons or tabs) has the columns `key` and `tier` and distributes keys between the tiers that the registry has.
 *
 * A file that is missing, half-written or wrong changes nothing: the old tiers stay and the error is heard. Tiers that are
 * equal to the current ones do not raise the version. The file speaks when it changes, so tiers that were put into the
 * registry by other means stay until then.
 *
 * @returns when the file is in force.
 * @throws TierFileError when it cannot be put in force at the start; ConfigError for a wrong option.
 */
export async function watchTiers(
	registry: TierRegistry,
	file: string,
	options: WatchTiersOptions = {},
): Promise<TiersWatch> {
	// The file is read by its path at an interval, instead of being watched with `fs.watch`. The events of a kernel belong to
	// an inode on this machine: they miss a write by another host on a network mount, a bind mount of a single file and, when
	// the file is replaced by a rename, everything after it. A Kubernetes ConfigMap is updated by swapping the symbolic link
	// `..data` next to it, an event that names another file. Reading through the path meets whatever it means now. The bytes
	// are compared and not the times, because copying tools and ConfigMaps may keep or coarsen those.
	const { format = formatOf(file), checkEveryMs = 2000, maxBytes = 16_777_216, clock = unrefInterval } = options;
	verify('options', (must) => {
		must(format === 'json' || format === 'csv', 'format', format, '"json" or "csv"');
		must(checkEveryMs > 0 && Number.isFinite(checkEveryMs), 'checkEveryMs', checkEveryMs, 'a finite number above 0');
		must(maxBytes > 0, 'maxBytes', maxBytes, 'above 0');
	});

	let error: TierFileError | null = null;
	let closed = false;
	let running: Promise<boolean> | undefined;

	const tell = (heard: TierFileError) => {
		try {
			if (options.onError) options.onError(heard);
			else process.emitWarning(heard.message, { type: 'TierFileWarning', code: heard.code });
		} catch (thrown) {
			// A throwing listener must not end the watch, and must not be silent either.
			process.emitWarning(`onError of watchTiers threw: ${messageOf(thrown)}`, { type: 'TierFileWarning' });
		}
	};

	/** @throws whatever is wrong with the content, which is counted: the registry never sees it. */
	const parsed = (content: Buffer) => {
		try {
			return parseTiers(content, format, registry.current);
		} catch (error) {
			noteReload(registry, 'failed');
			throw error;
		}
	};

	/** Puts the content in force. @returns whether the registry has changed. @throws TierFileError: it has not. */
	const apply = (content: Content): boolean => {
		if (content instanceof TierFileError) {
			noteReload(registry, 'failed');
			throw content;
		}
		const before = registry.version;
		try {
			const next = parsed(content);
			if (same(next, registry.current)) noteReload(registry, 'unchanged');
			else registry.replace(next);
		} catch (cause) {
			if (registry.version === before) throw new TierFileError(file, messageOf(cause), cause);
			// The swap came first and stands; what failed is a subscriber of the registry.
			tell(new TierFileError(file, `in force, but a subscriber threw: ${messageOf(cause)}`, cause));
		}
		return registry.version !== before;
	};

	let seen = await read(file, maxBytes);
	let judged = seen;
	apply(seen);

	const look = async (): Promise<boolean> => {
		const found = await read(file, maxBytes);
		// A file still being written differs from look to look; a CSV cut off after a whole line would even be valid. So a
		// change counts when two looks in a row have met the same content.
		const settled = equal(found, seen);
		seen = found;
		if (closed || !settled || equal(found, judged)) return false;
		judged = found;
		try {
			const changed = apply(found);
			error = null;
			return changed;
		} catch (thrown) {
			error = thrown as TierFileError;
			tell(error);
			return false;
		}
	};
	const check = (): Promise<boolean> => {
		running ??= look().finally(() => {
			running = undefined;
		});
		return running;
	};
	const cancel = clock.every(checkEveryMs, () => void check());

	return {
		file,
		get error() {
			return error;
		},
		check,
		close() {
			closed = true;
			cancel();
		},
	};
}

/** The bytes of the file, or why there are none. */
type Content = Buffer | TierFileError;

async function read(file: string, maxBytes: number): Promise<Content> {
	try {
		const found = await stat(file);
		// Opening a pipe or a device could wait for ever.
		if (!found.isFile()) return new TierFileError(file, 'not a regular file');
		if (found.size > maxBytes)
			return new TierFileError(file, `${found.size} bytes are more than maxBytes, ${maxBytes}`);
		return await readFile(file);
	} catch (cause) {
		return new TierFileError(file, `cannot be read: ${messageOf(cause)}`, cause);
	}
}

function equal(a: Content, b: Content): boolean {
	if (a instanceof TierFileError || b instanceof TierFileError)
		return a instanceof TierFileError && b instanceof TierFileError && a.message === b.message;
	return a.equals(b);
}

function same(a: Tiers, b: Tiers): boolean {
	const one = compiledTiers(a);
	const two = compiledTiers(b);
	return (
		one.tiers.length === two.tiers.length &&
		one.tiers.every(({ name, priority }, i) => name === two.tiers[i]?.name && priority === two.tiers[i]?.priority) &&
		one.indexOf.size === two.indexOf.size &&
		[...one.indexOf].every(([key, index]) => two.indexOf.get(key) === index)
	);
}

function messageOf(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}
