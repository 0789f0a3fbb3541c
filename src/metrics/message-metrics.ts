import type { Stats } from '../ports/observable.js';
import { LABELS } from './labels.js';
import { levelsOf } from './levels.js';
import { counter, gauge, oneHot, summed } from './metric.js';

/** What became of messages. */
export const messageMetrics = [
	gauge('mode_active', {
		unit: 'state',
		help: 'Whether decisions are carried out (enforce), only counted (observe), or neither (off)',
		labels: ['mode'],
		from: ({ mode }) => oneHot('mode', LABELS.mode, (name) => name === mode),
	}),
	counter('messages_offered_total', {
		unit: 'messages',
		help: 'Messages handed to the shedder',
		from: ({ offered }) => offered,
	}),
	counter('messages_finished_total', {
		unit: 'messages',
		help: 'Messages that were offered and are done with; those that were kept for later are in spilled_total',
		labels: ['outcome'],
		from: ({ processed, failed, dropped, rejected }) => [
			{ outcome: 'processed', value: processed },
			{ outcome: 'failed', value: failed },
			{ outcome: 'dropped', value: dropped },
			{ outcome: 'rejected', value: rejected },
		],
	}),
	gauge('messages_in_flight', {
		unit: 'messages',
		help: 'Messages in a handler, or on the way to the spill store',
		cluster: 'sum',
		from: ({ inFlight }) => inFlight,
	}),
	counter('decisions_total', {
		unit: 'messages',
		help: 'Decisions; in observe mode what would have been done',
		labels: ['action', 'priority', 'tier'],
		from: (stats) =>
			summed(counted(stats).map(({ action, priority, tier, value }) => ({ action, priority, tier, value }))),
	}),
	counter('messages_shed_total', {
		unit: 'messages',
		help: 'Messages that were not processed at once, by the level that was in force; in observe mode that would not have been',
		labels: ['level', 'tier', 'action'],
		from: (stats) =>
			summed(
				counted(stats)
					.filter(({ action, skipped }) => action !== 'process' && skipped !== true)
					.map(({ level, tier, action, value }) => ({ level, tier, action, value })),
			),
	}),
	counter('protected_shed_total', {
		unit: 'messages',
		help: 'Protected messages that were shed: must be 0',
		from: ({ protectedShed }) => protectedShed,
	}),
];

/** What was decided, and with 0 what may be: a counter that appears with its first count has no increase yet. */
function counted({ decisions, ladder, tiers }: Stats) {
	const levels = levelsOf({ ladder });
	const possible = tiers.names.flatMap((tier, at) =>
		(tiers.priorities[at] ?? []).flatMap((priority) =>
			levels.map(({ name, actions }) => ({
				level: name,
				tier,
				priority,
				action: actions[priority] ?? 'process',
				skipped: undefined,
				value: 0,
			})),
		),
	);
	return [...possible, ...decisions.map(({ n, ...decision }) => ({ ...decision, value: n }))];
}
