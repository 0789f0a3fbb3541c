import type { Consumer, Consumption } from '../control/consumer.js';
import { LadderController } from '../control/controller.js';
import { type Relay, SafeEmitter } from '../control/emitter.js';
import type { Controller, ControllerOptions } from '../control/types.js';
import type { Decision } from '../core/decide.js';
import { show, verify } from '../core/errors.js';
import type { Intake } from '../ports/intake.js';
import { type FedSignal, isFed } from '../ports/signal.js';
import { SpillError } from '../ports/spill.js';
import { countBacklog } from '../replay/backlog.js';
import { Fence } from '../replay/fence.js';
import { Episodes } from './episodes.js';
import { explanation } from './explain.js';
import { type Handler, Handlers, runner } from './handlers.js';
import { keep, missing } from './keep.js';
import { type Leaving, Tally } from './ledger.js';
import { Replaying } from './replaying.js';
import { type Route, Router } from './router.js';
import { Spiller } from './spiller.js';
import { type Stats, statsOf } from './stats.js';
import type { LoadShedder, Outcome, ShedderEvents, ShedderOptions } from './types.js';
import { type Desk, type Planned, wrapMany, wrapOne } from './wrap.js';

const STOP_TIMEOUT_MS = 10_000;
/** How long after a store could not be opened it is tried again. */
const REOPEN_MS = 5_000;
/** Nothing was offered for this long on the cached clock, so nothing had been waiting. */
const IDLE_MS = 100;

const MODES: readonly string[] = ['enforce', 'observe', 'off'];
const ORDERS: readonly string[] = ['oldest-first', 'latest-per-key'];
const OPEN: Intake = { pause() {}, resume() {} };

class Shedder<M, N extends string, S extends string, G extends string, R extends string, F extends string>
	extends SafeEmitter<ShedderEvents<N, S, G | R>>
	implements LoadShedder<M, N, S, G, R, F>, Consumer, Desk<M, N, G | R, F>
{
	readonly controller: LadderController<N, S, G, R, F>;
	readonly router: Router<M, N, S, G, R, F>;
	readonly spiller: Spiller<M> | undefined;
	readonly #passive: boolean;
	readonly #tally = new Tally();
	readonly #handlers = new Handlers<M, N, G | R, F>();
	readonly #fed: readonly FedSignal[];
	readonly #replaying: Replaying<M, N, S, G, R, F> | undefined;
	readonly #fence: Fence | undefined;
	readonly #episodes = new Episodes<G | R>();
	readonly #options: ShedderOptions<M, G | R, N>;
	readonly #ownsController: boolean;
	readonly #relay: Relay;
	/** When a message was last offered or done with, epoch ms. */
	#activeAtMs = Number.NEGATIVE_INFINITY;
	#recovery: Promise<void> | undefined;
	#reopenAtMs = Number.NEGATIVE_INFINITY;
	#looking = false;
	#full = 0;
	#toldOfStore = false;
	#stopping: Promise<void> | undefined;
	#closing: Promise<void> | undefined;

	constructor(
		options: ShedderOptions<M, G | R, N>,
		controller: LadderController<N, S, G, R, F>,
		ownsController: boolean,
	) {
		super();
		const { spill, mode = 'enforce', replay = {} } = options;
		const { levels } = controller.ladder;
		const keeping = spill === undefined || 'store' in spill ? spill : { store: spill };
		verify('shedder', (must) => {
			must(MODES.includes(mode), 'mode', mode, `one of ${MODES.map(show).join(', ')}`);
			must(
				replay.upTo === undefined || levels.includes(replay.upTo),
				'replay.upTo',
				replay.upTo,
				`a level (${levels.join(', ')})`,
			);
			must(replay.maxPerS === undefined || replay.maxPerS > 0, 'replay.maxPerS', replay.maxPerS, 'above 0');
			const { attempts = 1, concurrency = 1, order = 'oldest-first' } = replay;
			must(Number.isInteger(attempts) && attempts >= 1, 'replay.attempts', attempts, 'an integer of at least 1');
			const fits = Number.isInteger(concurrency) && concurrency >= 1 && concurrency <= 256;
			must(fits, 'replay.concurrency', concurrency, 'an integer of 1 .. 256');
			must(ORDERS.includes(order), 'replay.order', order, `one of ${ORDERS.map(show).join(', ')}`);
			const keyed = options.keyOf !== undefined || order === 'oldest-first';
			must(keyed, 'keyOf', options.keyOf, 'given together with replay.order "latest-per-key"');
			const { whenSpillFails = 'process', expiresAfterMs = 1 } = keeping ?? {};
			const known = ['process', 'reject'].includes(whenSpillFails);
			must(known, 'spill.whenSpillFails', whenSpillFails, 'one of "process", "reject"');
			must(expiresAfterMs > 0, 'spill.expiresAfterMs', expiresAfterMs, 'above 0');
			const fenceable = keeping?.keyFence !== true || options.keyOf !== undefined;
			must(fenceable, 'keyOf', options.keyOf, 'given together with spill.keyFence');
			must(
				keeping?.deadLetters === undefined || keeping.deadLetters !== keeping.store,
				'spill.deadLetters',
				'the spill store itself',
				'another store',
			);
		});
		this.#options = options;
		this.#ownsController = ownsController;
		this.controller = controller;
		this.#passive = mode !== 'enforce';
		this.router = new Router(controller, options, this.#passive, (version) => this.emit('tiersReplaced', { version }));
		this.#fed = [...controller.readers.values()].map(({ source }) => source).filter(isFed);
		if (keeping !== undefined && !this.#passive) {
			this.spiller = new Spiller(keeping, controller.clock);
			this.#fence = keeping.keyFence === true ? new Fence() : undefined;
			const failed = (error: unknown, name: string) => this.fail('replay', error, name);
			this.#replaying = new Replaying(
				controller,
				this.spiller,
				this.router,
				this.#handlers,
				this.#tally,
				this.#fence,
				replay,
				failed,
			);
		}
		this.#relay = {
			hears: (event) => this.hears(event),
			emit: (event, payload) => {
				// A shedder that only observes leaves intake open (rule D5), and must not make others close it.
				if (!(this.#passive && event === 'intakeChanged')) this.emit(event, payload);
			},
		};
		controller.relays.add(this.#relay);
		controller.consumers.add(this);
	}

	decide(message: M): Decision<N, G | R, F> {
		return this.route(message).decision;
	}

	admit(message: M): Decision<N, G | R, F> {
		const route = this.route(message);
		const { done } = route;
		this.enter(route, message);
		this.leave(route, done.action === 'process' ? 'processed' : done.action === 'drop' ? 'dropped' : 'rejected');
		return done;
	}

	explain(message: M) {
		const route = this.route(message);
		const { holds, clock } = this.controller;
		return { decision: route.decision, tier: route.tier, holds, text: explanation(route, holds, clock.nowMs()) };
	}

	wrap<V>(handler: Handler<M, N, G | R, F, V>, { name = 'default' }: { readonly name?: string | undefined } = {}) {
		return wrapOne<M, N, G | R, F, V>(this, this.#runner(name, handler), name);
	}

	wrapBatch<V>(handler: Handler<M, N, G | R, F, V>, { name = 'default' }: { readonly name?: string | undefined } = {}) {
		return wrapMany<M, N, G | R, F, V>(this, this.#runner(name, handler), name);
	}

	#runner<V>(name: string, handler: Handler<M, N, G | R, F, V>) {
		this.#handlers.add(name, handler);
		return runner(handler, (as) => this.#left(as));
	}

	stats(): Stats {
		return statsOf(this.controller, this, {
			mode: this.#options.mode ?? 'enforce',
			accepting: this.accepting,
			replayPerS: this.#replaying?.perS ?? 0,
			replayEtaMs: this.#replaying?.etaMs ?? null,
		});
	}

	// What happens to a message (Desk).
	route(message: M): Route<N, G | R, F> {
		try {
			const route = this.router.of(message);
			return this.#fence !== undefined && this.#queuesUp(route, message) ? this.router.fenced(route) : route;
		} catch (error) {
			// Whoever cannot be told apart is protected: a broken key must not lose a message.
			this.fail('tiers', error, 'classify');
			return this.router.ofReplayed(undefined, undefined);
		}
	}

	/** Whether older messages of its key are waiting (rule M4). What is protected never does. */
	#queuesUp({ done, priority }: Route<N, G | R, F>, message: M): boolean {
		if (done.action !== 'process' || priority === 0) return false;
		return this.#fence?.holds(String(this.#options.keyOf?.(message))) === true;
	}

	enter(route: Route<N, G | R, F>, message: M): void {
		if (this.#options.mode !== 'off') route.count.n++;
		if (this.#fed.length > 0) this.#feed(message);
		this.#tally.offer(route.priority, route.treatment);
		this.#activeAtMs = this.controller.epochMs;
	}

	leave(route: Route<N, G | R, F>, as: Leaving): void {
		if (as === 'dropped') this.#episodes.dropped(route.decision.priority, route.tier, this.controller.epochMs);
		this.#left(as);
	}

	#left(as: Leaving): void {
		this.#tally.leave(as);
		this.#activeAtMs = this.controller.epochMs;
		for (const signal of this.#fed) signal.left();
	}

	/** Tells the signals that live on messages, and whether this one came after a lull. */
	#feed(message: M): void {
		const { epochMs } = this.controller;
		const { timeOf } = this.#options;
		const idle = this.ledger.inFlight === 0 && epochMs - this.#activeAtMs >= IDLE_MS && this.#activeAtMs > 0;
		let ageMs = Number.NaN;
		try {
			if (timeOf !== undefined) ageMs = epochMs - timeOf(message);
		} catch (error) {
			this.fail('signal', error, 'timeOf');
		}
		for (const signal of this.#fed) signal.offered(ageMs, idle);
	}

	async keep<V>(messages: readonly Planned<M, N, G | R, F>[], handler: string): Promise<(Outcome<V> | undefined)[]> {
		const { spiller } = this;
		if (spiller === undefined) {
			if (!this.#toldOfStore) this.fail('spill', missing(), 'missing');
			this.#toldOfStore = true;
			return messages.map(() => undefined);
		}
		const keeping = {
			spiller,
			tally: this.#tally,
			fence: this.#fence,
			keyOf: this.#options.keyOf,
			nowMs: this.controller.epochMs,
			recovered: () => this.#recover(spiller),
			failed: (error: unknown, name: string) => this.fail('spill', error, name),
		};
		const outcomes = await keep<M, N, G | R, F, V>(keeping, messages, handler);
		for (const outcome of outcomes) if (outcome !== undefined) for (const signal of this.#fed) signal.left();
		return outcomes;
	}

	get ledger() {
		return this.#tally.ledger;
	}

	// What the controller asks and tells (Consumer).
	take(): Consumption {
		return this.#tally.take(this.ladder.priorities.length);
	}

	spillFull(): number | Promise<number> {
		return this.spiller === undefined ? 0 : this.#lookAtStore(this.spiller);
	}

	async #lookAtStore(spiller: Spiller<M>): Promise<number> {
		const { clock } = this.controller;
		// A store that hangs is asked again when it has answered; until then its last figures count.
		if (this.#looking || clock.nowMs() < this.#reopenAtMs) return this.#full;
		this.#looking = true;
		let during = 'open';
		try {
			await this.#recover(spiller);
			during = 'stats';
			const { moves } = this.#tally;
			this.#full = await spiller.full();
			// Figures say something only if nothing came or went while they were gathered.
			const still = moves === this.#tally.moves && this.#replaying?.quiet === true;
			if (still) this.#reconcile(spiller);
		} catch (error) {
			if (during === 'open') this.#reopenAtMs = clock.nowMs() + REOPEN_MS;
			this.fail('spill', error, during);
		} finally {
			this.#looking = false;
		}
		return this.#full;
	}

	#reconcile({ stats, store }: Spiller<M>): void {
		const lost = this.#tally.reconcile(stats?.records ?? null, store.capabilities.dedupesById);
		if (lost > 0)
			this.fail('spill', new SpillError(`${lost} spilled messages are lost`, { code: 'SPILL_LOST' }), 'lost');
	}

	get busy(): boolean {
		return this.ledger.inFlight > 0 || this.controller.epochMs - this.#activeAtMs < IDLE_MS;
	}

	get replaying(): boolean {
		return this.#replaying?.running === true;
	}

	moved(): void {
		this.router.refresh();
		this.#replaying?.plan();
		// A listener may act on the controller, which is in the middle of a step.
		this.controller.tell(() => {
			for (const episode of this.#episodes.over(this.controller.epochMs)) this.emit('dropped', episode);
			this.#tellReplay();
		});
	}

	tick(): void {
		this.#replaying?.tick();
	}

	closed(): Promise<void> {
		this.#closing ??= this.#close();
		return this.#closing;
	}

	// What is passed on to the controller.
	get ladder() {
		return this.controller.ladder;
	}

	get level(): N {
		return this.controller.level;
	}

	get accepting(): boolean {
		return this.#passive || this.controller.accepting;
	}

	isEnabled(feature: F): boolean {
		return this.#passive || this.controller.isEnabled(feature);
	}

	check() {
		return this.controller.check();
	}

	override(...args: Parameters<Controller<N, S, G, R, F>['override']>) {
		return this.controller.override(...args);
	}

	reload(...args: Parameters<Controller<N, S, G, R, F>['reload']>): void {
		this.controller.reload(...args);
	}

	snapshot() {
		return this.controller.snapshot();
	}

	restore(...args: Parameters<Controller<N, S, G, R, F>['restore']>): void {
		this.controller.restore(...args);
	}

	start(): void {
		if (this.#closing !== undefined) throw new Error('a stopped shedder cannot be started again: create a new one');
		this.controller.start();
	}

	stop(): Promise<void> {
		this.#stopping ??= this.#ownsController ? this.controller.stop() : this.closed();
		return this.#stopping;
	}

	async #close(): Promise<void> {
		this.controller.consumers.delete(this);
		this.router.close();
		await this.#settle('replay', () => this.#replaying?.stop(STOP_TIMEOUT_MS));
		await this.#settle('spill', () => this.spiller?.close());
		for (const episode of this.#episodes.over(Number.POSITIVE_INFINITY)) this.emit('dropped', episode);
		this.#tellReplay();
		if (!this.#ownsController) this.controller.relays.delete(this.#relay);
	}

	async #settle(during: 'replay' | 'spill', work: () => Promise<void> | undefined): Promise<void> {
		try {
			await work();
		} catch (error) {
			this.fail(during, error, 'stop');
		}
	}

	/** Takes over what the store held from an earlier run, once. */
	#recover(spiller: Spiller<M>): Promise<void> {
		this.#recovery ??= this.#takeOver(spiller).catch((error: unknown) => {
			this.#recovery = undefined;
			throw error;
		});
		return this.#recovery;
	}

	async #takeOver(spiller: Spiller<M>): Promise<void> {
		const records = await spiller.open();
		if (this.#fence !== undefined) await countBacklog(spiller.store, this.#fence, this.controller.clock);
		this.#tally.found(records ?? 0);
		if (records === null && this.#replaying !== undefined) this.#replaying.searching = true;
	}

	#tellReplay(): void {
		const records = this.#replaying?.progress() ?? 0;
		if (records === 0) return;
		this.emit('replayed', { records, waiting: this.ledger.waiting, etaMs: this.#replaying?.etaMs ?? null });
	}
}

/**
 * Makes a load shedder: it decides what happens to each message while its controller follows the load.
 *
 * With `controller` it shares one; with `ladder` and `signals` it makes its own, which is started and stopped with it.
 *
 * @throws ConfigError when the options do not fit together.
 */
export function createLoadShedder<
	M,
	N extends string,
	S extends string,
	G extends string,
	R extends string,
	F extends string,
>(
	options: ShedderOptions<M, NoInfer<G | R>, NoInfer<N>> & ControllerOptions<N, S, G, R, F>,
): LoadShedder<M, N, S, G, R, F>;
export function createLoadShedder<
	M,
	N extends string,
	S extends string,
	G extends string,
	R extends string,
	F extends string,
>(
	options: ShedderOptions<M, NoInfer<G | R>, NoInfer<N>> & { readonly controller: Controller<N, S, G, R, F> },
): LoadShedder<M, N, S, G, R, F>;
export function createLoadShedder<
	M,
	N extends string,
	S extends string,
	G extends string,
	R extends string,
	F extends string,
>(
	options: ShedderOptions<M, G | R, N> &
		(ControllerOptions<N, S, G, R, F> | { readonly controller: Controller<N, S, G, R, F> }),
): LoadShedder<M, N, S, G, R, F> {
	if (!('controller' in options)) {
		// Nothing pauses intake on behalf of a shedder that only observes (rule D5).
		const passive = options.mode === 'observe' || options.mode === 'off';
		return new Shedder(options, new LadderController(passive ? { ...options, intake: OPEN } : options), true);
	}
	const { controller } = options;
	verify('shedder', (must) =>
		must(controller instanceof LadderController, 'controller', controller, 'made by createController'),
	);
	return new Shedder(options, controller as LadderController<N, S, G, R, F>, false);
}
