import type { LadderController } from '../control/controller.js';
import { type Treatment, treatmentOf } from '../core/estimate.js';
import { mayReplay } from '../core/replay-gate.js';
import type { Spilled } from '../ports/spill.js';
import type { Fence } from '../replay/fence.js';
import { NotReadyError } from '../replay/lane.js';
import { Recent } from '../replay/recent.js';
import { Replayer } from '../replay/replayer.js';
import type { Entry } from '../replay/window.js';
import type { Handlers } from './handlers.js';
import type { Tally } from './ledger.js';
import type { Router } from './router.js';
import type { Spiller } from './spiller.js';
import type { ReplayOptions } from './types.js';

/** The share of the capacity that replay may bring the load up to. */
const REPLAY_UP_TO = 0.95;
/** How many ids are remembered, so that a message that was spilled twice is handled once. */
const RECENT_MAX = 10_000;
const ATTEMPTS = 5;
/** The rate of fenced messages is followed upwards in about this time, ms. */
const FENCED_RAMP_MS = 2_000;

/** Brings spilled messages back to their handlers, as far as the ladder and the load leave room (rule M3). */
export class Replaying<M, N extends string, S extends string, G extends string, R extends string, F extends string> {
	readonly #replayer: Replayer;
	readonly #controller: LadderController<N, S, G, R, F>;
	readonly #tally: Tally;
	readonly #options: ReplayOptions<N>;
	/** The store cannot tell how much it holds, so it is read until it is empty. */
	searching = false;
	readonly #fence: Fence | undefined;
	#plannedAtMs: number;
	#demand = 0;
	#told = 0;
	/** How long the record that was replayed last had waited. */
	#delayMs: number | null = null;
	/** Of the fenced messages, as of the last plan. */
	#fenced = 0;
	#fencedPerS = 0;

	constructor(
		controller: LadderController<N, S, G, R, F>,
		spiller: Spiller<M>,
		router: Router<M, N, S, G, R, F>,
		handlers: Handlers<M, N, G | R, F>,
		tally: Tally,
		fence: Fence | undefined,
		options: ReplayOptions<N>,
		failed: (error: unknown, name: string) => void,
	) {
		const { clock } = controller;
		this.#controller = controller;
		this.#tally = tally;
		this.#fence = fence;
		this.#options = options;
		this.#plannedAtMs = clock.nowMs();
		const handle = async ({ headers = {}, payload }: Spilled): Promise<void> => {
			const { handler: name = 'default', tier, priority } = headers;
			const handler = handlers.find(name);
			if (handler === undefined) {
				throw new NotReadyError(`a spilled message waits for a handler named "${name}", but none was wrapped under it`);
			}
			const message = spiller.codec.decode(payload);
			const { context } = router.ofReplayed(tier, priority);
			tally.replay(this.#treatment);
			await handler(message, { ...context, replayed: true });
		};
		this.#replayer = new Replayer({
			clock,
			store: spiller.store,
			handle,
			bury: spiller.buries
				? (record, error, attempts) => spiller.bury(record, error, attempts, controller.epochMs)
				: undefined,
			attempts: options.attempts ?? ATTEMPTS,
			concurrency: options.concurrency ?? 1,
			latestOnly: options.order === 'latest-per-key',
			// As for its handler, one whose priority the ladder does not have is protected.
			isProtected: ({ headers }) => controller.ladder.priorities.indexOf(headers?.priority as G | R) <= 0,
			fence,
			recent: new Recent(RECENT_MAX),
			epochMs: () => controller.epochMs,
			settled: (entries) => this.#settled(entries),
			failed,
		});
	}

	#settled(entries: readonly Entry[]): void {
		const count = (of: Entry['fate']) => entries.filter(({ fate }) => fate === of).length;
		this.#tally.returned({
			replayed: count('replayed'),
			outdated: count('expired'),
			superseded: count('superseded'),
			duplicates: count('duplicate'),
			deadLettered: count('deadLettered'),
		});
		const last = entries.findLast(({ fate }) => fate === 'replayed');
		if (last !== undefined) this.#delayMs = Math.max(0, this.#controller.epochMs - last.record.enqueuedAtMs);
		for (const { record } of entries) this.#fence?.remove(record.key);
	}

	/** Messages are being fed right now. */
	get running(): boolean {
		return this.#hasWork && this.#replayer.running;
	}

	/** What the store holds is what waits: nothing is fed, nothing is on its way to be acknowledged. */
	get quiet(): boolean {
		return (!this.running || !this.#replayer.hasWork) && this.#replayer.quiet;
	}

	/** The store holds nothing: what was lost never comes back, not from memory and not to be taken off the fence. */
	forget(): void {
		this.#fence?.clear();
		this.#replayer.forget();
	}

	/** There is something to feed, as far as is known. */
	get #hasWork(): boolean {
		if (this.#replayer.drained) this.searching = false;
		return this.#tally.ledger.waiting > 0 || this.searching;
	}

	/** Messages per second. */
	get perS(): number {
		return this.#replayer.perS;
	}

	/** How long the message that was replayed last had waited, ms; `null` while nothing is replayed. */
	get delayMs(): number | null {
		return this.running ? this.#delayMs : null;
	}

	/** How long the rest takes at this pace, ms; `null` while nothing moves. */
	get etaMs(): number | null {
		const { fedPerS } = this.#replayer;
		return this.running && fedPerS > 0 ? (this.#tally.ledger.waiting * 1000) / fedPerS : null;
	}

	/** The ladder has moved on: sets the pace until the next check. */
	plan(): void {
		const { ladder, state, severity, paused, load, clock, consumers } = this.#controller;
		const nowMs = clock.nowMs();
		const demand = ladder.levels.indexOf(this.#controller.demand);
		const { upTo, maxPerS } = this.#options;
		const gate = { level: state.level, demand, severity, paused };
		const costMs = load.estimate.costMs[this.#treatment] ?? Number.NaN;
		const sharing = [...consumers].filter((consumer) => consumer.replaying).length;
		const elapsedMs = nowMs - this.#plannedAtMs;
		const fencedPerS = this.#watchFence(elapsedMs);
		const pace = {
			elapsedMs,
			mayRun: this.#hasWork && (upTo === undefined ? state.replay : mayReplay(ladder, gate, upTo)),
			rising: demand > this.#demand,
			standingDelay: load.standingDelay,
			sparePerS: ((REPLAY_UP_TO - load.liveLoad) * 1000) / costMs / Math.max(1, sharing),
			maxPerS,
		};
		this.#replayer.plan(pace, fencedPerS);
		this.#plannedAtMs = nowMs;
		this.#demand = demand;
	}

	/** Messages per second that are spilled only because of the fence. */
	#watchFence(elapsedMs: number): number {
		const { fenced } = this.#tally.ledger;
		if (elapsedMs > 0) {
			const perS = ((fenced - this.#fenced) * 1000) / elapsedMs;
			const grown = this.#fencedPerS + (perS - this.#fencedPerS) * Math.min(1, elapsedMs / FENCED_RAMP_MS);
			// What is not fenced any more is live load again, at once.
			this.#fencedPerS = Math.min(perS, grown);
			this.#fenced = fenced;
		}
		return this.#fencedPerS;
	}

	/** How many were replayed since the last call. */
	progress(): number {
		const { replayed } = this.#tally.ledger;
		const records = replayed - this.#told;
		this.#told = replayed;
		return records;
	}

	/** What a message costs that comes back now. */
	get #treatment(): Treatment {
		const { ladder, rules, severity } = this.#controller;
		// Whole levels apply while a cooldown holds them, whatever the severity.
		return treatmentOf(ladder, ladder.spec.gradual === true ? Math.min(rules, Math.floor(severity)) : rules, 0);
	}

	tick(): void {
		this.#replayer.tick();
	}

	stop(timeoutMs: number): Promise<void> {
		return this.#replayer.stop(timeoutMs);
	}
}
