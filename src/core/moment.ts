import { calmTimes, calmVerdict, type Verdict } from './calm.js';
import type { Compiled } from './compile.js';
import { ALMOST_ONE, severityOf } from './hysteresis.js';
import { isStale, type Sensor, sense } from './sensor.js';
import type { LadderState, Sample } from './state.js';

/** From this share on a spill may claim the features' capacity for its replay; down to the second it keeps it (rule M3). */
const LEAN_FROM = 0.1;
const LEAN_UNTIL = 0.05;
/** Below this predicted utilisation with all features on replay finds its room without that. */
const ROOMY = 0.9;

/** What is asked for, and by whom; each includes the one before it. */
interface Demand {
	/** The level that readings known now ask for (rule R1). */
	readonly live: number;
	/** With stale signals that demand a level (rule R5). */
	readonly withStale: number;
	/** With the room that replay wants (rule M3). */
	readonly demand: number;
	/** The demand with its fraction towards the next level. */
	readonly severity: number;
}

/** All that is known while one sample is worked on. */
export interface Moment extends Demand {
	readonly ladder: Compiled;
	readonly before: LadderState;
	readonly sample: Sample;
	readonly atMs: number;
	readonly elapsedMs: number;
	readonly sensors: readonly Sensor[];
	/** Every signal is known, and was known a sample ago. */
	readonly inSight: boolean;
	/** Per level: whether it is calm. */
	readonly verdicts: readonly Verdict[];
	/** Per level: for how long. */
	readonly calmMs: readonly (number | null)[];
	/** For how long a recovery has been held back by now, if it still is, ms. */
	readonly heldMs: number;
	readonly leanForReplay: boolean;
}

/** Judges the sample: time, sensors, calm and demand. Nothing is decided yet. */
export function look(ladder: Compiled, before: LadderState, sample: Sample): Moment {
	const atMs = Number.isFinite(sample.atMs) ? sample.atMs : before.atMs;
	const elapsedMs = Math.max(0, atMs - before.atMs);
	const trafficMoves = sample.trafficMoves ?? true;
	const assignedAnew = sample.assignedAnew ?? false;
	let inSight = true;
	const sensors = ladder.signals.map((signal, i) => {
		const was = before.sensors[i] as Sensor;
		const is = sense(signal, was, sample.readings[signal.name] as number, elapsedMs, trafficMoves, assignedAnew);
		inSight &&= was.unknownMs === null && is.unknownMs === null;
		return is;
	});
	const verdicts = ladder.pauses.map((_, level) => calmVerdict(ladder, sensors, level));
	const calmMs = calmTimes(ladder, before, sensors, inSight, verdicts, elapsedMs);
	const asked = demandOfSensors(ladder, before, sensors);
	const full = sample.spillFull ?? 0;
	const roomy = (sample.utilisation?.[0] ?? Number.NaN) < ROOMY;
	const leanForReplay = before.leanForReplay
		? before.automatic > 0 && full > LEAN_UNTIL && !roomy
		: full > LEAN_FROM && asked.live > 0 && sample.replaying !== true && !roomy;
	return {
		ladder,
		before,
		sample,
		atMs,
		elapsedMs,
		sensors,
		inSight,
		verdicts,
		calmMs,
		heldMs: before.heldMs === null ? 0 : before.heldMs + elapsedMs,
		leanForReplay,
		live: asked.live,
		withStale: asked.withStale,
		demand: Math.max(asked.withStale, leanForReplay && asked.live > 0 ? ladder.leanLevel : 0),
		severity: Math.max(asked.severity, leanForReplay ? ladder.leanLevel + ALMOST_ONE : 0),
	};
}

/**
 * Demand and severity of judged sensors. While a signal is unknown its last severity is kept, so that a blind sensor
 * never relaxes the treatment; while it is under test its demand is ignored (rule R8).
 */
function demandOfSensors(
	{ signals }: Compiled,
	{ probing, probe }: LadderState,
	sensors: readonly Sensor[],
): Omit<Demand, 'demand'> {
	let live = 0;
	let stale = 0;
	let severity = 0;
	let abandoned = 0;
	let deciding = false;
	for (const [i, signal] of signals.entries()) {
		const sensor = sensors[i] as Sensor;
		// One that was unknown and can fall counts from its first good reading on.
		const stays = signal.policy.fallsWhilePaused === false;
		const underTest = stays && probing && probe !== null && Object.hasOwn(probe.base, signal.name);
		const last = severityOf(signal, sensor.good ?? 0);
		if (!underTest && sensor.unknownMs === null) live = Math.max(live, Math.floor(last));
		if (isStale(signal, sensor) && signal.policy.onStale !== 'hold') {
			stale = Math.max(stale, signal.staleLevel);
			abandoned = Math.max(abandoned, last);
		} else {
			deciding = true;
			severity = Math.max(severity, last);
		}
	}
	return { live, withStale: Math.max(live, stale), severity: Math.max(stale, deciding ? severity : abandoned) };
}
