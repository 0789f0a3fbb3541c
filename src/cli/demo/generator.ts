import { constants, setPriority } from 'node:os';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Place, Producer } from './brokers/broker.js';
import { brokers } from './brokers/index.js';
import { type Message, nextMessage, randomFrom } from './feed.js';

/** Messages per second over time. */
export interface LoadPlan {
	/** Before the load for so long, and after it until the generator is stopped. */
	readonly calmPerS: number;
	readonly calmForS: number;
	readonly peakPerS: number;
	/** How long the load takes to reach its peak; a part of `loadForS`. */
	readonly rampS: number;
	readonly loadForS: number;
	/** Where in a broker the messages go; without one they go to standard output. */
	readonly place?: Place | undefined;
}

/** The rate that a plan asks for, `atS` seconds after its start. */
export function rateAt({ calmPerS, calmForS, peakPerS, rampS, loadForS }: LoadPlan, atS: number): number {
	const loadedS = atS - calmForS;
	if (loadedS < 0 || loadedS >= loadForS) return calmPerS;
	return calmPerS + (peakPerS - calmPerS) * (rampS > 0 ? Math.min(1, loadedS / rampS) : 1);
}

/** The last line of a generator. */
export interface GeneratorReport {
	readonly sent: number;
	/** Were due, and never sent: nobody took them, and a live feed does not wait. */
	readonly heldBack: number;
}

const TICK_MS = 10;
/** What a full pipe, or a slow broker, has held up for longer than this is never sent. */
const LATE_MS = 500;
/** A broker gets the next messages before it has confirmed these many ticks of them. */
const UNCONFIRMED_MAX = 8;
const SEED = 20_080_915;

/** Where messages go. */
interface Sink {
	/** Nobody takes more at the moment. */
	readonly busy: boolean;
	send(messages: readonly Message[]): void;
	/** Resolves with how many have arrived, when no more will. */
	end(): Promise<number>;
}

/**
 * The other process: sends messages at the rate that the plan says, until its standard input ends; then it reports. It waits
 * while nobody takes them, so its memory is bounded.
 */
export async function generate(plan: LoadPlan): Promise<void> {
	// On a machine with two cores the consumer is to be overloaded by messages, not by this process.
	setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
	let stopped = false;
	process.stdin.resume().once('end', () => {
		stopped = true;
	});
	// The consumer is gone.
	process.stdout.once('error', () => process.exit());

	const sink = plan.place === undefined ? pipe() : broker(await brokers[plan.place.broker].produce(plan.place));
	const random = randomFrom(SEED);
	const startMs = performance.now();
	let tickedAtMs = startMs;
	let owed = 0;
	let heldBack = 0;
	while (!stopped) {
		await sleep(TICK_MS);
		const nowMs = performance.now();
		const perS = rateAt(plan, (nowMs - startMs) / 1000);
		owed += (perS * (nowMs - tickedAtMs)) / 1000;
		tickedAtMs = nowMs;
		const late = Math.max(0, Math.floor(owed - 1 - (perS * LATE_MS) / 1000));
		owed -= late;
		heldBack += late;
		if (sink.busy) continue;
		const messages: Message[] = [];
		for (; owed >= 1; owed--) messages.push(nextMessage(random));
		if (messages.length > 0) sink.send(messages);
	}
	const report: GeneratorReport = { sent: await sink.end(), heldBack };
	process.stdout.end(`${JSON.stringify(report)}\n`);
}

/** Standard output, one message a line. */
function pipe(): Sink {
	let sent = 0;
	return {
		get busy() {
			return process.stdout.writableNeedDrain;
		},
		send(messages) {
			sent += messages.length;
			process.stdout.write(`${messages.map((message) => JSON.stringify(message)).join('\n')}\n`);
		},
		end: async () => sent,
	};
}

function broker(producer: Producer): Sink {
	const unconfirmed = new Set<Promise<void>>();
	let sent = 0;
	return {
		get busy() {
			return unconfirmed.size >= UNCONFIRMED_MAX;
		},
		send(messages) {
			// A failure ends this process, and the consumer sees that there is no report.
			const sending = producer.send(messages).then(() => {
				sent += messages.length;
				unconfirmed.delete(sending);
			});
			unconfirmed.add(sending);
		},
		async end() {
			await Promise.all(unconfirmed);
			await producer.close();
			return sent;
		},
	};
}
