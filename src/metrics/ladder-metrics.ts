import type { Stats } from '../ports/observable.js';
import { LABELS } from './labels.js';
import { levelsOf } from './levels.js';
import { counter, gauge, oneHot, summed, timestamp } from './metric.js';

const namesOf = ({ ladder }: Pick<Stats, 'ladder'>): readonly string[] => ladder.levels.map(({ name }) => name);

/** Where the ladder stands, how it got there, and what keeps it from recovering. */
export const ladderMetrics = [
	gauge('degradation_level', {
		unit: 'level',
		help: 'The level in force, 0 = nothing is given up',
		from: ({ levelIndex }) => levelIndex,
	}),
	gauge('degradation_level_active', {
		unit: 'state',
		help: 'Whether a level is the one in force: 1 for one of them, 0 for the others',
		labels: ['level'],
		from: (stats) => oneHot('level', namesOf(stats), (name) => name === stats.level),
	}),
	gauge('degradation_demand_level', {
		unit: 'level',
		help: 'The level that the readings ask for',
		from: ({ demandIndex }) => demandIndex,
	}),
	gauge('degradation_severity', {
		unit: 'level',
		help: 'The demand with its fraction towards the next level; what gradual treatment follows',
		from: ({ severity }) => severity,
	}),
	gauge('degradation_shedding', {
		unit: 'state',
		help: 'Whether the level in force gives up messages of any priority, or intake, and not only features',
		from: (stats) => {
			const { actions = {}, pausesIntake = false } = levelsOf(stats)[stats.levelIndex] ?? {};
			return pausesIntake || Object.values(actions).some((action) => action !== 'process') ? 1 : 0;
		},
	}),
	counter('degradation_transitions_total', {
		unit: 'count',
		help: 'Changes of the level in force',
		labels: ['from_level', 'to_level', 'cause'],
		from: (stats) =>
			summed([
				...possibleTransitions(stats).map((row) => ({ ...row, value: 0 })),
				...stats.transitions.map(({ from, to, cause, n }) => ({ from_level: from, to_level: to, cause, value: n })),
			]),
	}),
	counter('flaps_total', {
		unit: 'count',
		help: 'Escalations within 60 s of a recovery',
		from: ({ flaps }) => flaps,
	}),
	counter('time_in_level_seconds_total', {
		unit: 'seconds',
		help: 'Time spent at each level',
		labels: ['level'],
		from: ({ timeInLevelMs }) => Object.entries(timeInLevelMs).map(([level, ms]) => ({ level, value: ms / 1000 })),
	}),
	gauge('last_transition_timestamp_seconds', {
		unit: 'timestamp',
		help: 'When the level changed last',
		absent: 'before the first transition',
		from: ({ lastTransitionAtMs }) => timestamp(lastTransitionAtMs),
	}),
	gauge('cooldown_remaining_seconds', {
		unit: 'seconds',
		help: 'How long the level in force has to stay calm before it is left, 0 when no cooldown holds it',
		from: ({ cooldownRemainingMs }) => cooldownRemainingMs / 1000,
	}),
	gauge('recovery_held', {
		unit: 'state',
		help: 'Whether something keeps the ladder from recovering',
		labels: ['reason'],
		from: ({ holds }) => oneHot('reason', LABELS.reason, (reason) => holds.some((hold) => hold.reason === reason)),
	}),
	gauge('predicted_utilisation_ratio', {
		unit: 'ratio',
		help: 'The share of the capacity that the load of now would take at a level',
		labels: ['level'],
		absent: 'while it is unknown',
		from: (stats) => namesOf(stats).map((level, at) => ({ level, value: stats.utilisation[at] ?? Number.NaN })),
	}),
	gauge('overridden', {
		unit: 'state',
		help: "Whether a person's word is over the automatic level",
		from: ({ override }) => (override === null ? 0 : 1),
	}),
	gauge('override_remaining_seconds', {
		unit: 'seconds',
		help: 'How long the override lasts',
		absent: 'without one',
		from: ({ override }) => override && override.remainingMs / 1000,
	}),
	gauge('intake_paused', {
		unit: 'state',
		help: 'Whether new messages are stopped',
		from: ({ accepting }) => (accepting ? 0 : 1),
	}),
	gauge('intake_probing', {
		unit: 'state',
		help: 'Whether a paused intake is open for a look',
		from: ({ probing }) => (probing ? 1 : 0),
	}),
];

/**
 * The transitions that any load may cause. A counter that appears only when it is counted up the first time has no increase
 * yet, and most transitions happen once.
 */
function possibleTransitions({ ladder, signals }: Stats) {
	const { escalation = 'step', recovery = 'jump' } = ladder;
	const levels = namesOf({ ladder });
	return levels.flatMap((from_level, from) =>
		levels.flatMap((to_level, to) => {
			const step = Math.abs(to - from) === 1;
			if (to < from) return step || recovery === 'jump' ? [{ from_level, to_level, cause: 'recovered' }] : [];
			if (to === from || !(step || escalation === 'jump')) return [];
			return signals
				.filter(({ thresholds }) => thresholds.some(({ level }) => levels.indexOf(level) >= to))
				.map(({ name }) => ({ from_level, to_level, cause: name }));
		}),
	);
}
