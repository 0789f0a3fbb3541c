import type { HandlerContext, Intake, Outcome } from '../../index.js';
import { type Message, nextMessage, randomFrom } from './feed.js';

/**
 * Feeds send messages of one symbol in packets, and the simulation moves packets of this many. Every figure that is shown
 * counts messages.
 */
export const PACKET_SIZE = 100;

/** What a packet costs the consumer, ms of its time: 100 000 messages a second in full, 200 000 without the features. */
const COST_MS = { publish: 0.5, enrichment: 0.3, strictValidation: 0.2, spill: 0.05, drop: 0.01 };
/** The saw of the garbage collector, on top of the heap that the story sets. */
const GARBAGE = { share: 0.015, everyMs: 4_000 };

type Context = HandlerContext<string, string, 'enrichment' | 'strictValidation'>;

/**
 * A feed, the broker's queue and one consumer, on simulated time. It decides nothing: what the consumer does with a packet,
 * and so how fast the queue drains, is up to the shedder.
 *
 * @param seed  the same seed gives the same arrivals.
 */
export function createMarket(seed: number) {
	const random = randomFrom(seed);
	const arrivals = createRamp(0);
	const heap = createRamp(0.45);
	let queue: Message[] = [];
	let taken = 0;
	let owed = 0;
	let paused = false;
	let budgetMs = 0;
	let garbageMs = 0;
	let arrived = 0;
	let finished = 0;

	function arrive(ms: number): void {
		const jitter = 0.8 + 0.4 * random();
		for (owed += ((arrivals.value * ms) / 1000 / PACKET_SIZE) * jitter; owed >= 1; owed--) {
			queue.push(nextMessage(random));
			arrived++;
		}
	}

	/** Spends the consumer's time on what waits in the queue. Time that finds nothing to do is not saved up. */
	async function consume(ms: number, handle: (packet: Message) => Promise<Outcome<void>>): Promise<void> {
		budgetMs = Math.min(budgetMs + ms, ms);
		while (!paused && budgetMs > 0 && taken < queue.length) {
			const { action } = await handle(queue[taken++] as Message);
			if (action === 'spill' || action === 'drop') budgetMs -= COST_MS[action];
			finished++;
		}
		if (taken > 10_000 && taken * 2 > queue.length) {
			queue = queue.slice(taken);
			taken = 0;
		}
	}

	const intake: Intake = {
		pause() {
			paused = true;
		},
		resume() {
			paused = false;
		},
	};

	return {
		/** Messages that wait at the broker. Only the consumer lowers it: while intake is paused it can only grow. */
		lag: () => (queue.length - taken) * PACKET_SIZE,
		/** Used share of the heap. */
		heap: () => heap.value + (GARBAGE.share * garbageMs) / GARBAGE.everyMs,
		intake,
		/** The message handler. Its work takes time, and replayed packets take it from the live ones. */
		handler(_packet: Message, { features }: Context): void {
			budgetMs -= COST_MS.publish;
			if (features.enrichment) budgetMs -= COST_MS.enrichment;
			if (features.strictValidation) budgetMs -= COST_MS.strictValidation;
		},
		setArrivals: arrivals.to,
		setHeap: heap.to,
		/** Messages that have arrived, and messages that were taken off the queue and dealt with, so far. */
		counts: () => ({ arrived: arrived * PACKET_SIZE, finished: finished * PACKET_SIZE }),
		async step(ms: number, handle: (packet: Message) => Promise<Outcome<void>>): Promise<void> {
			arrivals.pass(ms);
			heap.pass(ms);
			garbageMs = (garbageMs + ms) % GARBAGE.everyMs;
			arrive(ms);
			await consume(ms, handle);
		},
	};
}

/** A value that moves in a straight line to where it is told to go. */
function createRamp(start: number) {
	let [value, target, leftMs] = [start, start, 0];
	return {
		get value() {
			return value;
		},
		to(next: number, overMs: number): void {
			[target, leftMs] = [next, overMs];
		},
		pass(ms: number): void {
			value += (target - value) * Math.min(1, ms / Math.max(ms, leftMs));
			leftMs = Math.max(0, leftMs - ms);
		},
	};
}
