import { verify } from '../core/errors.js';
import type { Ladder } from '../core/ladder.js';
import { sharesOf } from './shares.js';
import { listed } from './shown.js';
import type { Trace } from './trace.js';

/** One consumer, as a closed loop needs to know it. */
export interface ServiceModel {
	/** Messages per second that it can process with all features on, > 0. */
	readonly capacityPerS: number;
	/** What a message costs, as a ratio of one that is processed with all features on. */
	readonly costs?:
		| {
				/** Processed without features. Default 0.5. */
				readonly lean?: number | undefined;
				/** Spilled. Default 0.1. */
				readonly spill?: number | undefined;
				/** Dropped or rejected. Default 0.02. */
				readonly drop?: number | undefined;
		  }
		| undefined;
	/** Share of each priority in the rate, 0..1; what is not named shares the rest. Default: equal shares. */
	readonly shares?: { readonly [priority: string]: number } | undefined;
	/** Keys per priority, >= 1: gradual treatment goes by key. Default 200. */
	readonly keys?: number | undefined;
	/** A message that is handled later than this, or still waits after it, is late, ms. Default 10 000. */
	readonly sloMs?: number | undefined;
	/**
	 * The heap as a ratio: `base` plus `perMessage` for each one waiting in the process. With `intake: 'pull'` at most
	 * `bufferMax` of them are there (default: two seconds of the capacity). Default: no model, the heap comes from the trace.
	 */
	readonly heap?:
		| { readonly base: number; readonly perMessage: number; readonly bufferMax?: number | undefined }
		| undefined;
	/** `pull`: what waits, waits at the broker, and grows while intake is paused. `push`: it waits here. Default `'pull'`. */
	readonly intake?: 'pull' | 'push' | undefined;
	/** How many messages fit into the spill. Default: any number. */
	readonly spillMax?: number | undefined;
	/** Protected messages older than this skip to live from the first spilling level on, ms (rule D7). Default off. */
	readonly skipToLiveMs?: number | undefined;
}

export interface SimulateServiceOptions {
	/** Time between two checks, ms, 10 to 60 000. Default 500. */
	readonly checkEveryMs?: number | undefined;
	/** What the rate does between two points: goes straight from one to the next (default), or stays. */
	readonly between?: 'interpolate' | 'hold' | undefined;
	/** The series of arriving messages per second. Default `'rate'`. */
	readonly rate?: string | undefined;
	/** The series that the capacity is multiplied by, such as 0.5 while a dependency is slow. Default `'capacity'`, if there is one. */
	readonly capacity?: string | undefined;
	/** Where the random choice of priorities and keys begins, a whole number. Default 1. */
	readonly seed?: number | undefined;
}

/** The model with its defaults. @throws ConfigError */
export function checkedModel(ladder: Ladder, trace: Trace, service: ServiceModel, options: SimulateServiceOptions) {
	const { capacityPerS, costs = {}, keys = 200, sloMs = 10_000, heap, intake = 'pull' } = service;
	const { spillMax = Number.POSITIVE_INFINITY, skipToLiveMs } = service;
	const { checkEveryMs = 500, between = 'interpolate', rate = 'rate', capacity = 'capacity', seed = 1 } = options;
	const ratio = { full: 1, lean: costs.lean ?? 0.5, spill: costs.spill ?? 0.1, drop: costs.drop ?? 0.02 };
	verify('service', (must) => {
		const positive = (path: string, value: number, rule = 'a finite number above 0') =>
			must(Number.isFinite(value) && value > 0, path, value, rule);
		positive('capacityPerS', capacityPerS);
		for (const kind of ['lean', 'spill', 'drop'] as const) positive(`costs.${kind}`, ratio[kind]);
		must(Number.isInteger(keys) && keys >= 1, 'keys', keys, 'a whole number of at least 1');
		positive('sloMs', sloMs);
		if (skipToLiveMs !== undefined) positive('skipToLiveMs', skipToLiveMs);
		must(spillMax > 0, 'spillMax', spillMax, 'above 0');
		must(intake === 'pull' || intake === 'push', 'intake', intake, '"pull" or "push"');
		if (heap !== undefined) {
			must(heap.base >= 0 && heap.base < 1, 'heap.base', heap.base, 'from 0 to below 1');
			must(Number.isFinite(heap.perMessage) && heap.perMessage >= 0, 'heap.perMessage', heap.perMessage, 'at least 0');
		}
		must(checkEveryMs >= 10 && checkEveryMs <= 60_000, 'checkEveryMs', checkEveryMs, 'from 10 to 60 000');
		must(Number.isInteger(seed), 'seed', seed, 'a whole number');
		const series = listed(Object.keys(trace.series));
		must(trace.series[rate] !== undefined, 'rate', rate, `a series of the trace (${series}), messages per second`);
		const given = options.capacity === undefined || trace.series[capacity] !== undefined;
		must(given, 'capacity', capacity, `a series of the trace (${series})`);
	});
	return {
		...{
			capacityPerS,
			ratio,
			keys,
			sloMs,
			intake,
			spillMax,
			skipToLiveMs,
			checkEveryMs,
			between,
			rate,
			capacity,
			seed,
		},
		heap: heap && { ...heap, bufferMax: heap.bufferMax ?? 2 * capacityPerS },
		shares: sharesOf(ladder, service.shares),
	};
}

/** A seeded source of numbers in [0, 1): mulberry32. */
export function randomFrom(seed: number): () => number {
	let a = seed >>> 0;
	return () => {
		a = (a + 0x6d2b79f5) | 0;
		let t = Math.imul(a ^ (a >>> 15), 1 | a);
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
		return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
	};
}
