import { spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { setImmediate as breathe, setTimeout as sleep } from 'node:timers/promises';
import {
	createLoadShedder,
	defineLadder,
	marketDataLadder,
	marketDataTiers,
	memorySpill,
	type Stats,
} from '../../index.js';
import { eventLoopDelaySignal, heapSignal } from '../../process/index.js';
import { classification, type Message } from './feed.js';
import { compact, percent, whole } from './format.js';
import type { GeneratorReport, LoadPlan } from './generator.js';
import { createInbox } from './inbox.js';
import { createMonitor } from './monitor.js';
import { narrate } from './narrator.js';
import type { Stage } from './stage.js';
import { calibrate } from './work.js';

export interface RealLoadOptions {
	/** Messages per second at the peak. Default: four times what this machine handles in full. */
	readonly rate?: number | undefined;
	/** Seconds until the peak. Default 4, and at most `duration`. */
	readonly ramp?: number | undefined;
	/** Seconds under load, the ramp included. Default 12. */
	readonly duration?: number | undefined;
}

const OVERLOAD = 4;
const CALM = { share: 0.2, forS: 2 };
/** Replay leaves room for this process to draw pictures of itself. */
const REPLAY_SHARE = 0.6;
const COOLDOWN_MS = 3_000;
const BACKOFF_MAX_MS = 6_000;
/** The generator's first message comes so soon, at the latest. */
const START_WITHIN_MS = 20_000;
/** From the end of the load to NORMAL with nothing left to replay, at the longest. */
const RECOVER_WITHIN_MS = 60_000;
/** The consumer makes room for the pipe, the checks and the picture this often. */
const SLICE_MS = 10;
const IDLE_MS = 2;
const LOOK_MS = 100;
const LINE_MS = 1_000;
const TRACE_MS = 500;

const GAUGES = {
	lag: { label: 'lag', format: compact },
	heap: { label: 'heap', format: percent },
	delay: { label: 'delay', format: (ms: number) => String(Math.round(ms)), unit: 'ms' },
};

/** The levels of the preset; lag in seconds of work of this machine, and the event loop's delay as a third signal. */
function ladderFor(capacityPerS: number) {
	const work = (seconds: number) => Number((seconds * capacityPerS).toPrecision(2));
	const enterAt = {
		NORMAL: undefined,
		SOFT: { lag: work(0.5), heap: 0.7, delay: 250 },
		GRACEFUL: { lag: work(1.5), heap: 0.8, delay: 500 },
		AGGRESSIVE: { lag: work(3), heap: 0.9, delay: 1_000 },
		CIRCUIT_BREAK: { lag: work(8), heap: 0.95 },
	};
	return defineLadder({
		...marketDataLadder.spec,
		// What waits is in this process, so it falls while the intake is paused: no probe is needed.
		signals: { lag: { recoverBelow: 0.5 }, heap: { recoverBelow: 0.9 }, delay: { recoverBelow: 0.6 } },
		probe: undefined,
		levels: marketDataLadder.spec.levels.map((level) => ({ ...level, enterAt: enterAt[level.name] })),
		cooldownMs: COOLDOWN_MS,
		backoff: { maxMs: BACKOFF_MAX_MS },
	});
}

/**
 * A real overload in real time: another process sends messages through a pipe, this one burns its CPU on them, and lag,
 * heap and event-loop delay are measured.
 *
 * @param generator  a script, and the arguments with which it runs {@link generate}; the plan is added to them.
 * @returns the figures at the end, and what the generator says it has sent; `undefined` when it did not get to say it.
 */
export async function playRealLoad(
	stage: Stage,
	{ rate, duration = 12, ramp = Math.min(4, duration) }: RealLoadOptions,
	generator: readonly string[],
): Promise<{ readonly stats: Stats; readonly report: GeneratorReport | undefined }> {
	stage.heading('A real overload');
	const { work, capacityPerS } = calibrate();
	const plan: LoadPlan = {
		calmPerS: CALM.share * capacityPerS,
		calmForS: CALM.forS,
		peakPerS: rate ?? OVERLOAD * capacityPerS,
		rampS: ramp,
		loadForS: duration,
	};
	stage.tell(
		`Measured just now: this process handles ${whole(capacityPerS)} messages a second in full. Another process will send ` +
			`it up to ${whole(plan.peakPerS)} a second for ${duration} s. The thresholds are sized to the machine, and the ` +
			`cooldown is ${COOLDOWN_MS / 1000} s, where the preset has 30 s. Lag, heap and event-loop delay are measured.`,
	);

	const ladder = ladderFor(capacityPerS);
	const child = spawn(process.execPath, [...process.execArgv, ...generator, JSON.stringify(plan)], {
		stdio: ['pipe', 'pipe', 'inherit'],
	});
	const exited = once(child, 'exit');
	const inbox = createInbox(child.stdout, 2 * (ladder.spec.levels.at(-1)?.enterAt?.lag ?? 0));
	const shedder = createLoadShedder({
		ladder,
		signals: { lag: inbox.length, heap: heapSignal(), delay: eventLoopDelaySignal() },
		intake: inbox.intake,
		tiers: marketDataTiers,
		...classification,
		spill: memorySpill(),
		replay: { maxPerS: REPLAY_SHARE * capacityPerS },
	});
	const handle = shedder.wrap((message: Message, context) => {
		if (!context.replayed) return work(message, context);
		// Both have one core: replayed messages let the live ones through.
		return breathe().then(() => work(message, context));
	});
	let finished = 0;
	const consume = async () => {
		while (!inbox.over()) {
			const untilMs = performance.now() + SLICE_MS;
			for (let message = inbox.take(); message !== undefined; ) {
				await handle(message);
				finished++;
				message = performance.now() < untilMs ? inbox.take() : undefined;
			}
			await (inbox.length() > 0 ? breathe() : sleep(IDLE_MS));
		}
	};

	const nowMs = () => performance.now();
	const monitor = createMonitor(shedder, {
		gauges: GAUGES,
		nowMs,
		counts: () => ({ arrived: inbox.arrived(), finished }),
		weight: 1,
		traceMs: TRACE_MS,
	});
	narrate(shedder, { stage, gauges: GAUGES, time: monitor.time });
	let title = 'Real load';
	let shownAtMs = 0;
	const watching = setInterval(() => {
		monitor.look();
		if (!stage.live && nowMs() - shownAtMs < LINE_MS) return;
		shownAtMs = nowMs();
		stage.show(monitor.moment(title));
	}, LOOK_MS);

	const recovered = () => shedder.level === 'NORMAL' && shedder.stats().waiting === 0 && inbox.length() === 0;
	try {
		shedder.start();
		const consumed = consume();
		// The load begins with the other process, which takes its time to start.
		await until(() => inbox.arrived() > 0, START_WITHIN_MS);
		await sleep((plan.calmForS + plan.loadForS) * 1000);
		title = 'Real load: over';
		stage.tell(`The load is over: ${whole(plan.calmPerS)} messages a second from now on. Nobody tells the ladder.`);
		await until(recovered, RECOVER_WITHIN_MS);
		child.stdin.end();
		await Promise.race([Promise.all([consumed, exited]), sleep(10_000, undefined, { ref: false })]);
		stage.show(monitor.moment('Real load: the end'));
		return { stats: shedder.stats(), report: inbox.report() };
	} finally {
		clearInterval(watching);
		stage.end();
		child.kill();
		await shedder.stop();
	}
}

/** Waits until something is the case, or for so long. */
async function until(fact: () => boolean, withinMs: number): Promise<void> {
	for (const endMs = performance.now() + withinMs; !fact() && performance.now() < endMs; ) await sleep(LOOK_MS);
}
