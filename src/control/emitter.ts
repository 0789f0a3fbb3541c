import { show } from '../core/errors.js';
import { reachesSomebody } from '../ports/hearing.js';

/** Something that goes wrong beside message handling. It never breaks it (rule M7). */
export interface Failure {
	readonly during: 'signal' | 'intake' | 'spill' | 'replay' | 'listener' | 'tiers';
	/** The signal, handler or event concerned. */
	readonly name?: string | undefined;
	readonly error: unknown;
}

/** Listening, typed by a map of event names to listeners: the part of `typed-emitter` that is for everyone. */
export interface Emitter<E> {
	/** @throws TypeError when there is no such event. */
	on<K extends keyof E>(event: K, listener: E[K]): this;
	/** @throws TypeError when there is no such event. */
	once<K extends keyof E>(event: K, listener: E[K]): this;
	off<K extends keyof E>(event: K, listener: E[K]): this;
}

type Payload<E, K extends keyof E> = E[K] extends (payload: infer P) => void ? P : never;
type AnyListener = (payload: never) => unknown;

/** Passes on to others what an emitter tells. */
export interface Relay {
	hears(event: PropertyKey): boolean;
	emit(event: never, payload: never): void;
}

/**
 * An emitter without `node:` whose listeners cannot hurt (rule M7): a throw or a rejection is caught, counted and told as
 * `failed`. Events are told in the order in which they happened, also when a listener causes another one. Failures that
 * nobody listens to are written with `console.warn`, the first of each kind, so that they are never silent.
 */
export class SafeEmitter<E extends { readonly failed: (failure: Failure) => void }> implements Emitter<E> {
	/** Failures so far, by component. */
	readonly errors: Record<Failure['during'], number> = {
		signal: 0,
		intake: 0,
		spill: 0,
		replay: 0,
		listener: 0,
		tiers: 0,
	};
	readonly relays = new Set<Relay>();
	readonly #listeners = new Map<PropertyKey, readonly { readonly listener: AnyListener; readonly once: boolean }[]>();
	readonly #queue: (() => void)[] = [];
	readonly #warned = new Set<string>();
	#telling = false;
	readonly #events: readonly string[];

	/** @param events  each event there is, so that listening to another one is noticed. */
	constructor(events: { readonly [K in keyof E]: true }) {
		this.#events = Object.keys(events);
	}

	on<K extends keyof E>(event: K, listener: E[K]): this {
		return this.#add(event, listener as AnyListener, false);
	}

	once<K extends keyof E>(event: K, listener: E[K]): this {
		return this.#add(event, listener as AnyListener, true);
	}

	off<K extends keyof E>(event: K, listener: E[K]): this {
		const entries = this.#of(event);
		// Who listens twice is heard once less, as everywhere.
		const last = entries.findLastIndex((entry) => entry.listener === listener);
		return this.#set(
			event,
			entries.filter((_, i) => i !== last),
		);
	}

	hears(event: PropertyKey): boolean {
		const heard = this.#of(event).some(({ listener }) => reachesSomebody(listener));
		return heard || [...this.relays].some((relay) => relay.hears(event));
	}

	emit<K extends keyof E>(event: K, payload: Payload<E, K>): void {
		this.tell(this.telling(event, payload));
	}

	/** Delivers several events one after the other, before any that their listeners cause. */
	tell(...deliveries: readonly (() => void)[]): void {
		this.#queue.push(...deliveries);
		// Told by a listener of an earlier event: that one's turn comes first.
		if (this.#telling) return;
		this.#telling = true;
		for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) next();
		this.#telling = false;
	}

	/** Runs `work`; what it tells is delivered afterwards, in order, so that no listener acts on something half done. */
	whole<T>(work: () => T): T {
		if (this.#telling) return work();
		this.#telling = true;
		try {
			return work();
		} finally {
			this.#telling = false;
			this.tell();
		}
	}

	/** Counts a failure and tells of it. */
	fail(during: Failure['during'], error: unknown, name?: string): void {
		this.errors[during]++;
		if (!this.hears('failed')) this.#warn(during, name, error);
		this.emit('failed', { during, name, error } as Payload<E, 'failed'>);
	}

	/** A delivery for {@link tell}. */
	telling<K extends keyof E>(event: K, payload: Payload<E, K>): () => void {
		return () => this.#deliver(event, payload as never);
	}

	#deliver(event: keyof E, payload: never): void {
		const entries = this.#of(event);
		if (entries.some((entry) => entry.once))
			this.#set(
				event,
				entries.filter((entry) => !entry.once),
			);
		for (const { listener } of entries) {
			try {
				const result = listener(payload);
				if (result instanceof Promise) result.catch((error: unknown) => this.#listenerFailed(event, error));
			} catch (error) {
				this.#listenerFailed(event, error);
			}
		}
		for (const relay of this.relays) relay.emit(event as never, payload);
	}

	#listenerFailed(event: keyof E, error: unknown): void {
		if (event === 'failed') {
			// A listener of failures that fails is not told of itself.
			this.errors.listener++;
			this.#warn('listener', 'failed', error);
		} else this.fail('listener', error, String(event));
	}

	#warn(during: string, name: string | undefined, error: unknown): void {
		const kind = `${during} ${name ?? ''}`.trim();
		if (this.#warned.has(kind)) return;
		this.#warned.add(kind);
		try {
			console.warn(`brownout: ${kind} failed (told once; listen to "failed" for all):`, error);
		} catch {
			// A console that throws has nobody left to be told to.
		}
	}

	#of(event: PropertyKey) {
		return this.#listeners.get(event) ?? [];
	}

	#add(event: keyof E, listener: AnyListener, once: boolean): this {
		// The types say so too, but whoever writes JavaScript would wait for a misspelt event for ever.
		if (!this.#events.includes(event as string))
			throw new TypeError(`event: ${show(event)} must be one of ${this.#events.join(', ')}`);
		return this.#set(event, [...this.#of(event), { listener, once }]);
	}

	#set(event: keyof E, entries: readonly { readonly listener: AnyListener; readonly once: boolean }[]): this {
		this.#listeners.set(event, entries);
		return this;
	}
}
