import { counter, gauge } from './metric.js';

/** Who is how important, and whether the last word on it is in force. */
export const tierMetrics = [
	gauge('tier_registry_version', {
		unit: 'count',
		help: 'How often the tiers were replaced since the start, plus 1; not comparable between processes',
		from: ({ tiers }) => tiers.version,
	}),
	counter('tier_reloads_total', {
		unit: 'count',
		help: 'Attempts to replace the tiers; after a failed one the old ones stay',
		labels: ['result'],
		from: ({ tiers }) => [
			{ result: 'ok', value: tiers.reloads.ok },
			{ result: 'failed', value: tiers.reloads.failed },
		],
	}),
	gauge('tier_reload_failing', {
		unit: 'state',
		help: 'Whether the last attempt to replace the tiers has failed, so that what is in force is not what was wanted',
		from: ({ tiers }) => (tiers.reloads.failing ? 1 : 0),
	}),
	gauge('tier_members', {
		unit: 'count',
		help: 'How many keys a tier lists',
		labels: ['tier'],
		absent: 'for the tier of all keys that are not listed',
		from: ({ tiers }) => tiers.keys.map((value, at) => ({ tier: tiers.names[at] as string, value })),
	}),
];
