import { verify } from '../core/errors.js';
import type { Intake } from '../ports/intake.js';
import { systemClock } from '../ports/time.js';

/** Where messages are pulled from, one request at a time. */
export interface PullSource<Raw> {
	/** How often {@link extend} is called, ms > 0. */
	readonly extendEveryMs: number;
	/** Messages that are settled here and not yet with the broker. */
	readonly unsettled: number;
	/**
	 * Asks once for at most `most` messages and gives each on as it comes; resolves when this request brings no more. The
	 * signal ends a wait before it, not the request: what a broker has sent would be lost until it sends it again.
	 */
	pull(most: number, give: (message: Raw) => void, signal: AbortSignal): Promise<void>;
	/** Tells the broker that these messages are still being worked on. */
	extend(held: readonly Raw[]): void;
	/** A batch has been handled, or its handler has failed. */
	done(batch: readonly Raw[]): void;
	/** Gives back what was not handled, settles what is under way, and releases everything. */
	end(unhandled: readonly Raw[]): Promise<void>;
}

/** Handles messages that came together, and acknowledges each. The signal asks for an end before the next message. */
export interface BatchHandler<Raw> {
	(messages: readonly Raw[], options: { readonly signal: AbortSignal }): unknown;
	/** Whether it hands messages back on purpose. */
	readonly rejects?: boolean | undefined;
}

export interface ConsumeOptions {
	/**
	 * Told what the handler, the client or the broker failed with. The consumer goes on: it asks again after a pause that
	 * grows from 0.1 to 5 s.
	 */
	readonly onError: (error: unknown) => void;
}

/** A consumer at work. */
export interface Consuming {
	/** A pause of your own, beside those of the ladder: it lasts until {@link resume}, whatever the ladder does. Idempotent. */
	pause(): void;
	/** Ends your own pause, and no other. Idempotent. */
	resume(): void;
	/**
	 * Ends it: the message in hand is finished, the others that are here go back to the broker. Resolves when everything is
	 * settled. Idempotent.
	 */
	stop(): Promise<void>;
}

/** An intake that is also the consumer. */
export interface PullIntake<Raw> extends Intake {
	pause(): void;
	resume(): void;
	onAssignmentChange(listener: () => void): () => void;
	/** `maxMessages`. */
	readonly residual: number;
	/**
	 * Starts to consume: hands what comes to the handler, a batch at a time, and asks for more meanwhile.
	 *
	 * @throws Error when it consumes already; ConfigError for a handler or a listener that is no function.
	 */
	consume(handler: BatchHandler<Raw>, options: ConsumeOptions): Consuming;
}

/** What a source may tell. */
export interface PullEvents {
	/** {@link PullSource.unsettled} has changed. */
	readonly changed: () => void;
	/** There is a new connection. */
	readonly assigned: () => void;
	readonly failed: (error: unknown) => void;
}

export type OpenSource<Raw> = (handler: BatchHandler<Raw>, events: PullEvents) => Promise<PullSource<Raw>>;

/**
 * An intake for brokers that are asked for messages. To pause is to ask for no more: nothing is held back here, and what was
 * asked for is handled like any other. So nothing has to be taken back from the broker's point of view, and no lease runs out.
 */
export function pullIntake<Raw>(name: string, maxMessages: number, open: OpenSource<Raw>): PullIntake<Raw> {
	const listeners = new Set<() => void>();
	const gate = { open: true };
	let current: Consumption<Raw> | undefined;
	return {
		residual: maxMessages,
		pause() {
			gate.open = false;
		},
		resume() {
			gate.open = true;
			current?.ring();
		},
		onAssignmentChange(listener) {
			listeners.add(listener);
			return () => listeners.delete(listener);
		},
		consume(handler, { onError }) {
			verify(`${name}.consume`, (must) => {
				must(typeof handler === 'function', 'handler', handler, 'a function');
				must(typeof onError === 'function', 'onError', onError, 'a function');
			});
			if (current !== undefined) throw new Error(`${name} consumes already: stop that first`);
			const assigned = () => {
				for (const listener of [...listeners]) listener();
			};
			const consumption = new Consumption(maxMessages, gate, handler, onError);
			current = consumption;
			const ended = consumption.run(open, assigned).then(() => {
				if (current === consumption) current = undefined;
			});
			return {
				pause() {
					consumption.paused = true;
				},
				resume() {
					consumption.paused = false;
					consumption.ring();
				},
				stop() {
					consumption.stop();
					return ended;
				},
			};
		},
	};
}

const BACKOFF_MS = { first: 100, most: 5_000 };

class Consumption<Raw> {
	/** By the user. */
	paused = false;
	readonly #maxMessages: number;
	readonly #gate: { readonly open: boolean };
	readonly #handler: BatchHandler<Raw>;
	readonly #onError: (error: unknown) => void;
	readonly #abort = new AbortController();
	readonly #queue: Raw[] = [];
	#inHand: readonly Raw[] = [];
	/** Those who wait for something to change. */
	#waiting: (() => void)[] = [];

	constructor(
		maxMessages: number,
		gate: { readonly open: boolean },
		handler: BatchHandler<Raw>,
		onError: (error: unknown) => void,
	) {
		this.#maxMessages = maxMessages;
		this.#gate = gate;
		this.#handler = handler;
		this.#onError = onError;
	}

	/** Never rejects. */
	async run(open: OpenSource<Raw>, assigned: () => void): Promise<void> {
		const events: PullEvents = { changed: () => this.ring(), assigned, failed: (error) => this.#failed(error) };
		let source: PullSource<Raw> | undefined;
		await this.#persistently(async () => {
			source = await open(this.#handler, events);
			return true;
		});
		if (source === undefined) return;
		const opened = source;
		const cancel = systemClock.every(opened.extendEveryMs, () => opened.extend([...this.#inHand, ...this.#queue]));
		await Promise.all([this.#pull(opened), this.#work(opened)]);
		cancel();
		try {
			await opened.end(this.#queue.splice(0));
		} catch (error) {
			this.#failed(error);
		}
	}

	stop(): void {
		this.#abort.abort();
		this.ring();
	}

	/** Something has changed: whoever waits looks again. */
	ring(): void {
		const waiting = this.#waiting;
		this.#waiting = [];
		for (const look of waiting) look();
	}

	async #pull(source: PullSource<Raw>): Promise<void> {
		const free = () => this.#maxMessages - this.#queue.length - this.#inHand.length - source.unsettled;
		const isOpen = () => this.#gate.open && !this.paused;
		const give = (message: Raw) => {
			this.#queue.push(message);
			this.ring();
		};
		await this.#persistently(async () => {
			// Half at least, so that messages that are settled one by one do not make a request each.
			await this.#until(() => this.#ended || (isOpen() && free() >= this.#maxMessages / 2));
			if (!this.#ended) await source.pull(free(), give, this.#abort.signal);
			return false;
		});
	}

	async #work(source: PullSource<Raw>): Promise<void> {
		for (;;) {
			await this.#until(() => this.#ended || this.#queue.length > 0);
			if (this.#ended) return;
			this.#inHand = this.#queue.splice(0);
			try {
				await this.#handler(this.#inHand, { signal: this.#abort.signal });
			} catch (error) {
				this.#failed(error);
			}
			source.done(this.#inHand);
			this.#inHand = [];
			this.ring();
		}
	}

	/** Does it until it is finished or this ends, after a failure with a pause that grows. */
	async #persistently(attempt: () => Promise<boolean>): Promise<void> {
		for (let pauseMs = BACKOFF_MS.first; !this.#ended; ) {
			try {
				if (await attempt()) return;
				pauseMs = BACKOFF_MS.first;
			} catch (error) {
				this.#failed(error);
				await this.#pause(pauseMs);
				pauseMs = Math.min(2 * pauseMs, BACKOFF_MS.most);
			}
		}
	}

	async #pause(ms: number): Promise<void> {
		let over = false;
		const cancel = systemClock.every(ms, () => {
			over = true;
			this.ring();
		});
		await this.#until(() => over || this.#ended);
		cancel();
	}

	async #until(fact: () => boolean): Promise<void> {
		while (!fact()) {
			await new Promise<void>((resolve) => {
				this.#waiting.push(resolve);
			});
		}
	}

	get #ended(): boolean {
		return this.#abort.signal.aborted;
	}

	#failed(error: unknown): void {
		try {
			this.#onError(error);
		} catch (thrown) {
			// Whoever listens may end the process by it, but not leave messages behind that nobody settles.
			queueMicrotask(() => {
				throw thrown;
			});
		}
	}
}
