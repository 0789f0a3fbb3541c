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

		function lagMsOf(lag) {
			if (lag === 0) return 0;
			return lag > 0 && perS > 0 ? (lag * 1000) / perS : Number.NaN;
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

const skip = (sloMs) => ({ skipToLive: { afterMs: 0.99 * sloMs } });
const recommended = (sloMs) => recommendedLadder({ sloMs });
/** The recommended ladder with a part of its definition changed. */
const changed = (change) => (sloMs) => {
	const { spec } = recommended(sloMs);
	return defineLadder({ ...spec, ...change(spec, sloMs) });
};
/** The recommended ladder without some of its signals. */
const without = (...names) =>
	changed(({ levels }) => ({
		levels: levels.map(({ enterAt = {}, ...level }, i) => {
			const left = Object.fromEntries(Object.entries(enterAt).filter(([name]) => !names.includes(name)));
			return i === 0 ? level : { ...level, enterAt: left };
		}),
	}));

export const controllers = {
	brownout: controller(recommended, skip),
	'brownout-talk': controller(() => marketDataLadder),
};

/** The recommended configuration less one part each, and a plain ladder with one part each. */
const wholeLevels = { gradual: false, guard: {} };
const plain = { ...wholeLevels, backoff: false };
const fixedRate = { replayPerS: 400 };
export const ablations = {
	'without message age': controller(without('ageMs'), skip),
	'without lag': controller(without('lagMs'), skip),
	'without heap below CIRCUIT_BREAK': controller(
		changed(({ levels }) => ({
			levels: levels.map((level) =>
				level.enterAt && level.intake === undefined
					? { ...level, enterAt: { ...level.enterAt, heap: undefined } }
					: level,
			),
		})),
		skip,
	),
	'without gradual treatment, with a guard': controller(
		changed(() => wholeLevels),
		skip,
	),
	'without skip to live': controller(recommended),
	'without back-off': controller(
		changed(() => ({ backoff: false })),
		skip,
	),
	'without paced replay': controller(recommended, (sloMs) => ({ ...skip(sloMs), ...fixedRate })),
	'with a given capacity': controller(recommended, (sloMs) => ({ ...skip(sloMs), capacityPerS: 400 })),
	'with a key fence': controller(recommended, (sloMs) => ({ ...skip(sloMs), keyFence: true })),
	plain: controller(
		changed(() => plain),
		() => fixedRate,
	),
	'plain and gradual treatment': controller(
		changed(() => ({ ...plain, gradual: true, guard: false })),
		() => fixedRate,
	),
	'plain and skip to live': controller(
		changed(() => plain),
		(sloMs) => ({ ...skip(sloMs), ...fixedRate }),
	),
	'plain and back-off': controller(
		changed(() => wholeLevels),
		() => fixedRate,
	),
	'plain and paced replay': controller(changed(() => plain)),
};

/** The same configuration, seen through sensors and clocks that are wrong. */
export const impaired = {
	'producers 2 s behind': controller(recommended, skip, { skewMs: 2_000 }),
	'producers 2 s ahead': controller(recommended, skip, { skewMs: -2_000 }),
	'lag unknown': controller(recommended, skip, { hide: ['lagMs'] }),
	'heap unknown': controller(recommended, skip, { hide: ['heap'] }),
};
