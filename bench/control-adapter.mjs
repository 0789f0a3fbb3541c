// Controllers for a referee of degradation ladders, made of the package's public functions only. Build first.
// A factory is called once a run: `observe(sample) -> level`, `decide(message) -> 'process' | 'light' | 'spill' | 'drop'`,
// `paused()`, `replayRate() -> messages a second`. One configuration for all scenarios.
import { defineLadder, marketDataLadder, positionOf, recommendedLadder } from '../dist/index.js';
import { createPilot } from '../dist/simulate/index.js';

const PRIORITIES = [undefined, 'critical', 'high', 'normal', 'low'];
/** What the referee's spill holds; a spill store says so itself. */
const SPILL_MAX = 20_000_000;
/** The lag is divided by the rate at which messages were taken, averaged over this time, as `lagMs` does. */
const SMOOTH_MS = 3_000;

const positions = new Map();
function positionOfKey(key) {
	let position = positions.get(key);
	if (position === undefined) {
		position = positionOf(key);
		positions.set(key, position);
	}
	return position;
}

/**
 * @param ladderFor  sloMs -> ladder.
 * @param optionsFor sloMs -> options of the pilot.
 * @param hide       names of readings that the controller does not get; `skewMs` is added to each age.
 */
export function controller(ladderFor, optionsFor = () => ({}), { hide = [], skewMs = 0 } = {}) {
	return ({ SLO_MS, W }) => {
		const ladder = ladderFor(SLO_MS);
		const pilot = createPilot(ladder, optionsFor(SLO_MS));
		let atMs = 0;
		let taken = 0;
		let perS = Number.NaN;
		let full = 0;
		let last = {};

		function lagMsOf(lag) {
			if (lag !== last.lag || Number.isNaN(last.ms))
				last = { lag, ms: lag === 0 ? 0 : lag > 0 && perS > 0 ? (lag * 1000) / perS : Number.NaN };
			return last.ms;
		}

		return {
			observe({ lag, heapPct, spillPending, monoMs }) {
				const elapsedMs = monoMs - atMs;
				atMs = monoMs;
				if (elapsedMs > 0 && (taken > 0 || !(perS > 0) || elapsedMs >= SMOOTH_MS)) {
					const rate = (taken * W * 1000) / elapsedMs;
					perS = perS > 0 ? perS + (rate - perS) * Math.min(1, elapsedMs / SMOOTH_MS) : rate;
					taken = 0;
				}
				full = spillPending / SPILL_MAX;
				const readings = { lag, lagMs: lagMsOf(lag), heap: heapPct / 100 };
				if (hide.includes('ageMs')) readings.ageMs = Number.NaN;
				for (const name of hide) readings[name] = Number.NaN;
				return pilot.check({ atMs: monoMs, readings, spillFull: full, waiting: spillPending / W }).state.level;
			},
			decide({ priority, symbol, ageMs, replay }) {
				taken++;
				const message = {
					priority: PRIORITIES[priority],
					position: positionOfKey(symbol),
					ageMs: ageMs + skewMs,
					replayed: replay,
				};
				const { action, features } = pilot.decide(message);
				// A spill that is full loses nothing: what it cannot take is processed, lean (rule M2).
				if (action === 'process' || (action === 'spill' && full > 0.999)) {
					return action === 'process' && features.enrichment ? 'process' : 'light';
				}
				return action;
			},
			paused: () => pilot.paused,
			replayRate: () => pilot.replayPerS * W,
		};
	};
}

/** Replay that asks nobody: as much as the consumer could do if nothing else arrived. */
const fixedRate = { replayPerS: 400 };
const skip = (sloMs) => ({ skipToLive: { afterMs: 0.99 * sloMs } });
const recommended = (sloMs) => recommendedLadder({ sloMs });
/** The recommended ladder with a part of its definition changed. */
const changed = (change) => (sloMs) => {
	const { spec } = recommended(sloMs);
	return defineLadder({ ...spec, ...change(spec, sloMs) });
};
/** The recommended ladder without some of its signals; heap goes on stopping intake. */
const without = (...names) =>
	changed(({ levels }) => ({
		levels: levels.map(({ enterAt, ...level }) => {
			if (enterAt === undefined) return level;
			const left = Object.entries(enterAt).filter(([name]) => !names.includes(name) || level.intake !== undefined);
			return { ...level, enterAt: Object.fromEntries(left) };
		}),
	}));

export const controllers = {
	brownout: controller(recommended, skip),
	'brownout-talk': controller(() => marketDataLadder),
};

const fewerSignals = (...names) => controller(without(...names), skip);
const withSignals = (change) =>
	changed(({ signals }) => ({
		signals: Object.fromEntries(Object.entries(signals).map(([name, policy]) => [name, { ...policy, ...change }])),
	}));
const oneCooldown = ({ levels }) => levels.map(({ cooldownMs: _, ...level }) => level);

/** The recommended configuration less one part each. */
const less = {
	'message age': fewerSignals('ageMs'),
	'lag in time': fewerSignals('lagMs'),
	'heap below CIRCUIT_BREAK': fewerSignals('heap'),
	'gradual treatment, with a guard': controller(
		changed(() => ({ gradual: false, guard: {} })),
		skip,
	),
	'CIRCUIT_BREAK’s own cooldown': controller(
		changed(({ levels }) => ({ levels: oneCooldown({ levels }) })),
		skip,
	),
	'back-off': controller(
		changed(() => ({ backoff: false })),
		skip,
	),
	'bridging of readings': controller(withSignals({ maxAgeMs: undefined }), skip),
	'stuck sensors': controller(withSignals({ stuckAfterMs: undefined }), skip),
	'the probe': controller(
		changed(() => ({ probe: undefined })),
		skip,
	),
	'skip to live': controller(recommended),
	'replay by severity: at NORMAL': controller(recommended, (sloMs) => ({ ...skip(sloMs), replayUpTo: 'NORMAL' })),
	'the pace: 20 000 messages/s': controller(recommended, (sloMs) => ({ ...skip(sloMs), ...fixedRate })),
	'learned costs': controller(recommended, (sloMs) => ({ ...skip(sloMs), learnCosts: false })),
};

/** The preset's thresholds on whole levels with a guard; replay as fast as it goes below AGGRESSIVE. */
const bare = { gradual: false, guard: {}, backoff: false };
const plainWith = (change = {}) =>
	controller(
		changed(() => ({ ...bare, ...change })),
		() => fixedRate,
	);
const more = {
	'gradual treatment': plainWith({ gradual: true, guard: false }),
	'skip to live': controller(
		changed(() => bare),
		(sloMs) => ({ ...skip(sloMs), ...fixedRate }),
	),
	'back-off': plainWith({ backoff: { factor: 4 } }),
	'the pace': controller(changed(() => bare)),
};

const named = (begin, parts) =>
	Object.fromEntries(Object.entries(parts).map(([name, part]) => [`${begin} ${name}`, part]));
export const ablations = {
	...named('without', less),
	'with a given capacity': controller(recommended, (sloMs) => ({ ...skip(sloMs), capacityPerS: 400 })),
	'with a key fence': controller(recommended, (sloMs) => ({ ...skip(sloMs), keyFence: true })),
	plain: plainWith(),
	...named('plain and', more),
};

/** The same configuration, seen through sensors and clocks that are wrong. */
export const impaired = {
	'producers 2 s behind': controller(recommended, skip, { skewMs: 2_000 }),
	'producers 2 s ahead': controller(recommended, skip, { skewMs: -2_000 }),
	'lag unknown': controller(recommended, skip, { hide: ['lagMs'] }),
	'heap unknown': controller(recommended, skip, { hide: ['heap'] }),
};

/** Producers whose clocks differ, and nobody who learns by how much (rule R9). */
const sameClocks = (sloMs) => ({ ...skip(sloMs), sameClocks: true });
export const unlearned = {
	'2 s behind, taken as it is': controller(recommended, sameClocks, { skewMs: 2_000 }),
	'2 s ahead, taken as it is': controller(recommended, sameClocks, { skewMs: -2_000 }),
};
