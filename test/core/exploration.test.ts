import { describe, expect, test } from 'vitest';
import { defineLadder, type Ladder } from '../../src/core/ladder.js';
import { initialState, type LadderState, type Sample } from '../../src/core/state.js';
import { step } from '../../src/core/step.js';
import { marketDataLadder } from '../../src/presets/market-data.js';
import type { Spec } from '../support/spec.js';

/**
 * Every reachable state of the preset's thresholds and cooldown, and every cell of the input partition from each of them.
 * The ladder only compares a reading with its thresholds and release thresholds, so that one reading for each interval
 * between them covers all real ones, and the search covers every input sequence of any length (in steps of a tick).
 *
 * A second machine, which knows nothing of the first one's state, walks beside it and judges each edge by rules R1 to R5.
 */

const TICK_MS = 10_000;
/** The cooldown in ticks. */
const COOLDOWN = 3;
/** Unknown for longer than this many ticks is stale. */
const STALE = 2;

const { probe: _, guard: __, backoff: ___, ...preset } = marketDataLadder.spec;

/** Pure thresholds and cooldown: no guard, no back-off, and no probe, hence nothing that could not fall while paused. */
const thresholds: Spec = {
	...preset,
	signals: Object.fromEntries(
		Object.entries(preset.signals).map(([name, policy]) => [
			name,
			{ recoverBelow: policy.recoverBelow, staleAfterMs: STALE * TICK_MS },
		]),
	),
	backoff: false,
};

/** One reading for each interval between two neighbouring edges of a signal, the edge itself, and an unknown one. */
function cellsOf(spec: Spec, signal: string): readonly number[] {
	const { recoverBelow } = spec.signals[signal] as Spec['signals'][string];
	const limits = spec.levels.flatMap(({ enterAt }) => enterAt?.[signal] ?? []);
	const edges = [...new Set([...limits, ...limits.map((limit) => limit * recoverBelow)])].sort((a, b) => a - b);
	// Below the first edge, at each edge, and above the last one. Intervals are closed below: reached = tripped.
	return [0, ...edges, Number.NaN];
}

function inputsOf(spec: Spec): readonly Sample['readings'][] {
	return Object.keys(spec.signals).reduce<readonly Sample['readings'][]>(
		(inputs, signal) =>
			inputs.flatMap((input) => cellsOf(spec, signal).map((reading) => ({ ...input, [signal]: reading }))),
		[{}],
	);
}

/** What the rules have to know of the past, in ticks and capped: nothing of it is taken from the ladder. */
interface Witness {
	readonly level: number;
	/** Per signal, for how long it has been unknown; -1 while it is known. */
	readonly unknown: { readonly [signal: string]: number };
	/** Per level, the ticks for which it has been calm; -1 while it is not. */
	readonly calm: readonly number[];
}

interface Verdict {
	readonly witness: Witness;
	readonly demand: number;
	readonly level: number;
	/** No level that is left, nor one between, may be missing from this list. */
	readonly mayLeave: readonly boolean[];
	readonly blind: boolean;
}

/** What rules R1 to R5 say of one edge. */
function judge(spec: Spec, before: Witness, readings: Sample['readings']): Verdict {
	const signals = Object.entries(spec.signals);
	const unknown = Object.fromEntries(
		signals.map(([signal]) => {
			const was = before.unknown[signal] as number;
			return [signal, Number.isNaN(readings[signal]) ? Math.min(was + 1, STALE + 1) : -1];
		}),
	);
	const isStale = (signal: string, at = unknown) => (at[signal] as number) > STALE;
	const limit = (signal: string, level: number) => spec.levels[level]?.enterAt?.[signal] as number;

	// R1: reached = tripped, and an unknown signal neither demands nor masks.
	const demand = spec.levels.findLastIndex(
		(_level, level) => level === 0 || signals.some(([signal]) => (readings[signal] as number) >= limit(signal, level)),
	);

	const escalates = demand > before.level;
	const climbed = escalates ? before.level + 1 : before.level;
	const calm = spec.levels.map((_level, level) => {
		if (level === 0) return -1;
		const loud = signals.some(
			([signal, { recoverBelow }]) => (readings[signal] as number) >= limit(signal, level) * recoverBelow,
		);
		const abandoned = signals.every(([signal]) => isStale(signal));
		if (loud || abandoned) return -1;
		// R5: a fresh unknown freezes; turning stale breaks; stale and ignored leaves the decision to the others.
		const turned = signals.some(([signal]) => isStale(signal) && !isStale(signal, before.unknown));
		const fresh = (at: Witness['unknown']) =>
			signals.some(([signal]) => (at[signal] as number) >= 0 && !isStale(signal, at));
		const was = before.calm[level] as number;
		if (turned) return fresh(unknown) ? -1 : 0;
		if (fresh(unknown)) return was;
		if (was < 0) return 0;
		return Math.min(fresh(before.unknown) ? was : was + 1, COOLDOWN);
	});
	const blind = signals.some(([signal]) => (unknown[signal] as number) >= 0 && !isStale(signal));

	// R4: the lowest level above which every rung has been calm for a cooldown, judged only in a sample that sees.
	const mayLeave = calm.map((ticks) => ticks >= COOLDOWN && !blind);
	let level = before.level;
	if (escalates) level = climbed;
	else while (level > 0 && mayLeave[level]) level--;
	return {
		demand,
		level,
		mayLeave,
		blind,
		witness: {
			level,
			unknown,
			calm: calm.map((ticks, rung) => (escalates && rung <= level && ticks >= 0 ? 0 : ticks)),
		},
	};
}

/** The state without what only grows: instants, and durations beyond the point where they make a difference. */
function normal(state: LadderState): LadderState {
	const cap = (ms: number | null, ticks: number) => (ms === null ? null : Math.min(ms, ticks * TICK_MS));
	return {
		...state,
		atMs: 0,
		sinceMs: 0,
		calmMs: state.calmMs.map((ms, level) => (level === 0 ? 0 : cap(ms, COOLDOWN))),
		sensors: state.sensors.map((sensor) => ({
			// The last good reading only matters where it bridges or is stuck; here it does neither.
			good: null,
			ageMs: 0,
			sameMs: 0,
			unknownMs: cap(sensor.unknownMs, STALE + 1),
		})),
		// No look is ever due.
		probe: null,
		backoff: { ...state.backoff, quietMs: 0, sinceRecoveryMs: null, flaps: 0 },
	};
}

interface Exploration {
	readonly states: number;
	readonly edges: number;
	readonly transitions: number;
	readonly violations: ReadonlyMap<string, { count: number; readonly example: string }>;
}

function explore(ladder: Ladder): Exploration {
	const { spec } = ladder;
	const inputs = inputsOf(spec);
	const violations = new Map<string, { count: number; readonly example: string }>();
	const start: { readonly state: LadderState; readonly witness: Witness } = {
		state: normal(initialState(ladder, 0)),
		witness: {
			level: 0,
			unknown: Object.fromEntries(ladder.signals.map((signal) => [signal, 0])),
			calm: ladder.levels.map(() => -1),
		},
	};
	const seen = new Set([JSON.stringify(start)]);
	const queue: (typeof start)[] = [start];
	let edges = 0;
	let transitions = 0;
	for (let from = queue.shift(); from !== undefined; from = queue.shift()) {
		for (const readings of inputs) {
			edges++;
			const taken = step(ladder, from.state, { atMs: TICK_MS, readings });
			const { witness, demand, level, mayLeave, blind } = judge(spec, from.witness, readings);
			const [was, is] = [from.state.level, taken.state.level];
			if (was !== is) transitions++;
			const left = Array.from({ length: Math.max(0, was - is) }, (_level, i) => was - i);
			const rules = {
				'R1 the demand is the highest level that a known signal has reached':
					ladder.levels.indexOf(taken.demand) === demand,
				'R2 a higher demand climbs one level at once, and nothing else climbs':
					is > was ? demand > was && is === was + 1 : demand <= was,
				'R3 and R4 every rung that is left has been calm for an unbroken cooldown': left.every(
					(rung) => mayLeave[rung],
				),
				'R4 recovery goes to the lowest such level at once': is === level,
				'R5 an unknown signal recovers nothing': !(blind && is < was),
				'the transition is told': (taken.transition !== null) === (was !== is),
				'what is not recovered is held, and says why': is === 0 || is !== was || demand > is || taken.holds.length > 0,
			};
			for (const [rule, holds] of Object.entries(rules)) {
				if (holds) continue;
				const example = `${JSON.stringify(from)} with ${JSON.stringify(readings)} -> level ${is}, expected ${level}`;
				const known = violations.get(rule) ?? { count: 0, example };
				violations.set(rule, { ...known, count: known.count + 1 });
			}
			const next = { state: normal(taken.state), witness };
			const key = JSON.stringify(next);
			if (!seen.has(key)) {
				seen.add(key);
				queue.push(next);
			}
		}
	}
	return { states: seen.size, edges, transitions, violations };
}

describe('every reachable state of the preset, with every input', () => {
	test('R1-R5: no edge breaks a rule', { timeout: 120_000 }, () => {
		const { states, edges, transitions, violations } = explore(
			defineLadder<string, string, string, string, string>(thresholds),
		);
		console.info(`explored ${states} states and ${edges} edges, ${transitions} of them transitions`);
		expect([...violations]).toEqual([]);
		// A search that stops early proves nothing.
		expect(states).toBeGreaterThan(500);
		expect(edges).toBe(states * inputsOf(thresholds).length);
		expect(transitions).toBeGreaterThan(1_000);
	});
});
