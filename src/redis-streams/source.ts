import type { PullEvents, PullSource } from '../brokers/pull.js';
import { systemClock } from '../ports/time.js';
import { Line } from './line.js';
import { DeliveredMessage, type Settlement, type StreamMessage } from './message.js';
import type { Argument, RedisClient } from './session.js';
import { Settler } from './settler.js';

export interface SourceOptions {
	readonly client: RedisClient;
	readonly stream: string;
	readonly group: string;
	readonly consumer: string;
	readonly blockMs: number;
	readonly claimAfterMs: number;
	readonly retryMs: number;
	readonly timeoutMs: number;
	readonly bytes: boolean;
}

type Give<Value> = (message: StreamMessage<Value>) => void;
/** An entry of a reply: its id, and names and values in turn; null when it was deleted. */
type Entry = readonly [id: unknown, flat: readonly unknown[] | null];

const NOWHERE = '0-0';

/**
 * A consumer of a group as a place from which messages are pulled. Besides new messages these come: what this consumer had
 * pending before it started or lost its connection, what was handed back and has rested, and what a dead consumer left.
 */
export class StreamSource<Value> implements PullSource<StreamMessage<Value>> {
	readonly extendEveryMs: number;
	readonly #options: SourceOptions;
	readonly #events: PullEvents;
	/** For what may wait, and for everything else: a read that waits holds up its connection. */
	readonly #reader: Line;
	readonly #writer: Line;
	readonly #settler: Settler;
	/** By id, until the server knows how they ended. */
	readonly #held = new Set<string>();
	#connection = 0;
	/** Where reading what is pending goes on; undefined when all of it was read. */
	#history: string | undefined;
	#claimFrom = NOWHERE;
	#claimAtMs = Number.NEGATIVE_INFINITY;
	/** `-` is the beginning. */
	#retryFrom = '-';
	#retryAtMs = Number.NEGATIVE_INFINITY;
	/** Messages handed back so far, and when the last page of them was retried. */
	#rested = 0;
	#restedAtRetry = 0;
	#retriedLast = false;

	constructor(options: SourceOptions, events: PullEvents) {
		const { client, timeoutMs, claimAfterMs } = options;
		this.#options = options;
		this.#events = events;
		this.extendEveryMs = claimAfterMs / 3;
		this.#reader = new Line(client, timeoutMs);
		this.#writer = new Line(client, timeoutMs);
		this.#settler = new Settler({
			...options,
			line: this.#writer,
			settled: (id) => {
				this.#held.delete(id);
				events.changed();
			},
			failed: events.failed,
		});
	}

	get unsettled(): number {
		return this.#settler.size;
	}

	async pull(most: number, give: Give<Value>): Promise<void> {
		const connection = await this.#reader.open();
		if (connection !== this.#connection) {
			if (this.#connection > 0) this.#events.assigned();
			this.#connection = connection;
			// Pending for us, and older than what is new: what an earlier life had, and what was on its way on a lost connection.
			this.#history = NOWHERE;
		}
		while (this.#history !== undefined) if (await this.#readPending(this.#history, most, give)) return;
		const nowMs = systemClock.nowMs();
		if (nowMs >= this.#claimAtMs && (await this.#claim(most, give))) return;
		const retries = this.#isRetryDue(nowMs) && !this.#retriedLast;
		this.#retriedLast = retries;
		if (retries && (await this.#retry(most, give))) return;
		const dueMs = this.#isRetryDue(nowMs) ? 0 : Math.min(this.#retryAtMs, this.#claimAtMs) - nowMs;
		await this.#readNew(most, Math.min(Math.ceil(dueMs), this.#options.blockMs), give);
	}

	extend(held: readonly StreamMessage<Value>[]): void {
		const { stream, group, consumer } = this.#options;
		const ids = held.flatMap(({ id }) => (this.#held.has(id) ? [id] : []));
		if (ids.length === 0) return;
		this.#writer.send(['XCLAIM', stream, group, consumer, 0, ...ids, 'JUSTID']).catch(this.#events.failed);
	}

	done(batch: readonly StreamMessage<Value>[]): void {
		// What nobody settled was not handled.
		for (const message of batch) message.nak();
	}

	async end(unhandled: readonly StreamMessage<Value>[]): Promise<void> {
		for (const message of unhandled) message.release();
		await this.#settler.end();
		this.#reader.end();
		this.#writer.end();
	}

	async #readPending(from: string, most: number, give: Give<Value>): Promise<boolean> {
		const entries = entriesOf(await this.#readGroup(most, [], from));
		const last = entries.at(-1);
		this.#history = last === undefined ? undefined : String(last[0]);
		return this.#give(entries, give);
	}

	async #readNew(most: number, waitMs: number, give: Give<Value>): Promise<void> {
		// To wait 0 ms would be to wait for ever.
		const wait = waitMs > 0 ? ['BLOCK', waitMs] : [];
		this.#give(entriesOf(await this.#readGroup(most, wait, '>', Math.max(0, waitMs))), give);
	}

	#readGroup(most: number, wait: readonly Argument[], from: string, waitMs = 0): Promise<unknown> {
		const { stream, group, consumer, bytes } = this.#options;
		const command = ['XREADGROUP', 'GROUP', group, consumer, 'COUNT', most, ...wait, 'STREAMS', stream, from];
		return this.#reader.send(command, { waitMs, bytes });
	}

	/** Takes what is pending for a consumer that has not been heard of for `claimAfterMs`, itself included. */
	async #claim(most: number, give: Give<Value>): Promise<boolean> {
		const { stream, group, consumer, claimAfterMs, bytes } = this.#options;
		const command = ['XAUTOCLAIM', stream, group, consumer, claimAfterMs, this.#claimFrom, 'COUNT', most];
		const [next, entries] = (await this.#reader.send(command, { bytes })) as readonly [unknown, readonly Entry[]];
		this.#claimFrom = String(next);
		if (this.#claimFrom === NOWHERE) this.#claimAtMs = systemClock.nowMs() + claimAfterMs / 4;
		return this.#give(entries, give);
	}

	/** A page after the other while they are taken; one in `retryMs` while they are handed back again. */
	#isRetryDue(nowMs: number): boolean {
		return nowMs >= this.#retryAtMs || (this.#retryFrom !== '-' && this.#rested === this.#restedAtRetry);
	}

	/** Takes what is pending for this consumer, is not here, and has rested. */
	async #retry(most: number, give: Give<Value>): Promise<boolean> {
		const { stream, group, consumer, retryMs, bytes } = this.#options;
		this.#restedAtRetry = this.#rested;
		this.#retryAtMs = systemClock.nowMs() + retryMs;
		const look = ['XPENDING', stream, group, 'IDLE', retryMs, this.#retryFrom, '+', most, consumer];
		const pending = ((await this.#reader.send(look)) as readonly (readonly [id: unknown])[]).map(([id]) => String(id));
		const last = pending.length === most ? pending.at(-1) : undefined;
		this.#retryFrom = last === undefined ? '-' : `(${last}`;
		const ids = pending.filter((id) => !this.#held.has(id));
		if (ids.length === 0) return false;
		const take = ['XCLAIM', stream, group, consumer, retryMs, ...ids];
		return this.#give((await this.#reader.send(take, { bytes })) as readonly Entry[], give);
	}

	/** @returns whether there were any that are not here already. */
	#give(entries: readonly (Entry | null)[], give: Give<Value>): boolean {
		let any = false;
		const settle = (id: string, how: Settlement) => {
			if (how === 'rest') this.#rested++;
			this.#settler.settle(id, how);
		};
		for (const entry of entries) {
			// Redis 6 says of a deleted entry that it was claimed.
			if (entry === null) continue;
			const [raw, flat] = entry;
			const id = String(raw);
			if (this.#held.has(id)) continue;
			this.#held.add(id);
			// Deleted while it was pending: there is nothing to handle.
			if (flat === null) this.#settler.settle(id, 'ack');
			else {
				any = true;
				give(new DeliveredMessage<Value>(id, flat, settle));
			}
		}
		return any;
	}
}

/**
 * The entries of a reply about one stream. Under the newer protocol it is a map of keys and entries, and what a client makes
 * of it: an object, a Map, or a list in which they take turns; before, a list of pairs. null for none.
 */
function entriesOf(reply: unknown): readonly Entry[] {
	if (reply === null || reply === undefined) return [];
	if (!Array.isArray(reply)) {
		const [entries = []] = reply instanceof Map ? reply.values() : Object.values(reply);
		return entries as readonly Entry[];
	}
	const [first, second] = reply as readonly unknown[];
	return ((Array.isArray(first) ? first[1] : second) ?? []) as readonly Entry[];
}
