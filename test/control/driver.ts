import { afterEach, beforeEach, expect, vi } from 'vitest';
import {
	type ControllerOptions,
	createLoadShedder,
	type Damage,
	defineLadder,
	defineTiers,
	type Failure,
	type Intake,
	type Ladder,
	type LoadShedder,
	memorySpill,
	type ShedderOptions,
	type SpillRecord,
	type SpillStore,
	type Stats,
} from '../../src/index.js';
import { type ManualClock, manualClock } from '../../src/testing/index.js';
import { fc } from '../support/property.js';

/** Five levels over one signal, one for each thing that a level may give up. */
export const spec = {
	priorities: { protected: 'critical', sheddable: ['high', 'normal', 'low'] },
	features: ['enrichment'],
	signals: { load: { recoverBelow: 0.5 } },
	levels: [
		{ name: 'NORMAL' },
		{ name: 'SOFT', enterAt: { load: 10 }, disable: ['enrichment'] },
		{ name: 'GRACEFUL', enterAt: { load: 20 }, shed: { low: 'drop' } },
		{ name: 'AGGRESSIVE', enterAt: { load: 30 }, shed: { normal: 'spill', high: 'spill' } },
		{ name: 'CIRCUIT_BREAK', enterAt: { load: 40 }, intake: 'paused' },
	],
	escalation: 'jump',
	cooldownMs: 1_000,
	backoff: false,
} as const;
export const ladder = defineLadder(spec);

export const tiers = defineTiers({
	tiers: [
		{ name: 'gold', priority: 'critical', keys: ['G1', 'G2'] },
		{ name: 'silver', priority: 'high', keys: ['S1', 'S2'] },
	],
	fallback: { name: 'bronze', priority: 'normal' },
});

export type Priority = 'critical' | 'high' | 'normal' | 'low';

export interface Message {
	readonly key: string;
	readonly n?: number;
	readonly priority?: Priority | undefined;
	readonly atMs?: number;
}

/** What a level asks for: the reading that demands it. */
export const LOAD = { NORMAL: 0, SOFT: 10, GRACEFUL: 20, AGGRESSIVE: 30, CIRCUIT_BREAK: 40 } as const;

export type Level = keyof typeof LOAD;
export type Sheddable = 'high' | 'normal' | 'low';
export type MessageLadder = Ladder<Level, 'load', 'critical', Sheddable, 'enrichment'>;
export type MessageShedder = LoadShedder<Message, Level, 'load', 'critical', Sheddable, 'enrichment'>;
export type DriverOptions = ShedderOptions<Message, Priority, Level> &
	Partial<ControllerOptions<Level, 'load', 'critical', Sheddable, 'enrichment'>>;

/** A shedder on a manual clock whose one signal the test sets. */
export function driver({
	clock = manualClock(1_000),
	...options
}: DriverOptions & { readonly clock?: ManualClock } = {}) {
	const load = { now: 0 };
	const failures: Failure[] = [];
	const shedder: MessageShedder = createLoadShedder({
		ladder,
		signals: { load: () => load.now },
		keyOf: (message: Message) => message.key,
		priorityOf: (message) => message.priority,
		tiers,
		...options,
		clock,
	});
	shedder.on('failed', (failure) => failures.push(failure));
	return {
		clock,
		shedder,
		failures,
		/** Asks for a level and lets the ladder look. */
		async at(level: Level): Promise<void> {
			load.now = LOAD[level];
			await shedder.check();
			expect(shedder.level).toBe(level);
		},
		setLoad(reading: number) {
			load.now = reading;
		},
	};
}

/** For properties that run a whole driver each time: a tenth of the runs of the others, at least 100. */
export const slow = { numRuns: Math.max(100, (fc.readConfigureGlobal().numRuns ?? 100) / 10) };

/** Promises settle, as far as they need no time. */
export async function settled(turns = 100): Promise<void> {
	for (let turn = 0; turn < turns; turn++) await Promise.resolve();
}

/** A promise that is settled from outside. */
export interface Deferred<T> {
	readonly promise: Promise<T>;
	resolve(value: T): void;
	reject(error: unknown): void;
}

export function deferred<T = void>(): Deferred<T> {
	let resolve!: (value: T) => void;
	let reject!: (error: unknown) => void;
	const promise = new Promise<T>((yes, no) => {
		resolve = yes;
		reject = no;
	});
	return { promise, resolve, reject };
}

/** Whether a promise has settled already. */
export async function isSettled(promise: Promise<unknown>): Promise<boolean> {
	let done = false;
	const settle = () => {
		done = true;
	};
	promise.then(settle, settle);
	await settled();
	return done;
}

export const UNDAMAGED: Damage = { truncatedBytes: 0, corruptRecords: 0, missingRecords: 0, quarantined: [] };

/** A memory store whose operations the test can break, hang, and look at. */
export function unruly(inner: SpillStore = memorySpill()) {
	const appends: (readonly SpillRecord[])[] = [];
	const acks: string[] = [];
	/** What the next operation of a kind waits for or throws; absent = it works. */
	const trouble: { [K in 'open' | 'append' | 'read' | 'ack' | 'stats' | 'close']?: () => Promise<void> } = {};
	const store: SpillStore = {
		capabilities: inner.capabilities,
		async open(options) {
			await trouble.open?.();
			return inner.open(options);
		},
		async append(batch, options) {
			appends.push(batch);
			// The wait is the store's own: it does not listen to the abort signal, as a kernel would not.
			await trouble.append?.();
			return inner.append(batch, options === undefined ? {} : {});
		},
		async read(options) {
			await trouble.read?.();
			return inner.read(options);
		},
		async ack(partition, upTo) {
			await trouble.ack?.();
			acks.push(upTo);
			return inner.ack(partition, upTo);
		},
		async stats() {
			await trouble.stats?.();
			return inner.stats();
		},
		async close() {
			await trouble.close?.();
			return inner.close();
		},
	};
	return { store, trouble, appends, acks, inner };
}

/** Stays pending for ever. */
export const never = () => new Promise<never>(() => {});

/** Fails with this message. */
export const fails = (message: string) => () => Promise.reject(new Error(message));

/** An intake that writes down what it is told, and tells of assignments. */
export function recordedIntake(answer: (call: 'pause' | 'resume') => void | Promise<void> = () => {}) {
	const calls: ('pause' | 'resume')[] = [];
	const listeners = new Set<() => void>();
	const call = (name: 'pause' | 'resume') => {
		calls.push(name);
		return answer(name);
	};
	const intake: Intake = {
		pause: () => call('pause'),
		resume: () => call('resume'),
		onAssignmentChange(listener) {
			listeners.add(listener);
			return () => listeners.delete(listener);
		},
	};
	return {
		intake,
		calls,
		reassign() {
			for (const listener of listeners) listener();
		},
	};
}

/** Rule M5, as an equation that is 0. */
export function imbalance(stats: Stats): number {
	const { offered, recovered, inFlight, processed, failed, waiting, replayed, dropped, rejected } = stats;
	const { expired, deadLettered, lost } = stats;
	const ended = processed + failed + replayed + dropped + rejected + expired + deadLettered + lost;
	return offered + recovered - (inFlight + waiting + ended);
}

/** Fails every test of a file in which a rejection stays unhandled or a failure is written to the console unexpectedly. */
export function expectNoLeaks(): { readonly warnings: () => readonly string[] } {
	const unhandled: unknown[] = [];
	const note = (error: unknown) => unhandled.push(error);
	let warnings: string[] = [];
	beforeEach(() => {
		unhandled.length = 0;
		warnings = [];
		process.on('unhandledRejection', note);
		vi.spyOn(console, 'warn').mockImplementation((...parts: unknown[]) => {
			warnings.push(parts.map(String).join(' '));
		});
	});
	afterEach(async () => {
		// Node reports an unhandled rejection after the microtasks of a turn of its loop.
		await new Promise<void>((resolve) => setImmediate(resolve));
		process.off('unhandledRejection', note);
		vi.restoreAllMocks();
		expect(unhandled.slice(0, 3).map(String)).toEqual([]);
	});
	return { warnings: () => warnings };
}

/** A memory store that says how full it is. */
export function memoryOf({ full }: { readonly full: number }): SpillStore {
	const inner = memorySpill();
	return { ...inner, stats: async () => ({ ...(await inner.stats()), bytes: full * 1_000, capacityBytes: 1_000 }) };
}
