import { constants, setPriority } from 'node:os';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { nextMessage, randomFrom } from './feed.js';

/** Messages per second over time. */
export interface LoadPlan {
	/** Before the load for so long, and after it until the generator is stopped. */
	readonly calmPerS: number;
	readonly calmForS: number;
	readonly peakPerS: number;
	/** How long the load takes to reach its peak; a part of `loadForS`. */
	readonly rampS: number;
	readonly loadForS: number;
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
	/** Were due, and never sent: the pipe was full because nobody read it, and a live feed does not wait. */
	readonly heldBack: number;
}

const TICK_MS = 10;
/** What a full pipe has held up for longer than this is never sent. */
const LATE_MS = 500;
const SEED = 20_080_915;

/**
 * The other process: writes messages to its standard output, one a line, at the rate that the plan says, until its standard
 * input ends. It waits while the pipe is full, so its memory is bounded.
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

	const random = randomFrom(SEED);
	const startMs = performance.now();
	let tickedAtMs = startMs;
	let owed = 0;
	const report = { sent: 0, heldBack: 0 };
	while (!stopped) {
		await sleep(TICK_MS);
		const nowMs = performance.now();
		const perS = rateAt(plan, (nowMs - startMs) / 1000);
		owed += (perS * (nowMs - tickedAtMs)) / 1000;
		tickedAtMs = nowMs;
		const late = Math.max(0, Math.floor(owed - 1 - (perS * LATE_MS) / 1000));
		owed -= late;
		report.heldBack += late;
		if (process.stdout.writableNeedDrain) continue;
		const lines: string[] = [];
		for (; owed >= 1; owed--) lines.push(JSON.stringify(nextMessage(random)));
		report.sent += lines.length;
		if (lines.length > 0) process.stdout.write(`${lines.join('\n')}\n`);
	}
	process.stdout.end(`${JSON.stringify(report satisfies GeneratorReport)}\n`);
}
