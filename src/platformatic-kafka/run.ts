import { checkHandling, type Handling } from '../brokers/handling.js';
import { partSize } from '../brokers/part-size.js';
import { verify } from '../core/errors.js';
import type { MessageShedder } from '../ports/shedder.js';
import { systemClock } from '../ports/time.js';
import { assignmentsOf } from './assignments.js';
import { checkStream } from './check.js';
import type { PlatformaticMessage, PlatformaticStream } from './client.js';
import { pausesOf } from './pauses.js';
import { positions } from './positions.js';

export interface PlatformaticKafkaRunOptions<Raw extends PlatformaticMessage, M, C, V = unknown>
	extends Handling<Raw, M, C, V> {
	/**
	 * What `consumer.consume({ topics, mode: 'committed', autocommit: false })` has made. It stays the caller's, but nobody else
	 * may read it.
	 */
	readonly stream: PlatformaticStream<Raw>;
	readonly shedder: MessageShedder<M, C>;
	/**
	 * Most messages that are decided on at once, a whole number of at least 1: those of them that are spilled are appended together
	 * and awaited once. It is fewer while handling takes long, so that a change of the level is followed within some 25 ms.
	 *
	 * @default 1_000
	 */
	readonly partMax?: number | undefined;
	/** How often offsets are committed while messages flow, ms, 1 to 3 600 000. @default 1_000 */
	readonly commitEveryMs?: number | undefined;
	/**
	 * For how long a partition waits when one of its messages is handed back (`reject`), before that message is looked at again,
	 * ms, 1 to 3 600 000. The others of its partition wait behind it; other partitions go on while fewer than
	 * 1024 messages wait.
	 *
	 * @default 1_000
	 */
	readonly retryMs?: number | undefined;
}

/** How many messages are held beside the buffer of the stream; with as many nothing more is read. */
const HELD_MAX = 1_024;

/**
 * Handles the messages of a stream until it ends: `await platformaticKafkaRun({ stream, shedder, decode, handle })`, where there
 * would be a `for await`.
 *
 * An offset is committed once its message and all before it in the partition were handled, dropped on purpose or durably
 * spilled. A pause and the loss of a partition end a part of the work before its next message. A message that is handed back
 * (`reject`) holds up its partition for `retryMs` and is then looked at again; nothing is fetched twice for it.
 *
 * @returns once the stream has ended and what was done is committed: `await stream.close()`, then this, then `consumer.close()`.
 * Rejects with the error of the handler, of `decode`, of the stream, or of a commit (after the retries of the client), when what
 * came before is committed. A new stream of the consumer begins with the message that failed.
 * @throws ConfigError when an option is out of range; Error when the stream commits by itself.
 * @see docs/platformatic-kafka.md (rule M2)
 */
export function platformaticKafkaRun<Raw extends PlatformaticMessage, M, C, V = unknown>(
	options: PlatformaticKafkaRunOptions<Raw, M, C, V>,
): Promise<void> {
	const { stream, shedder, partMax = 1_000, commitEveryMs = 1_000, retryMs = 1_000 } = options;
	verify('platformaticKafkaRun options', (must) => {
		const inRange = (ms: number) => ms >= 1 && ms <= 3_600_000;
		checkStream(must, stream);
		must(typeof Object(shedder).wrapBatch === 'function', 'shedder', shedder, 'a load shedder: it has wrapBatch');
		checkHandling(must, options);
		must(Number.isInteger(partMax) && partMax >= 1, 'partMax', partMax, 'a whole number of at least 1');
		must(inRange(commitEveryMs), 'commitEveryMs', commitEveryMs, 'a number from 1 to 3600000');
		must(inRange(retryMs), 'retryMs', retryMs, 'a number from 1 to 3600000');
	});
	return new Run<Raw, M, C, V>({ ...options, partMax, commitEveryMs, retryMs }).ended;
}

/** One message in our hands. */
interface Held<Raw> {
	readonly raw: Raw;
	readonly id: string;
}

/** The next messages to be handled, up to one that cannot be decoded. */
interface Part<Raw, M> {
	readonly held: readonly Held<Raw>[];
	readonly decoded: readonly M[];
	readonly failure?: { readonly error: unknown } | undefined;
}

type Settings<Raw extends PlatformaticMessage, M, C, V> = PlatformaticKafkaRunOptions<Raw, M, C, V> & {
	readonly partMax: number;
	readonly commitEveryMs: number;
	readonly retryMs: number;
};

class Run<Raw extends PlatformaticMessage, M, C, V> {
	readonly ended: Promise<void>;
	readonly #settings: Settings<Raw, M, C, V>;
	readonly #handleAll: ReturnType<MessageShedder<M, C>['wrapBatch']>;
	readonly #mayReject: boolean;
	readonly #pauses;
	readonly #size;
	readonly #positions = positions();
	/** The partitions of the last join. While the group assigns anew they are ours still. */
	#ours: ReadonlySet<string>;
	/** Read from the stream and not settled, in order; at most {@link HELD_MAX} and what the stream had buffered at a join. */
	#held: Held<Raw>[] = [];
	/** Partitions that wait after a message was handed back. @see PlatformaticKafkaRunOptions.retryMs */
	readonly #waiting = new Set<string>();
	#part: AbortController | undefined;
	#lastCommit: unknown;
	#committedAtMs = systemClock.nowMs();
	#willCommit = false;
	/** A partition has begun of which nothing may be committed yet. */
	#begun = false;
	#over = false;
	#failure: { readonly error: unknown } | undefined;
	#wake = () => {};
	#woken = false;
	readonly #alarms = new Set<() => void>();

	constructor(settings: Settings<Raw, M, C, V>) {
		const { stream, shedder, handle, name } = settings;
		this.#settings = settings;
		this.#handleAll = shedder.wrapBatch<unknown>(handle, { name });
		this.#mayReject = shedder.ladder.spec.levels.some(
			({ shed }) => shed !== undefined && Object.values(shed).includes('reject'),
		);
		this.#pauses = pausesOf(stream);
		this.#size = partSize(settings.partMax);
		this.#ours = assignedTo(stream);
		this.ended = this.#run();
	}

	async #run(): Promise<void> {
		const { stream } = this.#settings;
		const readable = () => this.#rouse();
		const over = () => {
			this.#over = true;
			this.#part?.abort();
			this.#rouse();
		};
		const failed = (error: unknown) => {
			this.#failure ??= { error };
			over();
		};
		const ends = [
			this.#pauses.onChange(() => {
				if (this.#pauses.paused) this.#part?.abort();
				this.#rouse();
			}),
			assignmentsOf(stream.consumer).onJoin(() => this.#reassigned(failed)),
		];
		stream.on('error', failed);
		stream.on('end', over);
		stream.on('close', over);
		stream.on('readable', readable);
		try {
			while (!this.#over) await this.#turn();
		} catch (error) {
			this.#failure ??= { error };
		}
		for (const end of [...ends, ...this.#alarms]) end();
		stream.off('readable', readable);
		stream.off('end', over);
		stream.off('close', over);
		try {
			await this.#commit();
		} catch (error) {
			// What it failed with in the first place matters more: these messages come again either way.
			this.#failure ??= { error };
		}
		stream.off('error', failed);
		if (this.#failure !== undefined) throw this.#failure.error;
	}

	async #turn(): Promise<void> {
		const part = this.#pauses.paused ? undefined : this.#next();
		if (part !== undefined) await this.#handle(part);
		const dueInMs = this.#begun ? 0 : this.#committedAtMs + this.#settings.commitEveryMs - systemClock.nowMs();
		if (dueInMs <= 0) await this.#commit();
		if (part !== undefined) {
			// Handlers that wait for nothing would keep timers and answers, those of the controller too, from having their turn.
			await new Promise((resolve) => setImmediate(resolve));
			return;
		}
		if (dueInMs > 0 && !this.#willCommit && this.#positions.due().size > 0) {
			this.#willCommit = true;
			this.#rouseIn(dueInMs, () => {
				this.#willCommit = false;
			});
		}
		await this.#sleep();
	}

	/** Takes the next part of what is there, or `undefined`. */
	#next(): Part<Raw, M> | undefined {
		this.#read(HELD_MAX);
		const { decode, shedder } = this.#settings;
		const closed = new Set(this.#waiting);
		const part: Held<Raw>[] = [];
		const decoded: M[] = [];
		const rest: Held<Raw>[] = [];
		let failure: Part<Raw, M>['failure'];
		for (const one of this.#held) {
			if (failure !== undefined || decoded.length >= this.#size.next || closed.has(one.id)) {
				rest.push(one);
				continue;
			}
			try {
				const message = decode(one.raw);
				decoded.push(message);
				part.push(one);
				// What lies behind one that is handed back waits with it; to spill it now would spill it each time.
				if (this.#mayReject && shedder.decide(message).action === 'reject') closed.add(one.id);
			} catch (error) {
				failure = { error };
				rest.push(one);
			}
		}
		if (decoded.length === 0 && failure === undefined) return undefined;
		this.#held = rest;
		return { held: part, decoded, failure };
	}

	/** Moves messages from the buffer of the stream to ours, until that has so many. */
	#read(most: number): void {
		const { stream } = this.#settings;
		while (this.#held.length < most) {
			const raw = stream.read();
			if (raw === null) return;
			// By itself the client commits what it has fetched, handled or not; then the messages share one function that does nothing.
			if (raw.commit !== undefined && raw.commit === this.#lastCommit) {
				throw new Error('the stream commits by itself: consume with autocommit: false');
			}
			this.#lastCommit = raw.commit;
			const id = `${raw.topic}:${raw.partition}`;
			if (!this.#ours.has(id)) continue;
			this.#begun ||= !this.#positions.has(id);
			if (this.#positions.take(id, raw.offset)) this.#held.push({ raw, id });
		}
	}

	async #handle({ held, decoded, failure }: Part<Raw, M>): Promise<void> {
		const part = new AbortController();
		this.#part = part;
		const left = new Set(held);
		const sinceMs = systemClock.nowMs();
		let handledMs = sinceMs;
		// A look at the clock for every message would show in the cost of quick ones.
		const every = this.#size.next >= 64 ? 16 : 1;
		try {
			await this.#handleAll(decoded, {
				signal: part.signal,
				onOutcome: (at, { action }) => {
					const one = held[at] as Held<Raw>;
					// What is spilled is told of when the append has resolved, after all others.
					if (action === 'process' && at % every === 0) handledMs = systemClock.nowMs();
					if (action === 'reject') {
						part.abort();
						this.#letWait(one.id);
						return;
					}
					left.delete(one);
					this.#positions.settle(one.id, one.raw.offset);
				},
			});
			this.#size.took(handledMs - sinceMs, held.length);
		} finally {
			this.#part = undefined;
			// In front of all others, in their order.
			this.#held = [...left, ...this.#held].filter(({ id }) => this.#ours.has(id));
		}
		if (failure !== undefined && !part.signal.aborted) throw failure.error;
	}

	#letWait(id: string): void {
		this.#waiting.add(id);
		this.#rouseIn(this.#settings.retryMs, () => this.#waiting.delete(id));
	}

	/** The group has assigned anew. What we have of our own partitions stays in our hands, although the client fetches it again. */
	#reassigned(failed: (error: unknown) => void): void {
		try {
			// What the stream has buffered is of the old assignment.
			this.#read(Number.POSITIVE_INFINITY);
		} catch (error) {
			failed(error);
		}
		this.#ours = assignedTo(this.#settings.stream);
		this.#positions.keep((id) => this.#ours.has(id));
		this.#held = this.#held.filter(({ id }) => this.#ours.has(id));
		this.#part?.abort();
		this.#rouse();
	}

	async #commit(): Promise<void> {
		this.#begun = false;
		const due = this.#positions.due();
		if (due.size > 0) {
			const offsets = [...due].map(([id, offset]) => {
				const at = id.lastIndexOf(':');
				return { topic: id.slice(0, at), partition: Number(id.slice(at + 1)), offset, leaderEpoch: -1 };
			});
			try {
				await this.#settings.stream.consumer.commit({ offsets });
				this.#positions.committed(due);
			} catch (error) {
				// The group is assigning anew: committed after the join, or handled again by whoever has the partition then.
				if (!isRebalance(error)) throw error;
			}
		}
		this.#committedAtMs = systemClock.nowMs();
	}

	#rouse(): void {
		this.#woken = true;
		this.#wake();
	}

	#rouseIn(ms: number, first = () => {}): void {
		const cancel = systemClock.every(ms, () => {
			cancel();
			this.#alarms.delete(cancel);
			first();
			this.#rouse();
		});
		this.#alarms.add(cancel);
	}

	/** Until there is something to look at. */
	async #sleep(): Promise<void> {
		if (!this.#woken) {
			await new Promise<void>((resolve) => {
				this.#wake = resolve;
			});
		}
		this.#woken = false;
	}
}

function assignedTo({ consumer: { assignments } }: PlatformaticStream<unknown>): ReadonlySet<string> {
	return new Set(
		(assignments ?? []).flatMap(({ topic, partitions }) => partitions.map((partition) => `${topic}:${partition}`)),
	);
}

function isRebalance(error: unknown): boolean {
	const { findBy }: { findBy?: (property: string, value: unknown) => unknown } = Object(error);
	return typeof findBy === 'function' && Boolean(findBy.call(error, 'needsRejoin', true));
}
