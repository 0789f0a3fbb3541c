import { nextPace, noPace, type Pace, type PaceInput } from '../core/pace.js';
import { within } from '../ports/time.js';
import { Lane, type LaneOptions } from './lane.js';

/** What a replayer needs from outside. */
export type ReplayerOptions = Omit<LaneOptions, 'open' | 'take' | 'quota'>;

/** Credit is saved up for no longer than this, so that a pause is not followed by a burst. */
const CREDIT_MS = 200;
/** What is expired, superseded or a duplicate costs no credit, but it must not block the event loop either. */
const READ_PER_TICK = 1_024;
/** Of so many records that the pace would have allowed it can be told how many were fed; of half a one it cannot. */
const COUNTED_MIN = 5;
/** Nor of a time that has hardly a tick in it. */
const COUNTED_MS_MIN = 500;

/**
 * Feeds spilled records back to their handlers (rule M3), at a pace that is set from outside. The partitions of the store
 * share the pace; each is a {@link Lane}.
 */
export class Replayer {
	/** Records per second that are fed while replay may run. */
	perS = 0;
	/** The part of it that is on top of what is fenced. */
	#pace: Pace = noPace;
	/** Records per second that were really fed lately; `NaN` = unknown. */
	fedPerS = Number.NaN;
	readonly #options: ReplayerOptions;
	readonly #lanes: readonly Lane[];
	#mayRun = false;
	#credit = 0;
	readonly #quota = { left: READ_PER_TICK };
	/** Since this count began: records fed, records that the pace allowed, and the time in which they could be fed, ms. */
	#fed = 0;
	#allowed = 0;
	#countedMs = 0;
	#turn = 0;
	#tickedAtMs: number;

	constructor(options: ReplayerOptions) {
		this.#options = options;
		this.#tickedAtMs = options.clock.nowMs();
		const lane: LaneOptions = {
			...options,
			open: () => this.#mayRun && this.#credit >= 1,
			take: () => this.#take(),
			quota: this.#quota,
		};
		this.#lanes = Array.from({ length: options.store.capabilities.partitions }, (_, i) => new Lane(i, lane));
	}

	/** Feeds messages, or would if there were any. */
	get running(): boolean {
		return this.#mayRun && this.perS > 0;
	}

	/** Every partition was empty when it was last read. */
	get drained(): boolean {
		return this.#lanes.every(({ drained }) => drained);
	}

	/** There is something to feed, as far as is known. */
	get hasWork(): boolean {
		return this.#lanes.some(({ hasWork }) => hasWork);
	}

	/** Forgets what was read ahead and is not being handled. */
	forget(): void {
		for (const lane of this.#lanes) lane.forget();
	}

	/** What the store holds is what is not yet replayed. */
	get quiet(): boolean {
		return this.#lanes.every(({ quiet }) => quiet);
	}

	/**
	 * Sets the pace of the next interval. @param fencedPerS  what the fence keeps from being handled live: to replay as much
	 * is no additional load, so it is neither felt for nor cut.
	 */
	plan(input: Omit<PaceInput, 'fedPerS'>, fencedPerS: number): void {
		this.#count();
		this.#pace = nextPace(this.#pace, { ...input, fedPerS: Math.max(0, this.fedPerS - fencedPerS) });
		this.#mayRun = input.mayRun && !input.rising;
		if (!this.#mayRun) this.#yield();
		else this.perS = Math.min(this.#pace.perS + fencedPerS, input.maxPerS ?? Number.POSITIVE_INFINITY);
	}

	/** Over several plans where they come often: at 10 a second half of those that are 50 ms apart see none at all. */
	#count(): void {
		if (this.#allowed < COUNTED_MIN || this.#countedMs < COUNTED_MS_MIN) return;
		// Credit that was saved up while nothing could be fed makes no handler faster.
		this.fedPerS = (Math.min(this.#fed, this.#allowed) * 1000) / this.#countedMs;
		this.#restartCount();
	}

	/** The part of the time since the last tick, ms, in which a lane with work did not wait for a retry or the store. */
	#couldFeedMs(nowMs: number): number {
		const working = this.#lanes.filter(({ hasWork }) => hasWork);
		const sinceMs = Math.min(...working.map(({ waitsUntilMs }) => waitsUntilMs));
		return Math.max(0, nowMs - Math.max(this.#tickedAtMs, sinceMs));
	}

	#restartCount(): void {
		this.#fed = 0;
		this.#allowed = 0;
		this.#countedMs = 0;
	}

	/** Stops feeding at once; what is under way is finished. */
	#yield(): void {
		this.#restartCount();
		this.fedPerS = Number.NaN;
		this.#mayRun = false;
		this.#pace = noPace;
		this.perS = 0;
		this.#credit = 0;
	}

	#take(): boolean {
		if (!this.#mayRun || this.#credit < 1) return false;
		this.#credit--;
		this.#fed++;
		return true;
	}

	/** Time has passed: feeds what the pace allows. */
	tick(): void {
		const nowMs = this.#options.clock.nowMs();
		const earned = (this.perS * Math.max(0, nowMs - this.#tickedAtMs)) / 1000;
		const couldFeedMs = this.#couldFeedMs(nowMs);
		this.#tickedAtMs = nowMs;
		this.#quota.left = READ_PER_TICK;
		if (this.running) {
			this.#allowed += (this.perS * couldFeedMs) / 1000;
			this.#countedMs += couldFeedMs;
			this.#credit = Math.min(this.#credit + earned, Math.max(1, (this.perS * CREDIT_MS) / 1000));
			this.#turn++;
		}
		// Each tick begins with another partition, so that none takes the credit of the others.
		for (const i of this.#lanes.keys()) this.#lanes[(i + this.#turn) % this.#lanes.length]?.tick();
	}

	/** Resolves when what is under way is finished, within `timeoutMs`. */
	async stop(timeoutMs: number): Promise<void> {
		this.#yield();
		const idle = Promise.all(this.#lanes.map((lane) => lane.idle()));
		await within(this.#options.clock, timeoutMs, 'the replay under way', idle);
	}
}
