import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
import { fileSpill } from '../../spill-file/index.js';
import { brokerSource } from './broker-source.js';
import type { Handle, Place } from './brokers/broker.js';
import { classification } from './feed.js';
import { compact, percent, whole } from './format.js';
import type { LoadPlan } from './generator.js';
import { aborted } from './interruption.js';
import { createMonitor } from './monitor.js';
import { narrate } from './narrator.js';
import { pipeSource } from './pipe-source.js';
import type { Delivery, LoadSource } from './source.js';
import type { Stage } from './stage.js';
import { type WatchOptions, watched } from './watched.js';
import { calibrate, type Work } from './work.js';

export interface RealLoadOptions extends WatchOptions {
	/** Messages per second at the peak. Default: a multiple of what this machine handles in full. */
	readonly rate?: number | undefined;
	/** Seconds until the peak. Default 4, and at most `duration`. */
	readonly ramp?: number | undefined;
	/** Seconds under load, the ramp included. Default 12. */
	readonly duration?: number | undefined;
	/** A place in a broker that the messages go through. Default: a pipe, and no broker. */
	readonly place?: Place | undefined;
	/** Ends the run early: it rejects with the reason, when all that it has made is removed. */
	readonly interruption: AbortSignal;
}

/** A pipe is read as fast as messages are handled; what waits in a broker has to outgrow what a broker costs as well. */
const OVERLOAD = { pipe: 4, broker: 6 };
const CALM = { share: 0.2, forS: 2 };
const CALM_LAG_S = 0.5;
/** Replay leaves room for this process to draw pictures of itself. */
const REPLAY_SHARE = 0.6;
const COOLDOWN_MS = 3_000;
const BACKOFF_MAX_MS = 6_000;
const PROBE = { afterMs: 3_000, forMs: 2_000 };
/** The generator's first message comes so soon, at the latest. */
const START_WITHIN_MS = 20_000;
/** From the end of the load to NORMAL with nothing left to replay, at the longest. */
const RECOVER_WITHIN_MS = { pipe: 60_000, broker: 180_000 };
/** The handler makes room for the client, the checks and the picture this often. */
const SLICE_MS = 10;
const SPILL_BYTES_MAX = 1024 ** 3;
const LOOK_MS = 100;
const LINE_MS = 1_000;
const TRACE_MS = 500;

const GAUGES = {
	lag: { label: 'lag', format: compact },
	heap: { label: 'heap', format: percent },
	delay: { label: 'delay', format: (ms: number) => String(Math.round(ms)), unit: 'ms' },
};

/** The levels of the preset; lag in seconds of work of this machine, and the event loop's delay as a third signal. */
function ladderFor(capacityPerS: number, fallsWhilePaused: boolean) {
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
		signals: {
			lag: { recoverBelow: 0.5, fallsWhilePaused },
			heap: { recoverBelow: 0.9 },
			delay: { recoverBelow: 0.6 },
		},
		// What waits in a broker does not become less while nobody takes it.
		probe: fallsWhilePaused ? undefined : PROBE,
		levels: marketDataLadder.spec.levels.map((level) => ({ ...level, enterAt: enterAt[level.name] })),
		cooldownMs: COOLDOWN_MS,
		backoff: { maxMs: BACKOFF_MAX_MS },
	});
}

/** How the run of a real load has ended. */
export interface RealLoadEnd extends Delivery {
	readonly stats: Stats;
}

/**
 * A real overload in real time: another process sends messages through a pipe or a broker, this one burns its CPU on them, and
 * lag, heap and event-loop delay are measured.
 *
 * @param generator  a script, and the arguments with which it runs {@link generate}; the plan is added to them.
 */
export async function playRealLoad(
	stage: Stage,
	{ rate, duration = 12, ramp = Math.min(4, duration), place, interruption, ...watch }: RealLoadOptions,
	generator: readonly string[],
): Promise<RealLoadEnd> {
	stage.heading('A real overload');
	const work = calibrate();
	const { capacityPerS } = work;
	const through = place === undefined ? 'pipe' : 'broker';
	const plan: LoadPlan = {
		calmPerS: CALM.share * capacityPerS,
		calmForS: CALM.forS,
		peakPerS: rate ?? OVERLOAD[through] * capacityPerS,
		rampS: ramp,
		loadForS: duration,
		place,
	};
	const start = () => startGenerator(generator, plan);
	const source = await (place === undefined ? pipeSource(start(), 16 * capacityPerS) : brokerSource(place, start));
	const directory = place === undefined ? undefined : await mkdtemp(join(tmpdir(), 'brownout-demo-'));
	stage.tell(
		`Measured just now: this process handles ${whole(capacityPerS)} messages a second in full. Another process will send ` +
			`it up to ${whole(plan.peakPerS)} a second for ${duration} s, ${source.where}. The thresholds are sized to the ` +
			`machine, and the cooldown is ${COOLDOWN_MS / 1000} s, where the preset has 30 s. Lag, heap and event-loop delay are measured.`,
	);
	try {
		const recoverWithinMs = RECOVER_WITHIN_MS[through];
		return await play(stage, { source, work, plan, directory, recoverWithinMs, watch, interruption });
	} finally {
		await source.close();
		if (directory !== undefined) await rm(directory, { recursive: true, force: true });
	}
}

function startGenerator([script, ...parameters]: readonly string[], plan: LoadPlan): ChildProcess {
	const args = [...process.execArgv, script ?? '', ...parameters, JSON.stringify(plan)];
	return spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
}

interface Run {
	readonly source: LoadSource;
	readonly work: Work;
	readonly plan: LoadPlan;
	/** Where the spill is kept; without one it is in memory. */
	readonly directory: string | undefined;
	readonly recoverWithinMs: number;
	readonly watch: WatchOptions;
	readonly interruption: AbortSignal;
}

async function play(
	stage: Stage,
	{ source, work, plan, directory, recoverWithinMs, watch, interruption }: Run,
): Promise<RealLoadEnd> {
	const shedder = createLoadShedder({
		ladder: ladderFor(work.capacityPerS, source.fallsWhilePaused),
		signals: { lag: source.lag, heap: heapSignal(), delay: eventLoopDelaySignal() },
		intake: source.intake,
		capacityPerS: work.capacityPerS,
		tiers: marketDataTiers,
		...classification,
		spill: directory === undefined ? memorySpill() : fileSpill({ directory, maxBytes: SPILL_BYTES_MAX }),
		replay: { maxPerS: REPLAY_SHARE * work.capacityPerS },
	});
	const watching = await watched(shedder, watch);
	if (watching.urls.length > 0) stage.tell(`To be watched at ${watching.urls.join(' and ')}`);
	const nowMs = () => performance.now();
	const monitor = createMonitor(shedder, {
		gauges: GAUGES,
		nowMs,
		counts: () => ({ arrived: source.counts().arrived, finished: finishedOf(shedder.stats()) }),
		weight: 1,
		traceMs: TRACE_MS,
	});
	narrate(shedder, { stage, gauges: GAUGES, time: monitor.time });
	let title = 'Real load';
	let shownAtMs = 0;
	const looking = setInterval(() => {
		monitor.look();
		if (!stage.live && nowMs() - shownAtMs < LINE_MS) return;
		shownAtMs = nowMs();
		stage.show(monitor.moment(title));
	}, LOOK_MS);

	const recovered = () =>
		shedder.level === 'NORMAL' &&
		shedder.stats().waiting === 0 &&
		// Messages still come, and some brokers hear of what is done a little later.
		source.counts().waiting <= CALM_LAG_S * plan.calmPerS;
	const survive = async () => {
		shedder.start();
		await source.start(shedder, burning(work), (error) =>
			stage.line(`  ${monitor.time()}  the consumer failed: ${error}`),
		);
		// The load begins with the other process, which takes its time to start.
		await until(() => source.counts().arrived > 0, START_WITHIN_MS);
		await sleep((plan.calmForS + plan.loadForS) * 1000);
		title = 'Real load: over';
		stage.tell(`The load is over: ${whole(plan.calmPerS)} messages a second from now on. Nobody tells the ladder.`);
		await until(recovered, recoverWithinMs);
		const delivery = await source.finish();
		await until(() => shedder.stats().waiting === 0 && shedder.stats().inFlight === 0, START_WITHIN_MS);
		stage.show(monitor.moment('Real load: the end'));
		return { ...delivery, stats: shedder.stats() };
	};
	try {
		return await Promise.race([survive(), aborted(interruption)]);
	} finally {
		clearInterval(looking);
		await watching.close();
		stage.end();
		await source.close();
		await shedder.stop();
	}
}

/** The handler: burns CPU time, and lets others have the core now and then. */
function burning({ work }: Work): Handle {
	let sinceMs = performance.now();
	return (message, context) => {
		const result = work(message, context);
		// A replayed message makes room for the live ones.
		if (!context.replayed && performance.now() - sinceMs < SLICE_MS) return result;
		return breathe().then(() => {
			sinceMs = performance.now();
			return result;
		});
	};
}

const finishedOf = ({ offered, inFlight }: Stats): number => offered - inFlight;

/** Waits until something is the case, or for so long. */
async function until(fact: () => boolean, withinMs: number): Promise<void> {
	for (const endMs = performance.now() + withinMs; !fact() && performance.now() < endMs; ) await sleep(LOOK_MS);
}
