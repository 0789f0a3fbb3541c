import type { Consumer, Consumption } from '../control/consumer.js';
import { LadderController } from '../control/controller.js';
import { type Relay, SafeEmitter } from '../control/emitter.js';
import type { Controller, ControllerOptions } from '../control/types.js';
import type { Decision } from '../core/decide.js';
import { verify } from '../core/errors.js';
import type { Queues } from '../core/queues.js';
import { maySkip } from '../core/skip.js';
import type { Action } from '../core/spec.js';
import { part } from '../core/validate.js';
import type { Stats } from '../ports/observable.js';
import type { Outcome } from '../ports/outcome.js';
import type { Admission } from '../ports/shedder.js';
import { Fence } from '../replay/fence.js';
import { checkShedder } from './check-options.js';
import { Episodes } from './episodes.js';
import { explanation } from './explain.js';
import { Feed } from './feed.js';
import { type Handler, Handlers, runner } from './handlers.js';
import { Holdings } from './holdings.js';
import { keep, keyFor, missing } from './keep.js';
import { type Leaving, Tally } from './ledger.js';
import { Replaying } from './replaying.js';
import { type HandlerContext, type Route, Router } from './router.js';
import { Spiller } from './spiller.js';
import { statsOf } from './stats.js';
import { type LoadShedder, SHEDDER_EVENTS, type ShedderEvents, type ShedderOptions } from './types.js';
import { type Desk, type Planned, wrapMany, wrapOne } from './wrap.js';

const STOP_TIMEOUT_MS = 10_000;

class Shedder<M, N extends string, S extends string, G extends string, R extends string, F extends string>
	extends SafeEmitter<ShedderEvents<N, S, G | R>>
	implements LoadShedder<M, N, S, G, R, F>, Consumer, Desk<M, N, G | R, F>
{
	readonly controller: LadderController<N, S, G, R, F>;
	readonly router: Router<M, N, S, G, R, F>;
	readonly #holdings: Holdings<M> | undefined;
	readonly passive: boolean;
	readonly #off: boolean;
	readonly #tally = new Tally();
	readonly #handlers = new Handlers<M, N, G | R, F>();
	readonly #feed: Feed<M>;
	readonly #replaying: Replaying<M, N, S, G, R, F> | undefined;
	readonly #episodes = new Episodes<G | R>();
	readonly #options: ShedderOptions<M, G | R, N>;
	readonly #ownsController: boolean;
	readonly #relay: Relay;
	#toldOfStore = false;
	#stopping: Promise<void> | undefined;
	#closing: Promise<void> | undefined;

	constructor(
		given: ShedderOptions<M, G | R, N>,
		controller: LadderController<N, S, G, R, F>,
		ownsController: boolean,
	) {
		super(SHEDDER_EVENTS);
		const { keeping, own } = checkShedder(given, controller.ladder.levels);
		this.#options = own;
		this.#ownsController = ownsController;
		this.controller = controller;
		this.passive = (own.mode ?? 'enforce') !== 'enforce';
		this.#off = own.mode === 'off';
		this.router = new Router(controller, own, this.passive, (version) => this.emit('tiersReplaced', { version }));
		const sources = [...controller.readers.values()].map(({ source }) => source);
		const { timeOf, skipToLive, replay = {} } = own;
		this.#feed = new Feed(sources, timeOf, skipToLive !== undefined, (error, name) => this.fail('signal', error, name));
		if (keeping !== undefined && !this.passive) {
			const { clock } = controller;
			const spiller = new Spiller(keeping, clock);
			const fence = keeping.keyFence === true ? new Fence() : undefined;
			this.#replaying = new Replaying(
				controller,
				spiller,
				this.router,
				this.#handlers,
				this.#tally,
				fence,
				replay,
				(error, name) => this.fail('replay', error, name),
			);
			this.#holdings = new Holdings(spiller, fence, this.#tally, clock, sources, this.#replaying, (error, name) =>
				this.fail('spill', error, name),
			);
		}
		this.#relay = {
			hears: (event) => this.hears(event),
			emit: (event, payload) => {
				// A shedder that only observes leaves intake open (rule D5), and must not make others close it.
				if (!(this.passive && event === 'intakeChanged')) this.emit(event, payload);
			},
		};
		controller.relays.add(this.#relay);
		controller.consumers.add(this);
	}

	decide(message: M): Decision<N, G | R, F> {
		const route = this.route(message);
		return this.#off ? route.done : route.decision;
	}

	admit(message: M): Decision<N, G | R, F> {
		const route = this.route(message);
		const { done } = route;
		this.enter(route, message);
		this.leave(route, done.action === 'process' ? 'processed' : done.action === 'drop' ? 'dropped' : 'rejected');
		return done;
	}

	begin(message: M): Admission<HandlerContext<N, G | R, F>> {
		const route = this.#unkept(message);
		const { action } = route.done as { readonly action: Exclude<Action, 'spill'> };
		this.enter(route, message);
		let open = action === 'process';
		if (!open) this.leave(route, action === 'drop' ? 'dropped' : 'rejected');
		return {
			action,
			context: route.context,
			end: (as) => {
				if (open) this.#left(as);
				open = false;
			},
		};
	}

	explain(message: M) {
		const met = this.route(message);
		// Nothing is decided by who is off (rule D5).
		const route = this.#off ? { ...met, decision: met.done, fenced: false, skipped: false } : met;
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
		this.#handlers.add(name, handler, this.#options.spill !== undefined);
		return runner(handler, (as) => this.#left(as));
	}

	stats(): Stats {
		return statsOf(this.controller, this, {
			mode: this.#options.mode ?? 'enforce',
			accepting: this.accepting,
			replayPerS: this.#replaying?.perS ?? 0,
			replayEtaMs: this.#replaying?.etaMs ?? null,
			replayDelayMs: this.#replaying?.delayMs ?? null,
			spill: this.#holdings?.stats ?? null,
		});
	}

	// What happens to a message (Desk).
	route(message: M): Route<N, G | R, F> {
		try {
			const route = this.router.of(message);
			if (this.#isTooLate(route, message)) return this.router.skipped(route);
			return this.#queuesUp(route, message) ? this.router.fenced(route) : route;
		} catch (error) {
			return this.#unclassified(error);
		}
	}

	plan(message: M): Route<N, G | R, F> {
		const route = this.route(message);
		const fence = this.#holdings?.fence;
		if (fence === undefined || route.done.action !== 'spill') return route;
		try {
			fence.add(keyFor(this.#options.keyOf, message));
			return route;
		} catch (error) {
			return this.#unclassified(error);
		}
	}

	lean(route: Route<N, G | R, F>): Route<N, G | R, F> {
		return this.router.lean(route);
	}

	/** The route of a message that nobody can keep for later. */
	#unkept(message: M): Route<N, G | R, F> {
		try {
			return this.router.unkept(this.router.of(message), !this.accepting);
		} catch (error) {
			return this.#unclassified(error);
		}
	}

	/** Whoever cannot be told apart is protected: a broken key must not lose a message. */
	#unclassified(error: unknown): Route<N, G | R, F> {
		this.fail('tiers', error, 'classify');
		return this.router.ofReplayed(undefined, undefined);
	}

	/** Whether it is protected and so old already that fresh ones are better served first (rule D7). */
	#isTooLate({ done, priority }: Route<N, G | R, F>, message: M): boolean {
		const { skipToLive } = this.#options;
		if (skipToLive === undefined || priority !== 0 || done.action !== 'process') return false;
		const { ladder, rules, epochMs, spillFull } = this.controller;
		if (this.#holdings === undefined || !maySkip(ladder, rules, spillFull)) return false;
		return this.#feed.ageOf(message, epochMs) >= skipToLive.afterMs;
	}

	/** Whether older messages of its key are waiting (rule M4). What is protected never does. */
	#queuesUp({ done, priority }: Route<N, G | R, F>, message: M): boolean {
		const fence = this.#holdings?.fence;
		if (fence === undefined || done.action !== 'process' || priority === 0) return false;
		return fence.holds(keyFor(this.#options.keyOf, message));
	}

	enter(route: Route<N, G | R, F>, message: M): void {
		if (!this.#off) route.count.n++;
		this.#feed.offered(message, this.ledger.inFlight, this.controller.epochMs);
		this.#tally.offer(route.priority, route.treatment);
	}

	leave(route: Route<N, G | R, F>, as: Leaving): void {
		if (as === 'dropped') this.#episodes.dropped(route.decision.priority, route.tier, this.controller.epochMs);
		this.#left(as);
	}

	#left(as: Leaving): void {
		this.#tally.leave(as);
		this.#feed.left(this.controller.epochMs);
	}

	async keep<V>(messages: readonly Planned<M, N, G | R, F>[], handler: string): Promise<(Outcome<V> | undefined)[]> {
		const holdings = this.#holdings;
		if (holdings === undefined) {
			if (!this.#toldOfStore) this.fail('spill', missing(), 'missing');
			this.#toldOfStore = true;
			return messages.map(() => undefined);
		}
		const keeping = {
			holdings,
			tally: this.#tally,
			keyOf: this.#options.keyOf,
			nowMs: this.controller.epochMs,
			ageOf: (message: M) => this.#feed.ageOf(message, this.controller.epochMs),
			failed: (error: unknown, name: string) => this.fail('spill', error, name),
		};
		const outcomes = await keep<M, N, G | R, F, V>(keeping, messages, handler);
		for (const outcome of outcomes) if (outcome !== undefined) this.#feed.left(this.controller.epochMs);
		return outcomes;
	}

	get ledger() {
		return this.#tally.ledger;
	}

	// What the controller asks and tells (Consumer).
	take(): Consumption {
		return this.#tally.take(this.ladder.priorities.length);
	}

	checked(queues: Queues): void {
		this.#feed.checked(queues);
	}

	spillFull(): number | Promise<number> {
		return this.#holdings?.look() ?? 0;
	}

	get busy(): boolean {
		return this.ledger.inFlight > 0 || this.#feed.active(this.controller.epochMs);
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
		return this.passive || this.controller.accepting;
	}

	isEnabled(feature: F): boolean {
		return this.passive || this.controller.isEnabled(feature);
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
		await this.#settle('spill', () => this.#holdings?.spiller.close());
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
	verify('shedder', (must) => part(must, 'shedder', options));
	if (!('controller' in options)) {
		const { ladder, signals, intake, checkEveryMs, clock, capacityPerS } = options;
		const own = new LadderController({ ladder, signals, intake, checkEveryMs, clock, capacityPerS });
		const shedder = new Shedder(options, own, true);
		own.follow();
		return shedder;
	}
	const { controller } = options;
	verify('shedder', (must) => {
		const ours = controller instanceof LadderController;
		must(ours, 'controller', controller, 'made by createController');
		must(!ours || !controller.ended, 'controller', controller, 'one that has not been stopped: create a new one');
	});
	return new Shedder(options, controller as LadderController<N, S, G, R, F>, false);
}
