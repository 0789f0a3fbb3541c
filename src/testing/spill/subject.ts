import { verify } from '../../core/errors.js';
import type { SpillStore } from '../../ports/spill.js';

/** A place where a store keeps its records: a directory, a schema, a stream. */
export interface SpillPlace {
	/**
	 * A new instance on this place, not opened yet. Each call makes another one on the same records (a volatile store may give
	 * the same instance again).
	 */
	store(): SpillStore | Promise<SpillStore>;
	/** Removes the place and everything that belongs to it. Called once, after every store was closed. */
	destroy?(): void | Promise<void>;
}

/** What {@link spillStoreConformance} has to know about a store. */
export interface SpillStoreSubject<P extends SpillPlace = SpillPlace> {
	/**
	 * Makes an empty place of its own.
	 *
	 * @param limits.maxBytes  the capacity to give the store: `roomBytes`, or `smallBytes` for the cases that fill it up.
	 */
	place(limits: { readonly maxBytes: number }): P | Promise<P>;
	/** What the store has to declare in its `capabilities`. */
	readonly durability: SpillStore['capabilities']['durability'];
	/**
	 * Does to the place what a resolved append has to survive: kill the server, forget what was not synced. A store is open
	 * on the place, which is then closed whatever it answers; `store()` afterwards has to give an instance on what is left.
	 * Without it nothing checks the declared durability.
	 */
	readonly crash?: ((place: P) => void | Promise<void>) | undefined;
	/** A second instance finds nothing of the first: leaves out the cases that reopen a place. Default false. */
	readonly volatile?: boolean | undefined;
	/** A place may be open several times at once: then they must not harm each other. Default false: the second is refused. */
	readonly severalOwners?: boolean | undefined;
	/** The capacity of a place for ordinary cases, bytes, at least 4 MiB. Default 32 MiB. */
	readonly roomBytes?: number | undefined;
	/** The capacity of a place that is to be filled up, bytes, at least 64 KiB. Default 512 KiB. */
	readonly smallBytes?: number | undefined;
	/** How long one operation may take, ms > 0; what takes longer hangs. Default 10 000. */
	readonly timeoutMs?: number | undefined;
	/** How many random series of operations are compared with a model, a whole number above 0. Default 25. */
	readonly runs?: number | undefined;
	/** Repeats the random operations of a failure, whose message says its seed. Default: a new one each time. */
	readonly seed?: number | undefined;
}

/** A subject with everything filled in. */
export interface Settings {
	readonly place: (limits: { readonly maxBytes: number }) => Promise<SpillPlace>;
	readonly crash: ((place: SpillPlace) => Promise<void>) | undefined;
	readonly durability: SpillStore['capabilities']['durability'];
	readonly volatile: boolean;
	readonly severalOwners: boolean;
	readonly roomBytes: number;
	readonly smallBytes: number;
	readonly timeoutMs: number;
	readonly caseTimeoutMs: number;
	readonly runs: number;
	readonly seed: number | undefined;
}

const KIB = 1024;
const DURABILITIES: readonly string[] = ['process', 'os-crash', 'replicated'];

/** @throws ConfigError with everything that is wrong with the subject. */
export function settingsOf<P extends SpillPlace>(subject: SpillStoreSubject<P>): Settings {
	const { durability, crash, volatile = false, severalOwners = false, seed } = subject;
	const { roomBytes = 32 * KIB * KIB, smallBytes = 512 * KIB, timeoutMs = 10_000, runs = 25 } = subject;
	verify('spillStoreConformance', (must) => {
		must(typeof subject.place === 'function', 'place', subject.place, 'a function');
		must(DURABILITIES.includes(durability), 'durability', durability, '"process", "os-crash" or "replicated"');
		must(roomBytes >= 4 * KIB * KIB, 'roomBytes', roomBytes, 'at least 4194304');
		must(smallBytes >= 64 * KIB, 'smallBytes', smallBytes, 'at least 65536');
		must(timeoutMs > 0 && Number.isFinite(timeoutMs), 'timeoutMs', timeoutMs, 'a finite number above 0');
		must(Number.isInteger(runs) && runs > 0, 'runs', runs, 'a whole number above 0');
		must(!(crash && volatile), 'crash', crash, 'absent for a volatile store, which survives nothing');
		must(!(severalOwners && volatile), 'severalOwners', severalOwners, 'absent for a volatile store, which has one');
	});
	// A case may know more about its own places than SpillPlace says; the only ones given back to it are its own.
	return {
		place: async (limits) => subject.place(limits),
		crash: crash && (async (place) => crash(place as P)),
		durability,
		volatile,
		severalOwners,
		roomBytes,
		smallBytes,
		timeoutMs,
		// A place that is made, two operations that hang, and the cleaning up.
		caseTimeoutMs: Math.max(60_000, 6 * timeoutMs),
		runs,
		seed,
	};
}
